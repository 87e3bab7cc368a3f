"""Writing plans in DOT, the language of Graphviz."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from peaceful._web.diagrams.plan import Link, Node, Plan, visible


def graph(
    plan: Plan, head: str, attributes: Callable[[Node], Sequence[str]], edges: Iterable[str]
) -> str:
    """Return a plan in DOT, with statements for its head and its edges.

    Nodes that hold others become clusters: then `attributes` returns statements about the cluster.
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
    """Return the statement about an arrow between two nodes."""
    more = f" [{', '.join(attributes)}]" if attributes else ""
    return f"{quoted(source)} -> {quoted(target)}{more};"


def cut_off(link: Link, holders: Container[str | None]) -> list[str]:
    """Return the attributes that cut an arrow off at the borders of clusters."""
    ends = (("ltail", link.source), ("lhead", link.target))
    return [f"{name}={cluster(one)}" for name, one in ends if one in holders]


def cluster(one: str) -> str:
    """Return the name of the cluster of a node."""
    return quoted(f"cluster_{one}")


def quoted(text: str) -> str:
    """Return a text as a string of DOT."""
    escaped = visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
