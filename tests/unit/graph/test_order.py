"""In which order a pass hands out what is ready: depth first, and in time for the longest path."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._graph.graph import Graph, GraphBuilder
from peaceful._graph.traversal import Direction, Traversal


def pipeline(chains: int, stages: int) -> Graph:
    """Chains of the given number of stages, declared one after the other."""
    builder = GraphBuilder()
    for chain in range(chains):
        for stage in range(stages):
            builder.add_node(f"c{chain}_{stage}")
            if stage:
                builder.add_edge(f"c{chain}_{stage - 1}", f"c{chain}_{stage}")
    return builder.build()


class Simulation:
    """A pass whose items take simulated time, as many at once as may be.

    Attributes:
        started: the items, in the order in which they started.
        ended: by item, when it ended.
        makespan: when the last one ended.
    """

    def __init__(
        self,
        take: Callable[[], str | None],
        succeeded: Callable[[str], object],
        at_once: int,
        seconds: Mapping[str, float],
    ) -> None:
        self.started: list[str] = []
        self.ended: dict[str, float] = {}
        self.makespan = 0.0
        running: list[tuple[float, int, str]] = []
        while True:
            while len(running) < at_once and (item := take()) is not None:
                self.started.append(item)
                heappush(running, (self.makespan + seconds[item], len(self.started), item))
            if not running:
                break
            self.makespan = running[0][0]
            while running and running[0][0] == self.makespan:
                ended = heappop(running)[2]
                self.ended[ended] = self.makespan
                succeeded(ended)


def depth_first(
    graph: Graph,
    at_once: int,
    seconds: Mapping[str, float],
    direction: Direction = Direction.FORWARD,
) -> Simulation:
    """The pass as it is, when it knows how long items take."""
    traversal = Traversal(graph, direction, at_once=at_once, seconds=seconds)
    return Simulation(traversal.take, traversal.succeeded, at_once, seconds)


def first_come(graph: Graph, at_once: int, seconds: Mapping[str, float]) -> Simulation:
    """A pass that hands out first what became ready first."""
    missing = {item: len(graph.predecessors(item)) for item in graph}
    queue = deque(item for item in graph if not missing[item])

    def succeeded(item: str) -> None:
        for other in graph:
            if item in graph.predecessors(other):
                missing[other] -= 1
                if not missing[other]:
                    queue.append(other)

    return Simulation(lambda: queue.popleft() if queue else None, succeeded, at_once, seconds)


def alike(items: Iterable[str]) -> dict[str, float]:
    """A second for each item."""
    return dict.fromkeys(items, 1.0)


COUNTS = st.integers(1, 12), st.integers(1, 5), st.integers(1, 6)


@given(*COUNTS)
def test_stages_that_overlap_take_no_longer(chains: int, stages: int, at_once: int) -> None:
    """A pipeline whose items take alike is over as early as one stage after the other."""
    graph = pipeline(chains, stages)
    overlapping = depth_first(graph, at_once, alike(graph))
    assert overlapping.makespan <= first_come(graph, at_once, alike(graph)).makespan


@given(st.integers(3, 8), st.integers(1, 5), st.integers(1, 6), st.sampled_from(Direction))
def test_a_third_of_the_work_finishes_a_third_of_the_chains(
    times: int, stages: int, at_once: int, direction: Direction
) -> None:
    """Whenever a pass stops, what it began is finished, but for one chain at each place."""
    graph = pipeline(times * at_once, stages)
    last = f"_{stages - 1 if direction is Direction.FORWARD else 0}"
    simulated = depth_first(graph, at_once, alike(graph), direction)
    third = simulated.makespan / 3
    finished = sum(item.endswith(last) and at <= third for item, at in simulated.ended.items())
    assert finished > times * at_once / 3 - at_once


@given(st.data(), *COUNTS)
def test_no_pass_takes_longer_than_the_work_and_the_longest_path(
    data: st.DataObject, chains: int, stages: int, at_once: int
) -> None:
    """Whatever items take, no place is free while something is ready (Graham, 1966)."""
    graph = pipeline(chains, stages)
    seconds = {item: float(data.draw(st.integers(0, 9))) for item in graph}
    paths = [sum(seconds[f"c{c}_{s}"] for s in range(stages)) for c in range(chains)]
    most = (sum(paths) - max(paths)) / at_once + max(paths)
    assert depth_first(graph, at_once, seconds).makespan <= most + 1e-9


@pytest.mark.parametrize("declared", ["by chain", "by stage"])
def test_what_carries_on_goes_before_what_begins(declared: str) -> None:
    """A chain that has begun is finished before the next begins, however it was declared."""
    builder = GraphBuilder()
    pairs = [(chain, stage) for chain in range(8) for stage in range(3)]
    for chain, stage in pairs if declared == "by chain" else sorted(pairs, key=lambda p: p[1]):
        builder.add_node(f"c{chain}_{stage}")
    for chain, stage in pairs:
        if stage:
            builder.add_edge(f"c{chain}_{stage - 1}", f"c{chain}_{stage}")
    graph = builder.build()
    started = depth_first(graph, 1, alike(graph)).started
    assert started == [f"c{chain}_{stage}" for chain, stage in pairs]
    backward = depth_first(graph, 1, alike(graph), Direction.BACKWARD).started
    assert backward == started[::-1]


def test_what_is_put_together_is_fetched_together() -> None:
    """All parts of one thing come before parts of the next."""
    builder = GraphBuilder()
    for name in ("in_a1", "in_b1", "in_a2", "in_b2", "out_a", "out_b"):
        builder.add_node(name)
    for kind in "ab":
        builder.add_edge(f"in_{kind}1", f"out_{kind}")
        builder.add_edge(f"in_{kind}2", f"out_{kind}")
    graph = builder.build()
    assert depth_first(graph, 1, alike(graph)).started == [
        *("in_a1", "in_a2", "out_a"),
        *("in_b1", "in_b2", "out_b"),
    ]


def test_the_longest_path_begins_in_time() -> None:
    """What would outlast all else goes first, wherever it was declared."""
    graph = pipeline(5, 2)
    seconds = {**alike(graph), "c4_1": 20.0}
    assert depth_first(graph, 2, seconds).started[0] == "c4_0"
    assert depth_first(graph, 2, seconds).makespan == 21


def test_what_is_not_known_takes_as_long_as_others() -> None:
    """An item without a duration counts as much as the others on average."""
    graph = pipeline(3, 1)
    traversal = Traversal(graph, at_once=2, seconds={"c0_0": 1.0, "c1_0": 2.0})
    # 1, 2 and 1.5 seconds: 2 s are less than half of it all, and more than half of the rest.
    assert [traversal.take() for _ in graph] == ["c0_0", "c1_0", "c2_0"]


def test_what_a_failure_blocks_is_no_work_that_is_left() -> None:
    """Items that never start do not keep the longest path from its turn."""
    builder = GraphBuilder()
    late = [f"late_{number}" for number in range(8)]
    for name in ("root", *late, "x", "y", "z", "long_0", "long_1"):
        builder.add_node(name)
    builder.add_edge("long_0", "long_1")
    for name in late:
        builder.add_edge("root", name)
    traversal = Traversal(builder.build(), at_once=2)
    assert traversal.take() == "root"
    traversal.failed("root")
    assert [traversal.take(), traversal.take()] == ["x", "long_0"]
