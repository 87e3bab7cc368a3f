"""A diagram in words, for those who do not see it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from peaceful.web._diagrams._model import Node, Plan

_MOST: Final = 60
"""So many relations are told; whoever wants all has the table of items."""


def told(plan: Plan) -> str:
    """What a plan shows, in sentences."""
    labels = {node.id: node.label for node in plan.nodes}
    inside = {node.id: node.inside for node in plan.nodes}
    before: dict[str, list[str]] = {}
    for link in plan.links:
        if link.source != inside[link.target]:
            before.setdefault(link.target, []).append(labels[link.source])
    told_of = [said for node in plan.nodes if (said := _of(node, labels, before.get(node.id, ())))]
    number = len(plan.nodes)
    sentences = [f"{number} {'thing' if number == 1 else 'things'}", *told_of[:_MOST]]
    if len(told_of) > _MOST:
        sentences.append(f"and {len(told_of) - _MOST} more")
    return "; ".join(sentences) + "." + "".join(f" {note}" for note in plan.notes)


def _of(node: Node, labels: dict[str, str], before: Iterable[str]) -> str:
    parts: list[str] = []
    if node.inside is not None:
        parts.append(f"in {labels[node.inside]}")
    names = list(before)
    if names:
        parts.append(f"after {', '.join(names)}")
    return f"{node.label} {', '.join(parts)}" if parts else ""
