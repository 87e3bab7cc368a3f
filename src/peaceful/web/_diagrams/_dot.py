"""A plan as Graphviz text, for those who lay it out, or draw it, in their own way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from peaceful.web._diagrams._measure import visible
from peaceful.web._diagrams._model import Link, Look, Node, Plan
from peaceful.web._diagrams._nest import Nest
from peaceful.web._diagrams._statuses import PENDING, STATUSES


def dot(plan: Plan, statuses: Mapping[str, str]) -> str:
    """Writes a plan in the language of Graphviz: what holds others becomes a cluster.

    Args:
        plan: what is written.
        statuses: by item, how it stands; those that are not named are pending.
    """
    return "".join(f"{line}\n" for line in _lines(plan, statuses))


def _lines(plan: Plan, statuses: Mapping[str, str]) -> Iterator[str]:
    nest = Nest({node.id: node.inside or "" for node in plan.nodes}, plan.links)
    yield f"digraph {_quoted(plan.name)} {{"
    yield f"  label={_quoted(plan.name)}; labelloc=t; compound=true; rankdir=TB;"
    yield '  graph [fontname="monospace", fontsize=12];'
    yield '  node [shape=box, style="rounded,filled", fontname="monospace", fontsize=12];'
    yield '  edge [color="#8b949e", arrowsize=0.7];'
    nodes = {node.id: node for node in plan.nodes}
    yield from _nodes("", nest, nodes, statuses, 1)
    for link in nest.links:
        yield f"  {_edge(link, nest)}"
    yield "}"


def _nodes(
    level: str, nest: Nest, nodes: Mapping[str, Node], statuses: Mapping[str, str], depth: int
) -> Iterator[str]:
    indent = "  " * depth
    for one in nest.contents[level]:
        if one not in nest.contents:
            yield f"{indent}{_quoted(one)} [{_attributes(nodes[one], statuses)}];"
            continue
        yield f"{indent}subgraph {_quoted(_cluster(one))} {{"
        yield f'{indent}  style="rounded,filled"; {_attributes(nodes[one], statuses, "; ")};'
        # Lines cannot end at a cluster, so they end at a point in it that nobody sees.
        yield f"{indent}  {_quoted(one)} [shape=point, style=invis];"
        yield from _nodes(one, nest, nodes, statuses, depth + 1)
        yield f"{indent}}}"


def _attributes(node: Node, statuses: Mapping[str, str], between: str = ", ") -> str:
    found = [f"label={_quoted(node.label)}"]
    if node.item:
        word = statuses.get(node.item, PENDING)
        look = STATUSES.get(word, STATUSES[PENDING])
        found += [f'color="{look.ink}"', f'fillcolor="{look.ground}"', f"tooltip={_quoted(word)}"]
    else:
        found += ['color="#d5d9dd"', 'fillcolor="#ffffff"']
    if node.look is Look.ACTOR:
        found.append('fontcolor="#5d6670"')
    return between.join(found)


def _edge(link: Link, nest: Nest) -> str:
    ends: Sequence[tuple[str, str]] = (("ltail", link.source), ("lhead", link.target))
    around = [f"{name}={_quoted(_cluster(one))}" for name, one in ends if one in nest.contents]
    attributes = f" [{', '.join(around)}]" if around else ""
    return f"{_quoted(link.source)} -> {_quoted(link.target)}{attributes};"


def _cluster(one: str) -> str:
    return f"cluster_{one}"


def _quoted(text: str) -> str:
    escaped = visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
