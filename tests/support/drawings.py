"""What holds for every diagram."""

from __future__ import annotations

from itertools import combinations

from peaceful.web._diagrams import Drawing, Plan

NEAR = 0.01


def around(plan: Plan, one: str) -> list[str]:
    """What a node is in."""
    inside = {node.id: node.inside for node in plan.nodes}
    found: list[str] = []
    here = inside[one]
    while here is not None:
        found.append(here)
        here = inside[here]
    return found


def check_drawing(drawing: Drawing) -> None:
    """All that holds for every drawing."""
    plan = drawing.plan
    boxes = {box.node.id: box for box in drawing.boxes}
    assert [box.node for box in drawing.boxes] == list(plan.nodes)
    for box in drawing.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.right <= drawing.width
        assert box.bottom <= drawing.height
        if box.node.inside is not None:
            holder = boxes[box.node.inside]
            assert holder.holds
            assert holder.x < box.x
            assert box.right < holder.right
            assert holder.y < box.y
            assert box.bottom < holder.bottom
    for one, other in combinations(drawing.boxes, 2):
        if one.node.id in around(plan, other.node.id) or other.node.id in around(plan, one.node.id):
            continue
        beside = one.right <= other.x + NEAR or other.right <= one.x + NEAR
        below = one.bottom <= other.y + NEAR or other.bottom <= one.y + NEAR
        assert beside or below, (one, other)
    for line in drawing.lines:
        heights = [y for _, y in line.points]
        assert heights == sorted(heights)
        assert heights[0] < heights[-1]
        for x, y in line.points:
            assert 0 <= x <= drawing.width
            assert 0 <= y <= drawing.height
    shown = {
        (source, target)
        for line in drawing.lines
        for source in line.sources
        for target in line.targets
    }
    assert shown == {
        (link.source, link.target)
        for link in plan.links
        if link.source not in around(plan, link.target)
    }
