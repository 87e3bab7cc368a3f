"""What a graph can be asked."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._graph.graph import Edge, EdgeKind, Graph, GraphBuilder
from peaceful.errors import NameUnknown

CONTAINS = EdgeKind.CONTAINS


def made(nodes: Iterable[str], edges: Iterable[tuple[str, str]], inside: str = "") -> Graph:
    """A graph of nodes, logic edges, and containers with a content each, such as `ab ac`."""
    builder = GraphBuilder()
    for node in nodes:
        builder.add_node(node)
    for source, target in edges:
        builder.add_edge(source, target)
    for pair in inside.split():
        builder.add_edge(pair[0], pair[1], CONTAINS)
    return builder.build()


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs whose items are inserted in any order."""
    names = draw(st.permutations([chr(ord("a") + place) for place in range(draw(_SIZES))]))
    pairs = st.tuples(st.sampled_from(sorted(names)), st.sampled_from(sorted(names)))
    edges = draw(st.lists(pairs, min_size=len(names), max_size=30)) if names else []
    return made(names, [(min(pair), max(pair)) for pair in edges if len(set(pair)) == 2])


_SIZES = st.integers(0, 10)


def part_of(graph: Graph, data: st.DataObject) -> set[str]:
    """Some of the items, each as likely in as out."""
    return {item for item in graph if data.draw(st.booleans(), label=item)}


def waits(graph: Graph) -> set[tuple[str, str]]:
    """Every pair of which the second waits for the first, near or far."""
    return closure((before, item) for item in graph for before in graph.predecessors(item))


def closure(edges: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Every pair that edges join, near or far; by brute force."""
    known = set(edges)
    while more := {(a, d) for a, b in known for c, d in known if b == c} - known:
        known |= more
    return known


@given(graphs())
def test_the_order_puts_each_item_after_what_it_waits_for(graph: Graph) -> None:
    """The order holds each item once, after all that it waits for."""
    place = {item: number for number, item in enumerate(graph.order)}
    assert sorted(graph.order) == sorted(graph)
    assert all(place[edge.source] < place[edge.target] for edge in graph.edges)


@given(graphs())
def test_an_order_that_is_right_is_kept(graph: Graph) -> None:
    """Items inserted in an order that works stay in it, so that a flow runs as it reads."""
    edges = [(edge.source, edge.target) for edge in graph.edges]
    assert made(graph.order, edges).order == graph.order


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_edges(
    graph: Graph, shuffle: random.Random
) -> None:
    """Only the items' own order breaks ties."""
    edges = [(edge.source, edge.target) for edge in graph.edges]
    shuffle.shuffle(edges)
    again = made(graph, edges)
    assert again.order == graph.order
    assert (again.links.before, again.links.after) == (graph.links.before, graph.links.after)


@given(graphs())
def test_neighbours_are_the_ends_of_edges_as_inserted(graph: Graph) -> None:
    """Predecessors are those with an edge, in the order of the items."""
    for item in graph:
        before = {edge.source for edge in graph.edges if edge.target == item}
        assert graph.predecessors(item) == tuple(node for node in graph if node in before)


@given(graphs())
def test_layers_hold_items_by_their_longest_way(graph: Graph) -> None:
    """An item is one layer above the highest it waits for."""
    layers = graph.layers()
    rank = {item: number for number, layer in enumerate(layers) for item in layer}
    assert sorted(rank) == sorted(graph)
    for item in graph:
        assert rank[item] == max((rank[b] + 1 for b in graph.predecessors(item)), default=0)


@given(graphs(), st.data())
def test_a_restricted_graph_keeps_exactly_the_order_of_what_it_keeps(
    graph: Graph, data: st.DataObject
) -> None:
    """Of two kept items one waits for the other just where it did before; twice restricted too."""
    kept = part_of(graph, data)
    first = graph.restricted_to(kept)
    fewer = part_of(first, data)
    for restricted, items in ((first, kept), (first.restricted_to(fewer), fewer)):
        assert tuple(restricted) == tuple(item for item in graph if item in items)
        assert waits(restricted) == {pair for pair in waits(graph) if items >= set(pair)}
        place = {item: number for number, item in enumerate(restricted.order)}
        assert sorted(place) == sorted(items)
        assert all(place[a] < place[b] for a, b in waits(restricted))


@given(graphs(), st.data())
def test_neighbours_in_a_restricted_graph_see_through_what_is_left_out(
    graph: Graph, data: st.DataObject
) -> None:
    """Neighbours are those that a way joins on which nothing is kept; layers count kept items."""
    kept = part_of(graph, data)
    restricted = graph.restricted_to(kept)
    joined = _joined_through_others(graph, kept)
    for item in restricted:
        assert set(restricted.predecessors(item)) == {a for a, b in joined if b == item}
    rank = {item: number for number, layer in enumerate(restricted.layers()) for item in layer}
    assert len(rank) == len(kept)
    for item in restricted:
        assert rank[item] == max((rank[a] + 1 for a, b in joined if b == item), default=0)


def _joined_through_others(graph: Graph, kept: set[str]) -> set[tuple[str, str]]:
    joined = {(edge.source, edge.target) for edge in graph.edges}
    for item in set(graph) - kept:
        joined |= {(a, d) for a, b in joined if b == item for c, d in joined if c == item}
    return {pair for pair in joined if kept >= set(pair)}


def test_what_is_left_out_at_the_edges_leaves_nothing_behind() -> None:
    """Items left out stay as joints only where they lie between two kept ones."""
    chain = made("abcde", pairwise("abcde"))
    assert len(chain.restricted_to("bd").links.before) == 3
    assert len(chain.restricted_to("c").links.before) == 1
    assert len(chain.restricted_to("").links.before) == 0


def test_every_way_through_what_is_left_out_counts() -> None:
    """Ways that part and meet again among items left out lead to each neighbour once."""
    graph = made("abcdef", [("a", "b"), ("b", "c"), ("b", "d"), ("c", "e"), ("d", "e"), ("e", "f")])
    ends = graph.restricted_to("af")
    assert ends.predecessors("f") == ("a",)
    assert ends.layers() == (("a",), ("f",))


def test_containers_hold_their_contents() -> None:
    """What a container holds knows it, and waits for it."""
    graph = made("pqrs", [], inside="pq pr")
    assert [graph.container_of(item) for item in "pqrs"] == [None, "p", "p", None]
    assert graph.predecessors("r") == ("p",)


def test_contents_move_to_the_nearest_container_that_is_kept() -> None:
    """An item whose container is left out moves into the one around that, if there is one."""
    graph = made("dcbaz", [("a", "z")], inside="ab bc cd")
    assert graph.restricted_to("adz").container_of("d") == "a"
    assert graph.restricted_to("adz").edges == (
        Edge("a", "z"),
        Edge("a", "d", CONTAINS),
    )
    assert graph.restricted_to("dz").container_of("d") is None
    assert graph.restricted_to("dz").edges == ()
    assert graph.restricted_to("acd").container_of("c") == "a"


QUESTIONS: list[Callable[[Graph], object]] = [
    lambda graph: graph.predecessors("x"),
    lambda graph: graph.container_of("x"),
    lambda graph: graph.restricted_to(["a", "x"]),
]


@pytest.mark.parametrize("ask", QUESTIONS)
def test_an_unknown_item_is_named(ask: Callable[[Graph], object]) -> None:
    """Asking about an item that is not there says so, and which there are."""
    with pytest.raises(NameUnknown, match="no item named 'x'"):
        ask(made("ab", [("a", "b")]))


def test_an_empty_graph_has_no_layers() -> None:
    """Nothing has no layers."""
    assert made("", []).layers() == ()


def test_a_graph_cannot_be_changed() -> None:
    """A graph is frozen."""
    with pytest.raises(AttributeError):
        made("a", []).edges = ()  # type: ignore[misc]  # refused here and by mypy alike
