"""What holds for every diagram, and layouts without Graphviz for tests of the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from itertools import combinations
from typing import Any

from peaceful._web.diagrams.drawing import Box, Layout, Line, Sketch
from peaceful._web.diagrams.plan import Plan

NEAR = 0.6
"""Pixels by which places may be rounded."""


_HELPER = files("peaceful._web.diagrams") / "helper.py"


def graphviz(text: str) -> Any:
    """What Graphviz answers to text in its language."""
    command = [sys.executable, "-P", str(_HELPER), "30"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    return json.loads(done.stdout)


def by_graphviz(plan: Plan, *, sideways: bool = False) -> Layout:
    """Where Graphviz puts everything, however much it is."""
    sketch = Sketch(plan)
    return sketch.layout(graphviz(sketch.question(sideways=sideways)), sideways=sideways)


def around(plan: Plan, one: str) -> list[str]:
    """What a node is in."""
    inside = {node.id: node.inside for node in plan.nodes}
    found: list[str] = []
    here = inside[one]
    while here is not None:
        found.append(here)
        here = inside[here]
    return found


def stacked(plan: Plan) -> Layout:
    """A layout as it need not be: all boxes below each other, all arrows straight."""
    boxes = {node.id: Box(10, 10 + 50 * at, 100, 30) for at, node in enumerate(plan.nodes)}
    lines = tuple(
        Line((link.source,), (link.target,), _straight(boxes[link.source], boxes[link.target]))
        for link in plan.arrows
    )
    return Layout(120, 20 + 50 * len(boxes), boxes, (), lines)


def _straight(source: Box, target: Box) -> tuple[tuple[float, float], ...]:
    start, end = (source.x, source.y + source.height), (target.x, target.y)
    return (start, start, end, end, end)


def check_layout(plan: Plan, layout: Layout) -> None:
    """No two boxes overlap, what is in a box is within it, and every arrow is there."""
    boxes = layout.boxes
    assert boxes.keys() == {node.id for node in plan.nodes}
    for node in plan.nodes:
        box = boxes[node.id]
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= layout.width + NEAR
        assert box.y + box.height <= layout.height + NEAR
        if node.inside is not None:
            holder = boxes[node.inside]
            assert holder.x < box.x
            assert box.x + box.width < holder.x + holder.width
            assert holder.y < box.y
            assert box.y + box.height < holder.y + holder.height
    for one, other in combinations(plan.nodes, 2):
        if one.id in around(plan, other.id) or other.id in around(plan, one.id):
            continue
        a, b = boxes[one.id], boxes[other.id]
        beside = a.x + a.width <= b.x + NEAR or b.x + b.width <= a.x + NEAR
        below = a.y + a.height <= b.y + NEAR or b.y + b.height <= a.y + NEAR
        assert beside or below, (one, other)
    shown = [
        (source, target)
        for line in layout.lines
        for source in line.sources
        for target in line.targets
    ]
    assert len(shown) == len(set(shown))
    assert set(shown) == {(link.source, link.target) for link in plan.arrows}
    for line in layout.lines:
        assert len(line.way) % 3 == 2
        for x, y in (line.way[0], line.way[-1]):
            assert -NEAR <= x <= layout.width + NEAR
            assert -NEAR <= y <= layout.height + NEAR
