"""The order in which items are cleaned up, with those that have left the flow among them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from peaceful._commands.clean_order import clean_order
from peaceful._graph.graph import Graph, GraphBuilder
from peaceful._graph.traversal import Direction, Traversal

NAMES = tuple("abcdef")


@dataclass(frozen=True)
class History:
    """What a flow is, and what is stored of it and of what has left it."""

    flow: Graph
    left: tuple[str, ...]
    needs: dict[str, tuple[str, ...]]
    only: frozenset[str]

    def orders(self) -> list[str]:
        """The items in one order in which they are cleaned up."""
        alone, graph = clean_order(self.flow, self.chosen, self.needs, self.only)
        return [*alone.order, *_one_after_the_other(graph)]

    @property
    def chosen(self) -> tuple[str, ...]:
        """The items that have left and are to be cleaned up."""
        return tuple(name for name in self.left if not self.only or name in self.only)


def _one_after_the_other(graph: Graph) -> list[str]:
    traversal = Traversal(graph, Direction.BACKWARD)
    order: list[str] = []
    while (item := traversal.take()) is not None:
        order.append(item)
        traversal.succeeded(item)
    return order


@st.composite
def histories(draw: st.DrawFn, *, consistent: bool) -> History:
    """Histories; what is stored is consistent if all that was ever needed came earlier."""
    left = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    flow = [name for name in NAMES if name not in left]
    builder = GraphBuilder()
    for name in flow:
        builder.add_node(name)
    needs: dict[str, tuple[str, ...]] = {}
    for name in draw(st.permutations(NAMES)):
        earlier = [each for each in NAMES if each < name or (not consistent and each != name)]
        subsets = st.lists(st.sampled_from(earlier), unique=True, max_size=3)
        needs[name] = tuple(draw(subsets)) if earlier else ()
        if name in flow:
            for each in draw(subsets) if earlier else ():
                if each in flow and each < name:
                    builder.add_edge(each, name)
    only = draw(st.frozensets(st.sampled_from(NAMES), max_size=4))
    return History(builder.build(), tuple(left), needs, only)


@given(histories(consistent=False))
def test_each_is_cleaned_once(history: History) -> None:
    """Whatever is stored, also where it contradicts itself: all that are chosen, each once."""
    chosen = {name for name in NAMES if not history.only or name in history.only}
    order = history.orders()
    assert len(order) == len(chosen)
    assert set(order) == chosen


@given(histories(consistent=False))
def test_the_flow_of_now_holds(history: History) -> None:
    """Whatever is stored, items of the flow are cleaned before those that they need now."""
    order = history.orders()
    for edge in history.flow.edges:
        if edge.source in order and edge.target in order:
            assert order.index(edge.target) < order.index(edge.source)


@given(histories(consistent=True))
def test_each_before_what_it_stood_on(history: History) -> None:
    """Whichever of the two has left the flow; and it waits for it, so that a failure is heeded."""
    order = history.orders()
    _, graph = clean_order(history.flow, history.chosen, history.needs, history.only)
    if not history.chosen:
        return
    for name, needed in history.needs.items():
        for item in needed:
            if (name in history.left or item in history.left) and {name, item} <= {*order}:
                assert order.index(name) < order.index(item)
                assert name in graph
                assert item in graph


def test_what_moved() -> None:
    """What stood on an item stands on what the item was before it moved, as far as is known."""
    builder = GraphBuilder()
    for name in ("x", "y"):
        builder.add_node(name)
    builder.add_edge("x", "y")
    needs = {"y": ("x",), "x": (), "y__before": ("x",), "x__before": ()}
    left = ("y__before", "x__before")
    alone, graph = clean_order(builder.build(), left, needs)
    assert len(alone) == 0
    order = _one_after_the_other(graph)
    for later in ("y", "y__before"):
        for earlier in ("x", "x__before"):
            assert order.index(later) < order.index(earlier)


def test_the_oldest_word_is_dropped() -> None:
    """Where what is stored contradicts itself, what was stored last is right."""
    empty = GraphBuilder().build()
    for needs in ({"a": ("b",), "b": ("a",)}, {"b": ("a",), "a": ("b",)}):
        _, graph = clean_order(empty, ("a", "b"), needs)
        newest = next(iter(needs))
        assert _one_after_the_other(graph)[0] == newest
