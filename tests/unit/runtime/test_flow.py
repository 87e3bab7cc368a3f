"""Flows as they are declared: items, what waits for what, and what cannot be."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful import Flow, Handle, Item, ItemCtx, State, mapped
from peaceful._errors.usage import ContainedTwice, MappingInvalid
from peaceful._graph.graph import EdgeKind
from peaceful.commands import ExecutionSettings
from peaceful.errors import (
    CycleFound,
    DefinitionError,
    NameInvalid,
    NameTaken,
    NameUnknown,
    ReferenceInvalid,
)


class TextState(State):
    """A text."""

    text: str = ""


class Text(Item[TextState]):
    """A text, perhaps of others."""

    parts: tuple[str, ...] = ()

    def state_current(self, ctx: ItemCtx) -> TextState:
        """Nothing."""
        return TextState()

    def state_goal(self, ctx: ItemCtx) -> TextState:
        """Its parts."""
        return TextState(text="".join(self.parts))

    def apply(self, ctx: ItemCtx, current: TextState, goal: TextState) -> TextState:
        """The goal."""
        return goal


@st.composite
def needs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Items in order, each with those before it that it refers to."""
    names = [f"i{number}" for number in range(draw(st.integers(1, 8)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:place]), max_size=4)) if place else []
        for place, name in enumerate(names)
    }


@given(needs())
def test_references_make_the_graph(wanted: dict[str, list[str]]) -> None:
    """An item comes after exactly those that it refers to, however often it does."""
    flow = Flow("texts")
    handles: dict[str, Handle[TextState]] = {}
    for name, others in wanted.items():
        handles[name] = flow.add(
            name, Text(parts=tuple(handles[each].state.text for each in others))
        )
    built = flow.build()
    assert tuple(built.items) == tuple(wanted)
    for name, others in wanted.items():
        assert set(built.graph.predecessors(name)) == set(others)
        assert built.items[name].origin.startswith(f"{__file__}:")


def test_names() -> None:
    """A flow, and each item in it, has a name of its own that follows the rule."""
    with pytest.raises(NameInvalid):
        Flow("a b")
    flow = Flow("texts")
    handle = flow.add("one", Text())
    assert (handle.id, repr(handle)) == ("one", "<item one>")
    with pytest.raises(NameInvalid):
        flow.add("1", Text())
    with pytest.raises(NameTaken) as caught:
        flow.add("one", Text())
    assert dict(caught.value.details)["declared again in"].startswith(f"{__file__}:")
    assert tuple(flow.build().items) == ("one",)


def test_edges_by_hand() -> None:
    """By handle or by name; one that lies in another comes after it."""
    flow = Flow("texts")
    one, two = flow.add("one", Text()), flow.add("two", Text())
    flow.add("three", Text())
    flow.edge(two, "one")
    flow.contains("three", two)
    graph = flow.build().graph
    assert graph.order == ("three", "two", "one")
    assert {edge.kind for edge in graph.edges} == {EdgeKind.LOGIC, EdgeKind.CONTAINS}
    for join in (flow.edge, flow.contains):
        with pytest.raises(NameUnknown, match="four"):
            join(one, "four")
        with pytest.raises(CycleFound):
            join(one, one)
    with pytest.raises(ContainedTwice):
        flow.contains(one, two)


def test_a_circle() -> None:
    """It is named when the flow is built."""
    flow = Flow("texts")
    one = flow.add("one", Text())
    two = flow.add("two", Text(parts=(one.state.text,)))
    flow.edge(two, one)
    with pytest.raises(CycleFound, match=r"one → two → one|two → one → two"):
        flow.build()


def test_a_reference_to_an_item_of_another_flow() -> None:
    """The error names the item, its line, and what to do."""
    elsewhere = Flow("others").add("one", Text())
    with pytest.raises(ReferenceInvalid, match=r"one\.state\.text refers to an item") as caught:
        Flow("texts").add("two", Text(parts=(elsewhere.state.text,)))
    details = dict(caught.value.details)
    assert details["item"] == "two"
    assert details["declared in"].startswith(f"{__file__}:")
    assert caught.value.help == "add that item to this flow first"


def _upper(text: str) -> str:
    return text.upper()


def _lower(text: str) -> str:
    return text.lower()


def test_a_mapping_function_has_one_name() -> None:
    """The same function may be used again, one that is made anew each time too; no other may."""
    flow = Flow("texts")
    one = flow.add("one", Text())
    for number in range(2):

        def local(text: str) -> str:
            return text

        flow.add(f"a{number}", Text(parts=(mapped("local", local, one.state.text),)))
        flow.add(f"b{number}", Text(parts=(mapped("upper", _upper, one.state.text),)))
        flow.add(f"c{number}", Text(parts=(mapped("text", str, one.state.text),)))
    with pytest.raises(MappingInvalid, match="Two functions are named 'upper'"):
        flow.add("d", Text(parts=(mapped("upper", _lower, one.state.text),)))
    partial = functools.partial(_upper)
    with pytest.raises(MappingInvalid, match="Two functions are named 'text'"):
        flow.add("e", Text(parts=(mapped("text", partial, one.state.text),)))


@pytest.mark.parametrize("at_once", [0, -1])
def test_settings_in_which_nothing_could_start(at_once: int) -> None:
    """At least one item must be in progress at once."""
    with pytest.raises(DefinitionError, match="no item could ever start"):
        ExecutionSettings(max_concurrency=at_once)
