"""A concurrent pass over a graph."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from peaceful._graph.graph import Graph, GraphBuilder
from peaceful._graph.traversal import Traversal
from peaceful.commands import Direction

FORWARD, BACKWARD = Direction.FORWARD, Direction.BACKWARD


def made(nodes: str, *edges: str) -> Graph:
    """A graph of nodes and edges that are a letter and two."""
    builder = GraphBuilder()
    for node in nodes:
        builder.add_node(node)
    for edge in edges:
        builder.add_edge(edge[0], edge[1])
    return builder.build()


def taken(traversal: Traversal) -> str:
    """All that is ready, taken."""
    return "".join(iter(traversal.take, None))


def needs(graph: Graph, direction: Direction) -> dict[str, set[str]]:
    """By item, all that must have ended before it may start, near or far."""
    waits = {item: set(graph.predecessors(item)) for item in graph}
    for item in graph.order:
        waits[item] |= {far for near in waits[item] for far in waits[near]}
    if direction is FORWARD:
        return waits
    return {item: {other for other in graph if item in waits[other]} for item in graph}


class PassOfAnyGraph(RuleBasedStateMachine):
    """Any pass over any graph, restricted or not, does what a model of a few sets says."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """Begin with a random graph, a random part of it, in a random direction."""
        names = data.draw(st.permutations("abcdefgh"))
        pairs = data.draw(st.lists(st.tuples(*[st.sampled_from("abcdefgh")] * 2), max_size=16))
        edges = [min(pair) + max(pair) for pair in pairs if len(set(pair)) == 2]
        graph = made("".join(names), *edges)
        if data.draw(st.booleans()):
            graph = graph.restricted_to(data.draw(st.sets(st.sampled_from(tuple(graph)))))
        direction = data.draw(st.sampled_from(Direction))
        self.needs = needs(graph, direction)
        self.order = graph.order if direction is FORWARD else graph.order[::-1]
        self.traversal = Traversal(
            graph,
            direction,
            at_once=data.draw(st.integers(1, 4)),
            seconds=data.draw(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 99))),
        )
        self.started: list[str] = []
        self.running: list[str] = []
        self.done: set[str] = set()
        self.failed: set[str] = set()

    def ready(self) -> set[str]:
        """What the model says may start."""
        return {
            item
            for item, needs in self.needs.items()
            if needs <= self.done and item not in self.started
        }

    @precondition(lambda self: self.traversal.ready_count)
    @rule()
    def take(self) -> None:
        """Start the next item."""
        ready = self.ready()
        item = self.traversal.take()
        assert item in ready
        self.started.append(item)
        self.running.append(item)

    @precondition(lambda self: not self.traversal.ready_count)
    @rule()
    def take_nothing(self) -> None:
        """Where nothing is ready, nothing is handed out."""
        assert self.traversal.take() is None

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        """End an item well; what it released is what is ready now and was not."""
        item = data.draw(st.sampled_from(self.running))
        before = self.ready()
        newly = self.traversal.succeeded(item)
        self.running.remove(item)
        self.done.add(item)
        assert len(newly) == len(set(newly))
        assert set(newly) == self.ready() - before

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """End an item badly; that releases nothing."""
        item = data.draw(st.sampled_from(self.running))
        before = self.ready()
        self.traversal.failed(item)
        self.running.remove(item)
        self.failed.add(item)
        assert self.ready() == before

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        """Take an item's start back; it is the next one again."""
        item = data.draw(st.sampled_from(self.running))
        self.traversal.put_back(item)
        self.running.remove(item)
        self.started.remove(item)
        assert self.traversal.take() == item
        self.running.append(item)
        self.started.append(item)

    @invariant()
    def agrees(self) -> None:
        """What the pass says of itself is what the model says."""
        pass_ = self.traversal
        assert pass_.ready_count == len(self.ready())
        never_taken = [item for item in self.order if item not in self.started]
        assert pass_.not_started() == tuple(never_taken)
        for item, needs in self.needs.items():
            failures = pass_.blocked_by(item)
            assert len(failures) == len(set(failures))
            assert set(failures) <= needs & self.failed
            assert bool(failures) == bool(needs & self.failed)


TestPassOfAnyGraph = PassOfAnyGraph.TestCase


@pytest.mark.parametrize(
    ("direction", "waves"), [(FORWARD, ["ac", "bd", "e"]), (BACKWARD, ["e", "db", "ca"])]
)
def test_what_is_ready_is_taken_as_declared(direction: Direction, waves: list[str]) -> None:
    """Of items that are alike, those declared first come first; backwards, later ones."""
    traversal = Traversal(made("abcde", "ab", "cd", "be", "de"), direction)
    for wave in waves:
        assert taken(traversal) == wave
        for item in wave:
            traversal.succeeded(item)
    assert traversal.take() is None


def test_a_failure_blocks_all_that_needs_it_and_nothing_else() -> None:
    """What needs a failed item never starts, and knows why; the rest goes on."""
    traversal = Traversal(made("abcdxy", "ab", "bc", "xc", "cd", "xy"))
    assert taken(traversal) == "ax"
    traversal.failed("a")
    assert traversal.succeeded("x") == ("y",)
    assert taken(traversal) == "y"
    traversal.succeeded("y")
    assert traversal.take() is None
    assert traversal.not_started() == ("b", "c", "d")
    assert [traversal.blocked_by(item) for item in "abcdxy"] == [
        (),
        ("a",),
        ("a",),
        ("a",),
        (),
        (),
    ]


def test_an_item_names_each_failure_that_it_waits_for_directly() -> None:
    """Of several failures in an item's way, those next to it are all named."""
    traversal = Traversal(made("abcd", "ac", "bc", "cd"))
    taken(traversal)
    traversal.failed("b")
    traversal.failed("a")
    assert traversal.blocked_by("c") == ("a", "b")
    assert traversal.blocked_by("d") == ("b",)


def test_joints_are_passed_through_in_both_directions() -> None:
    """Items left out are never handed out, and hand the order on."""
    graph = made("abcdef", *map("".join, pairwise("abcdef"))).restricted_to("af")
    for direction, first, last in ((FORWARD, "a", "f"), (BACKWARD, "f", "a")):
        traversal = Traversal(graph, direction)
        assert taken(traversal) == first
        assert traversal.succeeded(first) == (last,)
        assert taken(traversal) == last
        traversal.succeeded(last)
        assert traversal.take() is None


MISUSES: list[tuple[Callable[[Traversal], object], str]] = [
    (lambda pass_: pass_.succeeded("a"), "ended well"),
    (lambda pass_: pass_.failed("b"), "ready"),
    (lambda pass_: pass_.put_back("d"), "waiting"),
    (lambda pass_: pass_.succeeded("c"), "ended badly"),
    (lambda pass_: pass_.succeeded("x"), "not part of this pass"),
    (lambda pass_: pass_.blocked_by("x"), "not part of this pass"),
]


@pytest.mark.parametrize(("misuse", "reason"), MISUSES)
def test_calls_that_contradict_each_other_are_mistakes(
    misuse: Callable[[Traversal], object], reason: str
) -> None:
    """Ending what does not run is a mistake of the caller's, and is told as one."""
    traversal = Traversal(made("acbd", "bd"))
    traversal.take()
    traversal.take()
    traversal.succeeded("a")
    traversal.failed("c")
    with pytest.raises(AssertionError, match=reason):
        misuse(traversal)


@given(st.integers(1, 6), st.integers(1, 6))
def test_a_hub_that_is_left_out_costs_no_edge_from_each_to_each(wide: int, deep: int) -> None:
    """A left-out item between many on both sides stays one joint."""
    builder = GraphBuilder()
    for name in ["hub", *(f"in{n}" for n in range(wide)), *(f"out{n}" for n in range(deep))]:
        builder.add_node(name)
    for n in range(wide):
        builder.add_edge(f"in{n}", "hub")
    for n in range(deep):
        builder.add_edge("hub", f"out{n}")
    whole = builder.build()
    graph = whole.restricted_to([item for item in whole if item != "hub"])
    assert sum(map(len, graph.links.after)) == wide + deep
    traversal = Traversal(graph)
    for n in range(wide):
        traversal.take()
        released = traversal.succeeded(f"in{n}")
        assert len(released) == (deep if n == wide - 1 else 0)
