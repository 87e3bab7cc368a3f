"""Whatever an item raises, returns, or does not return, ends that item alone."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from sigint import by_the_program, sigint_by

from peaceful import Flow, Item, ItemCtx, ItemFailure, ItemStatus, Resources, State
from peaceful.commands import (
    BlockInterrupted,
    Complete,
    ExecutionEnded,
    ExecutionSettings,
    ItemEnded,
    ItemError,
    ItemStarted,
    LadderTimes,
    OutcomeKind,
    StateKind,
)
from peaceful.errors import DefinitionError, ItemCrashed
from peaceful.interrupt import InterruptLevel
from peaceful.testing import FlowHarness


class Doing:
    """What an item's functions do, by their names; else what is sensible."""

    def __init__(self) -> None:
        """Does what is sensible."""
        self.by_name: dict[str, Callable[..., Any]] = {}


class OddState(State):
    """A number."""

    number: int | None = None


class OtherState(State):
    """A number too, of another class."""

    number: int | None = None


class Plain(Item[OddState]):
    """An item with plain functions, which run in threads."""

    name: str

    def _do(self, function: str, ctx: ItemCtx, *states: State) -> Any:
        doing = ctx.resources.get(Doing).by_name.get(function)
        return None if doing is None or self.name != "odd" else doing(ctx, *states)

    def state_current(self, ctx: ItemCtx) -> OddState:
        """Nothing, or something odd."""
        return self._do("state_current", ctx) or OddState()

    def state_goal(self, ctx: ItemCtx) -> OddState:
        """One, or something odd."""
        return self._do("state_goal", ctx) or OddState(number=1)

    def apply(self, ctx: ItemCtx, current: OddState, goal: OddState) -> OddState:
        """The goal, or something odd."""
        return self._do("apply", ctx, current, goal) or goal


class Asynchronous(Plain):
    """An item with asynchronous functions."""

    async def state_current(self, ctx: ItemCtx) -> OddState:  # type: ignore[override]  # may be
        """As its base."""
        return super().state_current(ctx)

    async def state_goal(self, ctx: ItemCtx) -> OddState:  # type: ignore[override]  # may be
        """As its base."""
        return super().state_goal(ctx)

    async def apply(  # type: ignore[override]  # an item's function may be asynchronous
        self, ctx: ItemCtx, current: OddState, goal: OddState
    ) -> OddState:
        """As its base; what it does may be asynchronous too."""
        result: object = self._do("apply", ctx, current, goal) or goal
        return await result if asyncio.iscoroutine(result) else result  # type: ignore[return-value]  # odd on purpose


@pytest.fixture
def doing() -> Doing:
    """What the odd item does."""
    return Doing()


Make = Callable[..., FlowHarness]


@pytest.fixture
def make(tmp_path: Path, doing: Doing) -> Make:
    """Makes a harness of the odd item, one that needs it, and one that does not."""

    def harness(kind: type[Plain], **settings: Any) -> FlowHarness:
        resources = Resources()
        resources.insert(doing)

        def declare(flow: Flow) -> None:
            odd = flow.add("odd", kind(name="odd"))
            flow.add("after", kind(name="after"))
            flow.add("other", kind(name="other"))
            flow.edge(odd, "after")

        return FlowHarness(
            declare, tmp_path, resources=resources, settings=ExecutionSettings(**settings)
        )

    return harness


KINDS = pytest.mark.parametrize("kind", [Plain, Asynchronous])


class _Own(BaseException):
    """Of a developer's own, and not an `Exception`."""


def _raising(error: BaseException) -> Callable[..., object]:
    def raise_it(*_: object) -> object:
        raise error

    return raise_it


def _deep(*_: object) -> object:
    return _deep()


RAISED = {
    "ValueError": _raising(ValueError("odd")),
    "SystemExit": _raising(SystemExit(3)),
    "GeneratorExit": _raising(GeneratorExit()),
    "CancelledError": _raising(asyncio.CancelledError()),
    "MemoryError": _raising(MemoryError()),
    "RecursionError": _deep,
    "StopIteration": _raising(StopIteration(1)),
    "StopAsyncIteration": _raising(StopAsyncIteration()),
    "_Own": _raising(_Own("odd")),
    "ExceptionGroup": _raising(ExceptionGroup("two", [ValueError("a"), KeyError("b")])),
    "BaseExceptionGroup": _raising(BaseExceptionGroup("two", [SystemExit(1), _Own("b")])),
}


@KINDS
@pytest.mark.parametrize("function", ["state_current", "state_goal", "apply"])
@pytest.mark.parametrize("raised", RAISED)
async def test_whatever_is_raised(
    make: Make, doing: Doing, kind: type[Plain], function: str, raised: str
) -> None:
    """The item failed, and says in what; its siblings go on; what needs it is not started."""
    doing.by_name[function] = RAISED[raised]
    outcome = await make(kind).ensure()
    assert isinstance(outcome, ItemError)
    error = outcome.errors["odd"]
    assert isinstance(error, ItemCrashed)
    assert error.function == function
    assert {name: result.status for name, result in outcome.items.items()} == {
        "odd": ItemStatus.FAILED,
        "after": ItemStatus.NOT_STARTED,
        "other": ItemStatus.DONE,
    }
    if raised == "StopIteration" or (raised == "GeneratorExit" and kind is Plain):
        # These mean something else to a coroutine, so that they cannot be handed on to one.
        assert raised in error.message
        assert "RuntimeError" in error.message
    else:
        assert f"failed in {function}: {raised}" in error.message


class _Silent(ItemFailure, code="QUOTA"):
    """Of a developer who does not call the `__init__` of the class above."""

    def __init__(self, room: int) -> None:
        self.room = room


class _Speaking(_Silent):
    def __str__(self) -> str:
        return f"room for {self.room}"


class _Broken(_Silent):
    def __str__(self) -> str:
        raise ZeroDivisionError


_ODD: Any = None

CARELESS: dict[str, tuple[Callable[[], ItemFailure], str]] = {
    "silent": (lambda: _Silent(3), "3"),
    "speaking": (lambda: _Speaking(3), "room for 3"),
    "broken": (lambda: _Broken(3), "_Broken"),
    "no help": (lambda: ItemFailure("full", help=_ODD), "full"),
    "no details": (lambda: ItemFailure("full", details=_ODD), "full"),
    "other details": (
        lambda: ItemFailure("full", details=cast("Any", [("at", Path("x"))])),
        "full",
    ),
    "another message": (lambda: ItemFailure(cast("Any", 5)), "5"),
}


@pytest.mark.parametrize("careless", CARELESS)
async def test_a_failure_made_without_care(make: Make, doing: Doing, careless: str) -> None:
    """It is the item's failure like any other, with what it says."""
    made, message = CARELESS[careless]
    doing.by_name["apply"] = lambda *_: _raising(made())()
    outcome = await make(Plain).ensure()
    assert isinstance(outcome, ItemError)
    error = outcome.errors["odd"]
    assert (error.message, outcome.items["odd"].message) == (message, message)
    assert message in str(error.to_json())
    assert outcome.items["other"].status is ItemStatus.DONE


@KINDS
async def test_a_group_of_one(make: Make, doing: Doing, kind: type[Plain]) -> None:
    """What a task group wraps, and is one thing, is that thing."""
    failure = ItemFailure("It is odd.", help="let it be")
    doing.by_name["apply"] = _raising(ExceptionGroup("one", [ExceptionGroup("in", [failure])]))
    outcome = await make(kind).ensure()
    assert isinstance(outcome, ItemError)
    assert outcome.errors["odd"] is failure


async def test_a_keyboard_interrupt_in_a_thread(make: Make, doing: Doing) -> None:
    """In a thread, Python raises it nowhere: it is the item's own."""
    doing.by_name["apply"] = _raising(KeyboardInterrupt())
    outcome = await make(Plain).ensure()
    assert isinstance(outcome, ItemError)
    assert "KeyboardInterrupt" in outcome.errors["odd"].message


async def test_a_keyboard_interrupt_in_the_loop(make: Make, doing: Doing) -> None:
    """Somebody wants the program to end: the command ends, orderly, and passes it on."""
    doing.by_name["apply"] = _raising(KeyboardInterrupt())
    harness = make(Asynchronous)
    with sigint_by(signal.default_int_handler), pytest.raises(KeyboardInterrupt):
        await harness.ensure()
    [ending] = harness.sink.of(ExecutionEnded)
    assert ending.outcome is OutcomeKind.ERROR
    assert ending.error is not None
    assert "was cancelled" in ending.error.message
    del doing.by_name["apply"]
    assert isinstance(await harness.ensure(), Complete)


@pytest.mark.parametrize("function", ["state_current", "state_goal", "apply"])
async def test_a_keyboard_interrupt_of_its_own(make: Make, doing: Doing, function: str) -> None:
    """Where the program handles Ctrl-C, Python raises nothing for it: the item has failed."""
    doing.by_name[function] = _raising(KeyboardInterrupt())
    with sigint_by(by_the_program):
        outcome = await make(Asynchronous).ensure()
    _failed_alone(outcome, "KeyboardInterrupt")


async def _cancel_itself(*_: object) -> OddState:
    """Cancels its own task, and notices it."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)
    return OddState(number=1)


async def _be_cancelled_within(*_: object) -> OddState:
    """Cancels its own task from another one."""
    task = asyncio.current_task()
    assert task is not None
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0)).add_done_callback(lambda _: task.cancel())
        await asyncio.sleep(60)
    return OddState(number=1)


@pytest.mark.parametrize("cancel", [_cancel_itself, _be_cancelled_within])
async def test_an_item_that_cancels_itself(
    make: Make, doing: Doing, cancel: Callable[..., object]
) -> None:
    """Nobody has interrupted it: it has failed."""
    doing.by_name["apply"] = cancel
    _failed_alone(await make(Asynchronous).ensure(), "nobody interrupted it")


async def test_an_item_that_cancels_itself_and_ends_first(make: Make, doing: Doing) -> None:
    """Its work has come to its end, and is recorded."""

    async def cancel(*_: object) -> OddState:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return OddState(number=1)

    doing.by_name["apply"] = cancel
    harness = make(Asynchronous)
    assert isinstance(await harness.ensure(), Complete)
    assert harness.store.load(StateKind.CURRENT)["odd"].state == {"number": 1}


@pytest.mark.parametrize("level", [InterruptLevel.CANCEL, InterruptLevel.KILL])
async def test_an_item_that_is_cancelled_by_an_interrupt(
    make: Make, doing: Doing, level: InterruptLevel
) -> None:
    """That is no failure."""
    harness = make(Asynchronous, ladder=LadderTimes(0.001, 60))

    async def wait(*_: object) -> OddState:
        harness.sender.request(level)
        await asyncio.Event().wait()
        raise AssertionError

    doing.by_name["apply"] = wait
    outcome = await harness.ensure()
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items["odd"].status is ItemStatus.ABANDONED


@KINDS
@pytest.mark.parametrize("function", ["state_current", "state_goal", "apply"])
async def test_what_the_system_refuses(
    make: Make, doing: Doing, tmp_path: Path, kind: type[Plain], function: str
) -> None:
    """It is a failure that says what was refused, with the path and the line, and no crash."""
    nothing = tmp_path / "nothing"
    doing.by_name[function] = lambda *_: nothing.read_text()
    outcome = await make(kind).ensure()
    assert isinstance(outcome, ItemError)
    error = outcome.errors["odd"]
    assert error.code == "ITEM-NOT-FOUND"
    assert error.message == f"odd failed in {function}: {nothing}: No such file or directory"
    assert dict(error.details)["at"].startswith(f"{__file__}:")
    assert isinstance(error.__cause__, FileNotFoundError)


async def test_where_it_was_raised(make: Make, doing: Doing) -> None:
    """The innermost line of the item's file is told, not one of what the item calls."""
    doing.by_name["apply"] = lambda *_: Path("/nothing/there").read_bytes().decode("latin 3")
    outcome = await make(Plain).ensure()
    assert isinstance(outcome, ItemError)
    place = dict(outcome.errors["odd"].details)["at"]
    line = test_where_it_was_raised.__code__.co_firstlineno + 2
    assert place == f"{__file__}:{line}"


def _failed_alone(outcome: object, message: str) -> None:
    assert isinstance(outcome, ItemError)
    assert isinstance(outcome.errors["odd"], ItemCrashed)
    assert message in outcome.errors["odd"].message
    assert {name: result.status for name, result in outcome.items.items()} == {
        "odd": ItemStatus.FAILED,
        "after": ItemStatus.NOT_STARTED,
        "other": ItemStatus.DONE,
    }


# ---- what it returns


ODD: dict[str, object] = {
    "another class": OtherState(number=1),
    "a mapping": {"number": 1},
    "a class": OddState,
    "a text": "done",
}


@KINDS
@pytest.mark.parametrize("function", ["state_current", "state_goal", "apply"])
@pytest.mark.parametrize("odd", ODD)
async def test_another_thing_than_a_state(
    make: Make, doing: Doing, kind: type[Plain], function: str, odd: str
) -> None:
    """The item failed, and says what it returned, and what it should return."""
    doing.by_name[function] = lambda *_: ODD[odd]
    outcome = await make(kind).ensure()
    assert isinstance(outcome, ItemError)
    message = outcome.errors["odd"].message
    assert f"failed in {function}" in message
    assert type(ODD[odd]).__name__ in message
    assert message.endswith("not OddState")


class Nothing(Plain):
    """An item whose functions forget to return."""

    def apply(self, ctx: ItemCtx, current: OddState, goal: OddState) -> OddState:
        """Forgets it."""
        return None  # type: ignore[return-value]  # a common mistake


async def test_nothing_is_returned(make: Make) -> None:
    """Likewise: a `return` was forgotten."""
    outcome = await make(Nothing).ensure()
    assert isinstance(outcome, ItemError)
    assert "it returned NoneType, not OddState" in outcome.errors["odd"].message


class BytesState(State):
    """What no file can hold."""

    data: bytes | None = None


class Binary(Item[BytesState]):
    """An item whose state cannot be stored."""

    def state_current(self, ctx: ItemCtx) -> BytesState:
        """Nothing."""
        return BytesState()

    def state_goal(self, ctx: ItemCtx) -> BytesState:
        """No text."""
        return BytesState(data=b"\xff\xfe")

    def apply(self, ctx: ItemCtx, current: BytesState, goal: BytesState) -> BytesState:
        """The goal."""
        return goal


async def test_a_state_that_cannot_be_stored(tmp_path: Path) -> None:
    """The item failed, and the error says what to do about its state's type."""

    def declare(flow: Flow) -> None:
        flow.add("binary", Binary())
        flow.add("other", Plain(name="other"))

    resources = Resources()
    resources.insert(Doing())
    outcome = await FlowHarness(declare, tmp_path, resources=resources).ensure()
    assert isinstance(outcome, ItemError)
    error = outcome.errors["binary"]
    assert isinstance(error, DefinitionError)
    assert "Base64Bytes" in error.help
    assert outcome.items["other"].status is ItemStatus.DONE


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
async def test_a_state_that_breaks_its_own_rules(make: Make, doing: Doing) -> None:
    """Nobody could read it back: the item failed, and nothing is stored of it."""
    broken = OddState.model_construct(number="many")
    doing.by_name["state_current"] = lambda *_: broken
    harness = make(Plain)
    outcome = await harness.discover()
    assert isinstance(outcome, ItemError)
    assert "OddState.number, as Plain.state_current returned it" in outcome.errors["odd"].message
    assert "odd" not in harness.store.load(StateKind.CURRENT)
    doing.by_name.clear()
    outcome = await harness.ensure()
    assert isinstance(outcome, Complete)
    assert outcome.value.current["odd"] == OddState(number=1)


# ---- what does not return


@pytest.mark.parametrize("level", [InterruptLevel.CANCEL, InterruptLevel.KILL])
async def test_a_plain_function_that_blocks(
    make: Make, doing: Doing, level: InterruptLevel
) -> None:
    """At CANCEL it is waited for, for as long as cleaning up may take; at KILL it is abandoned.

    What it does later changes nothing any more, and does not keep the program alive.
    """
    over, harness = threading.Event(), make(Plain, ladder=LadderTimes(0.01, 0.01))

    def block(*_: object) -> OddState:
        harness.sender.request(level)
        over.wait()
        return OddState(number=7)

    doing.by_name["apply"] = block
    outcome = await harness.ensure()
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items["odd"].status is ItemStatus.ABANDONED
    left = [thread for thread in threading.enumerate() if thread.name.startswith("peaceful-item")]
    assert left
    assert all(thread.daemon for thread in left)
    over.set()
    for thread in left:
        thread.join()
    doing.by_name.clear()
    found = harness.store.load(StateKind.CURRENT)["odd"]
    assert found.in_progress_since is not None
    resumed = await harness.ensure()
    assert isinstance(resumed, Complete)
    assert resumed.value.current["odd"] == OddState(number=1)


async def test_a_plain_function_that_heeds_the_interrupt(make: Make, doing: Doing) -> None:
    """It sees that it is asked to end, and what it says of that is told."""
    harness = make(Plain)

    def heed(ctx: ItemCtx, *_: object) -> OddState:
        harness.sender.request(InterruptLevel.CANCEL)
        while not ctx.interrupted:
            pass
        return cast("OddState", ctx.safe_point(OddState(number=0), where="half way"))

    doing.by_name["apply"] = heed
    outcome = await harness.ensure()
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items["odd"].status is ItemStatus.STOPPED
    assert outcome.items["odd"].message == "half way"
    stored = harness.store.load(StateKind.CURRENT)["odd"]
    assert stored.state == {"number": 0}
    assert stored.in_progress_since is not None
    assert stored.stopped


async def test_a_late_result_of_an_abandoned_item(make: Make, doing: Doing) -> None:
    """An item that ends after it was abandoned, even by an error, changes nothing any more."""
    over = asyncio.Event()
    harness = make(Asynchronous, ladder=LadderTimes(0.001, 0.001))

    async def stubborn(*_: object) -> OddState:
        harness.sender.request(InterruptLevel.CANCEL)
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue
        return OddState(number=7)

    doing.by_name["apply"] = stubborn
    outcome = await harness.ensure()
    assert outcome.items["odd"].message == "abandoned"
    told = len(harness.events)
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == "odd"]
    over.set()
    await asyncio.gather(*tasks)
    assert len(harness.events) == told
    assert harness.store.load(StateKind.CURRENT)["odd"].in_progress_since is not None


@KINDS
async def test_one_failure_reported_once(make: Make, doing: Doing, kind: type[Plain]) -> None:
    """However it ends, an item is said to start once and to end once."""
    doing.by_name["apply"] = RAISED["SystemExit"]
    harness = make(kind)
    await harness.ensure()
    assert sorted(event.item for event in harness.sink.of(ItemStarted)) == ["odd", "other"]
    assert sorted(event.item for event in harness.sink.of(ItemEnded)) == ["odd", "other"]
