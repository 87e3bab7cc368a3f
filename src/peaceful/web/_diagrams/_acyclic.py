"""Arrows in a circle: one of them has to point up."""

from __future__ import annotations

from collections.abc import Sequence

from peaceful.web._diagrams._model import Link, Node


def without_circles(nodes: Sequence[Node], links: Sequence[Link]) -> tuple[Link, ...]:
    """The links, those that would close a circle turned around and marked.

    What is in a node comes after it, as if a link led there; that is never turned around.

    Args:
        nodes: what the links join, each after the one that it is in.
        links: the links, maybe in circles.
    """
    place = {one: at for at, one in enumerate(_order(nodes, links))}
    return tuple(
        dict.fromkeys(
            link
            if place[link.source] < place[link.target]
            else Link(link.target, link.source, back=True)
            for link in links
        )
    )


def _order(nodes: Sequence[Node], links: Sequence[Link]) -> list[str]:
    """Every node after the one that it is in, and where it can be, after what links lead from.

    Where links go around, the first node goes on that what it is in does not hold back.
    """
    inside = {node.id: node.inside for node in nodes}
    steps = [(node.inside, node.id) for node in nodes if node.inside is not None]
    steps += [(link.source, link.target) for link in links]
    after: dict[str, list[str]] = {node.id: [] for node in nodes}
    missing = dict.fromkeys(after, 0)
    for source, target in steps:
        after[source].append(target)
        missing[target] += 1
    order: dict[str, None] = {}
    ready = [one for one, number in missing.items() if not number]
    while len(order) < len(nodes):
        for here in ready:
            order[here] = None
            for one in after[here]:
                missing[one] -= 1
                if not missing[one] and one not in order:
                    ready.append(one)
        left = (one for one in after if one not in order)
        ready = [one for one in left if inside[one] is None or inside[one] in order][:1]
    return list(order)
