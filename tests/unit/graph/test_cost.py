"""What graphs and passes cost: in proportion to nodes and edges, whatever their shape."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

import pytest

from peaceful._graph.graph import Graph, GraphBuilder
from peaceful._graph.traversal import Traversal
from peaceful.commands import Direction
from peaceful.errors import CycleFound

Edges: TypeAlias = Iterable[tuple[int, int]]
Steps: TypeAlias = Callable[[Callable[[], object]], int]


def chain(size: int) -> Edges:
    """One after the other, inserted the wrong way round."""
    return ((place + 1, place) for place in range(size - 1))


def fan(size: int) -> Edges:
    """All after one and before another."""
    middle = range(1, size - 1)
    return [*((0, place) for place in middle), *((place, size - 1) for place in middle)]


def layers(size: int) -> Edges:
    """Layers of four, each item after all of the layer before."""
    return (
        (before, after)
        for after in range(4, size)
        for before in range(after // 4 * 4 - 4, after // 4 * 4)
    )


def apart(size: int) -> Edges:
    """No edges at all."""
    del size
    return ()


SHAPES = [chain, fan, layers, apart]


def builder_of(size: int, edges: Edges) -> GraphBuilder:
    """A builder with numbered items."""
    builder = GraphBuilder()
    for place in range(size):
        builder.add_node(f"n{place}")
    for source, target in edges:
        builder.add_edge(f"n{source}", f"n{target}")
    return builder


def every_answer(graph: Graph) -> None:
    """Everything that a graph can be asked, about every item where it is about one."""
    for item in graph:
        graph.predecessors(item)
    graph.layers()
    graph.restricted_to(tuple(graph)[::2]).order  # noqa: B018  # taking the order is the question


def ends_only(graph: Graph) -> None:
    """What the first and the last item are to each other, once all between them is left out."""
    first, *_, last = graph
    ends = graph.restricted_to([first, last])
    ends.predecessors(last)
    ends.layers()


def whole_pass(graph: Graph, direction: Direction, fail_every: int = 0) -> None:
    """A pass in which everything ends, some of it badly, and every item is asked why."""
    traversal = Traversal(graph, direction)
    ended = 0
    while (item := traversal.take()) is not None:
        ended += 1
        if fail_every and ended % fail_every == 0:
            traversal.failed(item)
        else:
            traversal.succeeded(item)
    for item in traversal.not_started():
        traversal.blocked_by(item)


WORK: dict[str, Callable[[Graph], None]] = {
    "every answer": every_answer,
    "its ends": ends_only,
    "forward": lambda graph: whole_pass(graph, Direction.FORWARD),
    "backward": lambda graph: whole_pass(graph, Direction.BACKWARD),
    "a failure at once": lambda graph: whole_pass(graph, Direction.FORWARD, 1),
    "failures here and there": lambda graph: whole_pass(graph, Direction.BACKWARD, 50),
    "half of it": lambda graph: whole_pass(
        graph.restricted_to(tuple(graph)[::2]), Direction.FORWARD
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_building_is_linear(shape: Callable[[int], Edges], steps: Steps) -> None:
    """Twice the graph takes twice the steps to build."""
    small, large = (steps(builder_of(size, shape(size)).build) for size in (200, 400))
    assert large < 2.1 * small


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("work", WORK.values(), ids=WORK.keys())
def test_answers_and_passes_are_linear(
    shape: Callable[[int], Edges], work: Callable[[Graph], None], steps: Steps
) -> None:
    """Twice the graph takes twice the steps to ask and to go through."""
    graphs = [builder_of(size, shape(size)).build() for size in (200, 400)]
    small, large = (steps(partial(work, graph)) for graph in graphs)
    assert large < 2.1 * small + 20


def test_no_call_costs_more_in_a_larger_graph(steps: Steps) -> None:
    """A single call in a pass costs the same in a small graph and in a large one."""

    def dearest(size: int) -> int:
        graph = builder_of(size, chain(size)).build()
        traversal = Traversal(graph)
        dear = 0
        for item in graph.order:
            dear = max(dear, steps(traversal.take))
            dear = max(dear, steps(partial(traversal.succeeded, item)))
        return dear

    assert dearest(500) == dearest(50)


def test_looking_for_a_shorter_cycle_gives_up_in_time(steps: Steps) -> None:
    """In a circle of 5,000 items not each of them is tried: that would take 25,000,000 edges."""
    builder = builder_of(5_000, [*chain(5_000), (0, 4_999)])

    def build() -> None:
        with pytest.raises(CycleFound):
            builder.build()

    assert steps(build) < 2_000_000


def test_a_hundred_thousand_items_in_a_row() -> None:
    """A chain of 100,000 items is built, asked, restricted and gone through, both ways."""
    graph = builder_of(100_000, chain(100_000)).build()
    assert graph.order[0] == "n99999"
    assert len(graph.layers()) == 100_000
    ends = graph.restricted_to(["n0", "n99999"])
    assert ends.predecessors("n0") == ("n99999",)
    for direction in Direction:
        whole_pass(graph, direction)
        whole_pass(ends, direction)
        whole_pass(graph, direction, fail_every=1)


def test_a_pass_is_small() -> None:
    """A pass takes less than 100 bytes per item."""
    graph = builder_of(20_000, layers(20_000)).build()
    tracemalloc.start()
    try:
        traversal = Traversal(graph)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert traversal.ready_count == 4
    assert size < 100 * 20_000
