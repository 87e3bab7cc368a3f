"""A plan in DOT, the language of Graphviz."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from peaceful._web.diagrams.plan import Link, Node, Plan, visible


def graph(
    plan: Plan, head: str, attributes: Callable[[Node], Sequence[str]], edges: Iterable[str]
) -> str:
    """Writes a plan: what holds others becomes a cluster.

    Args:
        plan: what is written.
        head: the statements that come first.
        attributes: returns the attributes of a node, or statements about its cluster.
        edges: the statements about edges.
    """
    contents = plan.contents

    def nodes(holder: str | None) -> Iterator[str]:
        for node in contents[holder]:
            if node.id in contents:
                yield f"subgraph {cluster(node.id)} {{ {'; '.join(attributes(node))};"
                yield from nodes(node.id)
                yield "}"
            else:
                yield f"{quoted(node.id)} [{', '.join(attributes(node))}];"

    return "\n".join((f"digraph {quoted(plan.title)} {{", head, *nodes(None), *edges, "}\n"))


def edge(source: str, target: str, attributes: Sequence[str]) -> str:
    """Writes an arrow between two nodes."""
    more = f" [{', '.join(attributes)}]" if attributes else ""
    return f"{quoted(source)} -> {quoted(target)}{more};"


def cut_off(link: Link, holders: Container[str | None]) -> list[str]:
    """Returns the attributes that cut an arrow off at the borders of what it leads from and to."""
    ends = (("ltail", link.source), ("lhead", link.target))
    return [f"{name}={cluster(one)}" for name, one in ends if one in holders]


def cluster(one: str) -> str:
    """Returns the name of the cluster that a node becomes."""
    return quoted(f"cluster_{one}")


def quoted(text: str) -> str:
    """Returns a text as a string of the language."""
    escaped = visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
