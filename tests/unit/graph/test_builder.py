"""Building graphs, and the mistakes that are found while doing so."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._errors.usage import ContainedTwice
from peaceful._graph.graph import Edge, EdgeKind, Graph, GraphBuilder
from peaceful.errors import CycleFound, DefinitionError, NameTaken, NameUnknown

CONTAINS = EdgeKind.CONTAINS


def builder(nodes: str, *edges: str) -> GraphBuilder:
    """A builder with nodes and edges that are a letter and two."""
    made = GraphBuilder()
    for node in nodes:
        made.add_node(node)
    for edge in edges:
        made.add_edge(edge[0], edge[1])
    return made


def built(nodes: str, *edges: str) -> Graph:
    """The graph of them."""
    return builder(nodes, *edges).build()


def cycle_of(made: GraphBuilder) -> tuple[str, ...]:
    """The cycle that building finds."""
    with pytest.raises(CycleFound) as found:
        made.build()
    return found.value.cycle


def test_an_empty_graph_is_a_graph() -> None:
    """A graph without items can be built."""
    graph = built("")
    assert (len(graph), graph.order, graph.edges) == (0, (), ())


def test_a_name_is_taken_once() -> None:
    """A second item of the same name is refused."""
    with pytest.raises(NameTaken, match="two items named 'a'"):
        builder("aa")


@pytest.mark.parametrize("edge", ["ax", "xa"])
def test_an_edge_joins_items_that_are_there(edge: str) -> None:
    """An edge from or to an item that was not added is refused, and says which there are."""
    with pytest.raises(NameUnknown, match=r"no item named 'x'(.|\n)*a, b"):
        builder("ab", edge)


def test_the_same_edge_twice_is_one_edge() -> None:
    """An edge that is there already changes nothing."""
    assert built("ab", "ab", "ab").edges == (Edge("a", "b"),)


def test_an_edge_of_each_kind_may_join_the_same_items() -> None:
    """Two items may be joined by logic and by containing; that is one thing to wait for."""
    made = builder("ab", "ab")
    made.add_edge("a", "b", CONTAINS)
    graph = made.build()
    assert graph.edges == (Edge("a", "b"), Edge("a", "b", CONTAINS))
    assert graph.predecessors("b") == ("a",)


def test_an_item_that_waits_for_itself_is_a_cycle() -> None:
    """An edge from an item to itself is refused on the spot."""
    with pytest.raises(CycleFound, match="a → a"):
        builder("a", "aa")


def test_an_item_is_inside_one_container() -> None:
    """A second container of the same item is a mistake in the flow; the same one again is not."""
    made = builder("abc")
    made.add_edge("a", "c", CONTAINS)
    made.add_edge("a", "c", CONTAINS)
    with pytest.raises(ContainedTwice, match="c is contained by a, and by b too") as found:
        made.add_edge("b", "c", CONTAINS)
    assert isinstance(found.value, DefinitionError)
    assert (found.value.item, found.value.containers) == ("c", ("a", "b"))


def test_containers_inside_each_other_are_a_cycle() -> None:
    """Containing orders items as logic does."""
    made = builder("ab", "ab")
    made.add_edge("b", "a", CONTAINS)
    assert cycle_of(made) == ("a", "b", "a")


def test_a_cycle_is_named_in_order_from_its_first_item() -> None:
    """The error names the items in the order of the edges, and ends where it began."""
    assert cycle_of(builder("xcab", "xc", "ca", "ab", "bc")) == ("c", "a", "b", "c")


def test_the_shortest_cycle_is_named() -> None:
    """Of several cycles the shortest is named, be it apart from the one that is met first."""
    ring = ("ab", "bc", "cd", "de", "ea")
    assert cycle_of(builder("abcde", *ring, "ca")) == ("a", "b", "c", "a")
    assert cycle_of(builder("abcdexy", *ring, "xy", "yx")) == ("x", "y", "x")


def test_a_long_cycle_can_be_read() -> None:
    """Of a cycle of 10,000 items the message names the ends; the error holds all of it."""
    made = GraphBuilder()
    names = [f"n{number}" for number in range(10_000)]
    for name in names:
        made.add_node(name)
    for source, target in pairwise([*names, names[0]]):
        made.add_edge(source, target)
    with pytest.raises(CycleFound, match=r"n0 → .* → … 9990 more … → .* → n0\.") as found:
        made.build()
    assert found.value.cycle == (*names, names[0])
    assert len(found.value.message) < 200


def test_building_leaves_the_builder_as_it_is() -> None:
    """A graph that was built does not change when the builder goes on."""
    made = builder("ab", "ab")
    graph = made.build()
    made.add_node("c")
    made.add_edge("b", "c")
    assert "c" in made
    assert (tuple(graph), "c" in graph) == (("a", "b"), False)
    assert made.build().order == ("a", "b", "c")


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7))))
def test_building_finds_a_shortest_cycle_where_there_is_one(pairs: set[tuple[int, int]]) -> None:
    """A graph is built exactly where there is no cycle; otherwise a shortest one is named."""
    edges = {(source, target) for source, target in pairs if source != target}
    made = GraphBuilder()
    for node in range(8):
        made.add_node(str(node))
    for source, target in edges:
        made.add_edge(str(source), str(target))
    shortest = _girth(edges)
    if shortest is None:
        assert len(made.build()) == 8
        return
    cycle = [int(node) for node in cycle_of(made)]
    assert cycle[0] == cycle[-1] == min(cycle)
    assert len(set(cycle)) == len(cycle) - 1 == shortest
    assert set(pairwise(cycle)) <= edges


def _girth(edges: set[tuple[int, int]]) -> int | None:
    """The length of the shortest cycle, by counting up the lengths of all ways."""
    ways = edges
    for length in range(1, 9):
        if any(source == target for source, target in ways):
            return length
        ways = {(a, d) for a, b in ways for c, d in edges if b == c}
    return None
