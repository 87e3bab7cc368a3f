"""Where things stand in a diagram."""

from __future__ import annotations

import pytest
from diagram_checks import by_graphviz, check_layout
from hypothesis import given, settings
from hypothesis import strategies as st

from peaceful._errors.requests import DiagramTooLarge
from peaceful._web.diagrams.graphviz import Layouts
from peaceful._web.diagrams.plan import (
    MOST_ARROWS,
    MOST_BOXES,
    Link,
    Plan,
    PlanNode,
    check_size,
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Things in things, with arrows, also in circles; what holds others comes before them."""
    number = draw(st.integers(0, 24))
    nodes = [
        PlanNode(
            f"n{at}",
            draw(st.text(max_size=40)),
            draw(st.none() | st.sampled_from([f"n{one}" for one in range(at)])) if at else None,
        )
        for at in range(number)
    ]
    ends = st.tuples(st.integers(0, max(number - 1, 0)), st.integers(0, max(number - 1, 0)))
    pairs = draw(st.lists(ends, max_size=40)) if number else []
    links = tuple(Link(f"n{a}", f"n{b}") for a, b in pairs if a != b)
    return Plan("flow", "what waits for what", tuple(nodes), links)


@given(plans(), st.booleans())
@settings(max_examples=20)
def test_everything_has_its_place(plan: Plan, sideways: bool) -> None:
    """No two boxes overlap, what is in a box is drawn in it, and every arrow is there."""
    check_layout(plan, by_graphviz(plan, sideways=sideways))


@pytest.mark.parametrize("sideways", [False, True])
def test_what_waits_comes_after_what_it_waits_for(sideways: bool) -> None:
    """Below it, or to the right; also where one of both holds others, which are all beside it."""
    nodes = tuple(
        PlanNode(one, one, inside)
        for one, inside in (
            ("first", None), ("box", None), ("a", "box"), ("b", "box"), ("inner", "box"),
            ("c", "inner"), ("d", "inner"), ("last", None), ("between", None),
        )
    )  # fmt: skip
    links = tuple(
        Link(*ends)
        for ends in (
            ("first", "box"), ("a", "b"), ("box", "last"), ("a", "between"), ("between", "c"),
            ("inner", "last"), ("box", "a"),
        )
    )  # fmt: skip
    plan = Plan("flow", "", nodes, links)
    layout = by_graphviz(plan, sideways=sideways)
    check_layout(plan, layout)
    begin = {one: box.x if sideways else box.y for one, box in layout.boxes.items()}
    end = {
        one: begin[one] + (box.width if sideways else box.height)
        for one, box in layout.boxes.items()
    }
    for link in plan.arrows:
        assert end[link.source] <= begin[link.target], link


@pytest.mark.parametrize("sideways", [False, True])
def test_arrows_begin_and_end_at_boxes(sideways: bool) -> None:
    """At the border, also of a box that holds others."""
    nodes = (PlanNode("a", "a"), PlanNode("b", "b"), PlanNode("c", "c", "b"), PlanNode("d", "d"))
    layout = by_graphviz(
        Plan("f", "", nodes, (Link("a", "b"), Link("b", "d"), Link("a", "c"))),
        sideways=sideways,
    )
    near = 2.0
    for line in layout.lines:
        for point, one in ((line.way[0], line.sources[0]), (line.way[-1], line.targets[0])):
            box = layout.boxes[one]
            x, y = point[0] - box.x, point[1] - box.y
            inside = near < x < box.width - near and near < y < box.height - near
            outside = x < -near or y < -near or x > box.width + near or y > box.height + near
            assert not inside, (one, point, box)
            assert not outside, (one, point, box)


def test_what_stands_alike_keeps_its_order() -> None:
    """From left to right, in rows from above to below."""
    nodes = tuple(PlanNode(f"n{at}", f"item_{at}") for at in range(30))
    layout = by_graphviz(Plan("flow", "", nodes, ()))
    places = [(layout.boxes[node.id].y, layout.boxes[node.id].x) for node in nodes]
    assert places == sorted(places)
    assert not layout.frames


@pytest.mark.parametrize("number", [2, 40, 60, 200])
async def test_a_wide_flow_does_not_make_a_wide_picture(number: int) -> None:
    """What waits for the same is put in rows in a frame, and one arrow leads there."""
    nodes = tuple(PlanNode(f"n{at}", f"item_{at}") for at in range(number + 1))
    links = tuple(Link("n0", f"n{at}") for at in range(1, number + 1))
    plan = Plan("flow", "", nodes, links)
    layout = await Layouts().get(plan)
    check_layout(plan, layout)
    assert layout.width < 1200
    assert len(layout.lines) <= 2


async def test_layers_that_wait_for_each_other_are_one_arrow_each() -> None:
    """Thousands of waits are few arrows: all of a layer wait for all of the one before it."""
    nodes = tuple(PlanNode(f"n{at}", f"item_{at}") for at in range(200))
    links = tuple(
        Link(f"n{a}", f"n{b}")
        for layer in range(3)
        for a in range(layer * 50, layer * 50 + 50)
        for b in range(layer * 50 + 50, layer * 50 + 100)
    )
    plan = Plan("flow", "", nodes, links)
    layout = await Layouts().get(plan)
    check_layout(plan, layout)
    assert (len(links), len(layout.lines), len(layout.frames)) == (7500, 3, 4)


async def test_what_would_be_very_wide_lies_on_its_side() -> None:
    """In its order, from above to below."""
    nodes = tuple(PlanNode(f"n{at}", f"item_{at}") for at in range(60))
    links = tuple(Link(f"n{at}", f"n{at + 20}") for at in range(40))
    layout = await Layouts().get(Plan("flow", "", nodes, links))
    assert layout.width < 600
    places = [layout.boxes[f"n{at}"].y for at in range(20)]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("boxes", "arrows", "said"),
    [
        (MOST_BOXES + 1, 0, "401 boxes"),
        (10_000, 0, "10,000 boxes"),
        (40, MOST_ARROWS + 1, "1,001 arrows"),
    ],
)
def test_too_much_to_take_in_is_not_drawn(boxes: int, arrows: int, said: str) -> None:
    """It is said, with what to do instead."""
    with pytest.raises(DiagramTooLarge) as raised:
        check_size("make", boxes, arrows)
    assert said in raised.value.message
    assert "format=" not in raised.value.message
    assert "format=dot" in raised.value.help


async def test_too_many_arrows_are_not_drawn() -> None:
    """Graphviz would take half a minute for them: it is not asked."""
    nodes = tuple(PlanNode(f"n{at}", f"item_{at}") for at in range(60))
    links = tuple(Link(f"n{a}", f"n{b}") for a in range(60) for b in range(a + 1, 60))
    with pytest.raises(DiagramTooLarge, match="1,770 arrows"):
        await Layouts().get(Plan("flow", "", nodes, links))
