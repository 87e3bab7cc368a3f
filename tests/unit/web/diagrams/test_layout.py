"""Where things stand in a diagram."""

from __future__ import annotations

import pytest
from drawings import check_drawing
from hypothesis import given
from hypothesis import strategies as st

from peaceful.errors import DiagramTooLarge
from peaceful.web._diagrams import MOST_NODES, Link, Node, Plan, drawn

NEAR = 0.01


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Things in things, with arrows that make no circle; what holds others comes before them."""
    number = draw(st.integers(0, 24))
    nodes = [
        Node(
            f"n{at}",
            draw(st.text(max_size=40)),
            draw(st.none() | st.sampled_from([f"n{one}" for one in range(at)])) if at else None,
        )
        for at in range(number)
    ]
    ends = st.tuples(st.integers(0, max(number - 1, 0)), st.integers(0, max(number - 1, 0)))
    pairs = draw(st.lists(ends, max_size=40, unique=True)) if number else []
    links = tuple(Link(f"n{a}", f"n{b}") for a, b in pairs if a < b)
    return Plan("flow", "what waits for what", tuple(nodes), links)


@given(plans())
def test_everything_has_its_place(plan: Plan) -> None:
    """No two boxes overlap, what is in a box is drawn in it, and every arrow goes down."""
    check_drawing(drawn(plan))


@given(plans())
def test_the_same_plan_gives_the_same_drawing(plan: Plan) -> None:
    """To the pixel."""
    assert drawn(plan) == drawn(plan)


@given(plans())
def test_lines_begin_and_end_at_boxes(plan: Plan) -> None:
    """At the edge of what they come from, and on top of what they lead to."""
    drawing = drawn(plan)
    boxes = {box.node.id: box for box in drawing.boxes}
    for line in drawing.lines:
        x, y = line.points[-1]
        if len(line.targets) == 1:
            box = boxes[line.targets[0]]
            assert box.x <= x <= box.right
            assert abs(box.y - y) < NEAR
        x, y = line.points[0]
        if len(line.sources) == 1:
            box = boxes[line.sources[0]]
            assert box.x - NEAR <= x <= box.right + NEAR
            assert box.y <= y <= box.bottom + NEAR


def test_what_stands_alike_keeps_its_order() -> None:
    """From left to right, in rows from above to below."""
    nodes = tuple(Node(f"n{at}", f"item_{at}") for at in range(30))
    boxes = drawn(Plan("flow", "", nodes, ())).boxes
    places = [(box.y, box.x) for box in boxes]
    assert places == sorted(places)


@pytest.mark.parametrize("number", [2, 40, 60, 200])
def test_a_wide_flow_does_not_make_a_wide_picture(number: int) -> None:
    """What waits for the same is put in rows, and one arrow leads there."""
    nodes = tuple(Node(f"n{at}", f"item_{at}") for at in range(number + 1))
    drawing = drawn(
        Plan("flow", "", nodes, tuple(Link("n0", f"n{at}") for at in range(1, number + 1)))
    )
    check_drawing(drawing)
    assert drawing.width < 1200
    assert len(drawing.lines) <= 2


def test_parts_that_nothing_joins_stand_side_by_side() -> None:
    """On shelves, not wider than needs be."""
    nodes = tuple(Node(f"n{at}", f"item_{at}") for at in range(40))
    links = tuple(Link(f"n{at}", f"n{at + 10}") for at in range(30))
    drawing = drawn(Plan("flow", "", nodes, links))
    check_drawing(drawing)
    assert drawing.width < 1200
    assert len({box.y for box in drawing.boxes}) == 8


def test_too_much_to_take_in_is_not_drawn() -> None:
    """It is said, with what to do instead."""
    nodes = tuple(Node(f"n{at}", f"item_{at}") for at in range(MOST_NODES + 1))
    with pytest.raises(DiagramTooLarge) as raised:
        drawn(Plan("flow", "all", nodes, ()))
    assert "format=dot" in raised.value.help


def test_a_way_out_of_a_box_and_back_in_leads_down() -> None:
    """What is seen as a circle from outside shares rows."""
    nodes = (
        Node("bucket", "bucket"),
        Node("first", "first", "bucket"),
        Node("between", "between"),
        Node("last", "last", "bucket"),
    )
    links = (Link("first", "between"), Link("between", "last"), Link("bucket", "between"))
    drawing = drawn(Plan("flow", "", nodes, links))
    check_drawing(drawing)
    tops = {box.node.id: box.y for box in drawing.boxes}
    assert tops["first"] < tops["between"] < tops["last"]
