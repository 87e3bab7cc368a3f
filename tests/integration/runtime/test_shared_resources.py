"""What items share is opened once, when first asked for, and closed at the end, however that is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from peaceful import App, Flow, Item, ItemCtx, ItemFailure, ItemStatus, State
from peaceful.commands import CmdOutcome, ExecutionSettings, LadderTimes, Warned
from peaceful.errors import DefinitionError
from peaceful.interrupt import InterruptLevel
from peaceful.testing import FlowHarness

app = App("shared")
WHOSE: ContextVar[str] = ContextVar("whose", default="nobody")


@dataclass
class Stage:
    """What happened to resources, and what they do."""

    happened: list[str] = field(default_factory=list[str])
    opening: Callable[[str], Any] = lambda _: None
    closing: Callable[[str], Any] = lambda _: None
    works: Callable[[ItemCtx, str], Any] = lambda *_: None


STAGE = Stage()


@pytest.fixture(autouse=True)
def stage() -> Stage:
    """A new stage for each test."""
    STAGE.__init__()  # type: ignore[misc]  # as new
    return STAGE


async def _maybe(result: Any) -> None:
    if asyncio.iscoroutine(result):
        await result


@app.resource
async def pool(name: str, *, size: int = 1) -> AsyncGenerator[list[str]]:
    """A pool."""
    task = asyncio.current_task()
    STAGE.happened.append(f"opens {name} {size} for {WHOSE.get()}")
    await _maybe(STAGE.opening(name))
    try:
        yield [name]
    finally:
        assert asyncio.current_task() is task
        await _maybe(STAGE.closing(name))
        STAGE.happened.append(f"closed {name}")


@app.resource
def plain(name: str) -> Generator[str]:
    """One that blocks."""
    STAGE.happened.append(f"opens {name} in {threading.current_thread().name}")
    yield name
    STAGE.happened.append(f"closed {name} in {threading.current_thread().name}")


class UserState(State):
    """What was used."""

    used: str | None = None


class User(Item[UserState]):
    """An item that uses a pool."""

    name: str
    pool: str = "db"
    size: int = 1

    async def state_current(self, ctx: ItemCtx) -> UserState:
        """Nothing."""
        return UserState()

    async def state_goal(self, ctx: ItemCtx) -> UserState:
        """The pool."""
        return UserState(used=self.pool)

    async def apply(self, ctx: ItemCtx, current: UserState, goal: UserState) -> UserState:
        """Use it."""
        WHOSE.set(self.name)
        found = await ctx.resource(pool, self.pool, size=self.size)
        STAGE.happened.append(f"{self.name} uses {found[0]}")
        await _maybe(STAGE.works(ctx, self.name))
        return UserState(used=found[0])


def harness(folder: Path, *items: User, **settings: Any) -> FlowHarness:
    """A flow of items."""

    def declare(flow: Flow) -> None:
        for each in items:
            flow.add(each.name, each)

    return FlowHarness(declare, folder, settings=ExecutionSettings(**settings))


def warnings(run: FlowHarness) -> list[str]:
    """What people are told."""
    return [event.text for event in run.events if isinstance(event, Warned)]


def statuses(outcome: CmdOutcome[Any]) -> dict[str, ItemStatus]:
    """How items ended."""
    return {item: each.status for item, each in outcome.items.items()}


async def test_one_for_all_that_ask_for_the_same(tmp_path: Path) -> None:
    """Items that name equal arguments share; others have their own; each is closed once."""
    run = harness(tmp_path, User(name="a"), User(name="b"), User(name="c", size=2))
    await run.ensure()
    opened = [each for each in STAGE.happened if each.startswith("opens")]
    assert sorted(opened) == ["opens db 1 for nobody", "opens db 2 for nobody"]
    assert STAGE.happened[-2:] == ["closed db"] * 2
    await run.ensure()
    assert STAGE.happened.count("opens db 1 for nobody") == 2, "each execution has its own"


async def test_nothing_is_opened_that_nobody_asks_for(tmp_path: Path) -> None:
    """A command that only compares opens nothing."""
    await harness(tmp_path, User(name="a")).diff()
    assert STAGE.happened == []


@pytest.mark.parametrize("level", list(InterruptLevel))
async def test_closed_after_an_interrupt(tmp_path: Path, level: InterruptLevel) -> None:
    """Whatever becomes of the items, what they shared is closed after them."""
    run = harness(
        tmp_path,
        User(name="a"),
        User(name="b"),
        ladder=LadderTimes(cancel_grace=0.01, cleanup_timeout=0.5),
    )

    async def works(ctx: ItemCtx, name: str) -> None:
        if name == "b":
            run.sender.request(level)
        await ctx.sleep(60)

    STAGE.works = works
    outcome = await run.ensure()
    assert ItemStatus.DONE not in statuses(outcome).values()
    assert STAGE.happened[-1] == "closed db"
    assert warnings(run) == []


async def test_an_item_that_is_cancelled_takes_nothing_from_others(tmp_path: Path) -> None:
    """Who asked first may fail while it is opened; whoever asks as well gets it all the same."""
    go_on = asyncio.Event()
    STAGE.opening = lambda _: go_on.wait()
    run = harness(tmp_path)
    ctxs: list[ItemCtx] = []

    class Asks(User):
        async def apply(self, ctx: ItemCtx, current: UserState, goal: UserState) -> UserState:
            ctxs.append(ctx)
            asking = asyncio.ensure_future(ctx.resource(pool, "db"))
            if self.name == "a":
                await asyncio.sleep(0)
                asking.cancel()
                await asyncio.wait({asking})
                go_on.set()
                raise ItemFailure("It gave up.")
            return UserState(used=(await asking)[0])

    run = harness(tmp_path, Asks(name="a"), Asks(name="b"))
    outcome = await run.ensure()
    assert statuses(outcome) == {"a": ItemStatus.FAILED, "b": ItemStatus.DONE}
    assert STAGE.happened == ["opens db 1 for nobody", "closed db"]


async def test_what_does_not_open_fails_who_asked(tmp_path: Path) -> None:
    """With its own error; and the next one that asks tries anew."""
    refused = 2

    def opening(_: str) -> None:
        nonlocal refused
        refused -= 1
        if refused >= 0:
            raise ItemFailure("The database is full.", help="make room")

    STAGE.opening = opening
    users = [User(name=name) for name in "abc"]
    outcome = await harness(tmp_path, *users, max_concurrency=1).ensure()
    assert list(statuses(outcome).values()).count(ItemStatus.FAILED) == 2
    errors = {each.error.message for each in outcome.items.values() if each.error is not None}
    assert errors == {"The database is full."}
    assert STAGE.happened[-1] == "closed db"


async def test_what_is_not_closed_is_said(tmp_path: Path) -> None:
    """An error of closing is a warning, and the execution is what its items say."""

    def closing(_: str) -> None:
        raise OSError("the line is dead")

    STAGE.closing = closing
    run = harness(tmp_path, User(name="a"))
    assert statuses(await run.ensure()) == {"a": ItemStatus.DONE}
    assert warnings(run) == ["pool was not closed: the line is dead"]


async def test_what_never_closes_is_not_waited_for(tmp_path: Path) -> None:
    """It is cancelled after the time that items have to clean up; the others are closed."""
    cancelled: list[str] = []

    async def closing(name: str) -> None:
        if name == "slow":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(name)
                raise

    STAGE.closing = closing
    run = harness(
        tmp_path,
        User(name="a"),
        User(name="b", pool="slow"),
        ladder=LadderTimes(cleanup_timeout=0.05),
    )
    assert set(statuses(await run.ensure()).values()) == {ItemStatus.DONE}
    assert warnings(run) == ["pool did not close within 0.05 s"]
    assert cancelled == ["slow"]
    assert "closed db" in STAGE.happened


async def test_one_that_blocks_is_opened_and_closed_in_threads(tmp_path: Path) -> None:
    """The event loop goes on; plain functions of items use it as well."""

    class Blocks(User):
        def apply(self, ctx: ItemCtx, current: UserState, goal: UserState) -> UserState:  # type: ignore[override]  # may be plain
            return UserState(used=ctx.blocking(ctx.resource(plain, "db")))

    outcome = await harness(tmp_path, Blocks(name="a"), Blocks(name="b")).ensure()
    assert set(statuses(outcome).values()) == {ItemStatus.DONE}
    opened, closed = STAGE.happened
    assert opened.startswith("opens db in peaceful-call")
    assert closed.startswith("closed db in peaceful-call")


async def test_a_function_of_the_standard_library(tmp_path: Path) -> None:
    """Items of a library need no application: any asynchronous context manager will do."""

    @asynccontextmanager
    async def session(name: str) -> AsyncGenerator[str]:
        STAGE.happened.append(f"opens {name}")
        yield name
        STAGE.happened.append(f"closed {name}")

    async def works(ctx: ItemCtx, _: str) -> None:
        assert await ctx.resource(session, "it") == "it"

    STAGE.works = works
    await harness(tmp_path, User(name="a"), User(name="b")).ensure()
    assert STAGE.happened[-2:] == ["closed it", "closed db"], "the newest is closed first"
    assert STAGE.happened.count("opens it") == 1


async def test_a_fake_in_its_place(tmp_path: Path) -> None:
    """In tests, another function is called with the same arguments."""

    @asynccontextmanager
    async def fake(name: str, *, size: int = 1) -> AsyncGenerator[list[str]]:
        yield [f"fake {name} {size}"]

    run = harness(tmp_path, User(name="a", pool="fake db 1"))
    run.fakes[pool] = fake

    class Fakes(User):
        async def apply(self, ctx: ItemCtx, current: UserState, goal: UserState) -> UserState:
            return UserState(used=(await ctx.resource(pool, "db", size=1))[0])

    run = harness(tmp_path, Fakes(name="a", pool="fake db 1"))
    run.fakes[pool] = fake
    assert statuses(await run.ensure()) == {"a": ItemStatus.DONE}
    assert STAGE.happened == []


async def test_arguments_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    """The error names the function, and no argument: that may be a secret."""

    class Odd(User):
        async def apply(self, ctx: ItemCtx, current: UserState, goal: UserState) -> UserState:
            await ctx.resource(pool, ["secret"])  # type: ignore[arg-type]  # on purpose
            return goal

    outcome = await harness(tmp_path, Odd(name="a")).ensure()
    error = outcome.items["a"].error
    assert isinstance(error, DefinitionError)
    assert "pool" in error.message
    assert "secret" not in str(error)


def test_how_long_it_lives_is_declared() -> None:
    """One for a server is called as any other, and is a context manager of its own then."""

    @app.resource(per="server")
    async def lasting(name: str) -> AsyncGenerator[str]:
        yield name

    async def use() -> str:
        async with lasting("it") as value:
            return value

    assert asyncio.run(use()) == "it"
