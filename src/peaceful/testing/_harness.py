"""Harnesses that run flows and single items in tests, without a command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Generic, TypeVar, Unpack, assert_never, cast

from peaceful._commands.clean import CleanCmd
from peaceful._commands.diff import DiffCmd
from peaceful._commands.discover import DiscoverCmd
from peaceful._commands.ensure_cmd import EnsureCmd
from peaceful._commands.options import CleanOptions, EnsureOptions, PlanOptions
from peaceful._commands.plan import Plan
from peaceful._commands.run_request import CommandName
from peaceful._item.diff import StateDiff
from peaceful._item.item import Item
from peaceful._model.clock import Clock, SystemClock
from peaceful._model.codec import ItemId
from peaceful._model.events import Event
from peaceful._model.outcome import CmdOutcome, ItemResult
from peaceful._model.state import State
from peaceful._resources import AnyOpener, Resources
from peaceful._runtime.block import StateDiffs, States
from peaceful._runtime.ctx import CmdCtx, ExecutionSettings
from peaceful._runtime.flow import Flow
from peaceful._storage.stored_state import StateStore
from peaceful._storage.workspace import Workspace
from peaceful.interrupt import (
    FinishCurrent,
    Interruptible,
    InterruptReceiver,
    InterruptSender,
    InterruptStrategy,
    interrupt_channel,
)
from peaceful.testing._fakes import MemoryStateStore, RecordingSink

S = TypeVar("S", bound=State)
T = TypeVar("T")

_APP: Final = "testing"
_PROFILE: Final = "test"
_FLOW: Final = "test"


def _where(item: ItemId, field: str) -> str:
    return ".".join(("the harness's store", item, *([field] if field else [])))


def _approve(_question: str) -> str:
    return ""


class FlowHarness:
    """A harness that runs the commands of one flow in a test.

    ```python
    async def test_two_files(tmp_path: Path) -> None:
        def declare(flow: Flow) -> None:
            flow.add("one", TextFile(path=tmp_path / "one", content="1"))
            flow.add("two", TextFile(path=tmp_path / "two", content="2"))

        harness = FlowHarness(declare, tmp_path)
        outcome = await harness.ensure()
        assert outcome.items_with(ItemStatus.DONE) == ("one", "two")
    ```

    Each command declares the flow anew, as an application does. One in which an item blocks the
    event loop for more than a second raises `AssertionError`, which names the item. An interrupt
    that `sender` sends before or during a command belongs to that command; the next one begins
    without it.

    Args:
        declare: adds the flow's items.
        folder: a temporary folder, used as the workspace.
        store: keeps the states; in memory by default.
        strategy: the interruption strategy; `FinishCurrent` by default.
        settings: the settings of executions.
        resources: the resources that an application would give to its items.
        clock: tells the time; the machine's by default.

    Attributes:
        sender: interrupts the running command, or the next one.
        sink: records the events of all commands.
        store: keeps the states.
        answer: given what an item asks people to approve, returns an empty text to approve, why it
            is refused, or None to let it wait. By default, everything is approved.
        fakes: by function that opens a resource, the one to call in its place.
    """

    def __init__(
        self,
        declare: Callable[[Flow], object],
        folder: Path,
        *,
        store: StateStore | None = None,
        strategy: InterruptStrategy | None = None,
        settings: ExecutionSettings | None = None,
        resources: Resources | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.answer: Callable[[str], str | None] = _approve
        self.fakes: dict[AnyOpener, AnyOpener] = {}
        self._declare = declare
        self._workspace = Workspace(folder, _APP)
        self._clock: Clock = clock or SystemClock()
        self._settings = settings or ExecutionSettings()
        self._resources = resources or Resources()
        self._strategy: InterruptStrategy = strategy or FinishCurrent()
        channel = interrupt_channel(now=self._clock.now)
        self.sender: Final[InterruptSender] = channel[0]
        self._receiver: InterruptReceiver = channel[1]
        self.sink: Final = RecordingSink()
        self._blocked: list[str] = []
        self.store: Final[StateStore] = store or MemoryStateStore(now=self._clock.now)

    @property
    def ctx(self) -> CmdCtx:
        """A new context, for running a custom command."""
        flow = Flow(_FLOW, _PROFILE)
        self._declare(flow)
        if flow.asks_for_stored:
            flow.recall(self.store.load_params_specs(), _where)
        return CmdCtx(
            app=_APP,
            workspace=self._workspace,
            profile=_PROFILE,
            flow=flow.build(),
            store=self.store,
            interruptibility=Interruptible(self._receiver, self._strategy),
            sinks=(self.sink,),
            settings=self._settings,
            clock=self._clock,
            resources=self._resources,
            fakes=self.fakes,
            on_blocked=self._blocked.append,
            on_ask=lambda _item, question: self.answer(question),
        )

    @property
    def events(self) -> list[Event]:
        """The events of all commands so far."""
        return self.sink.events

    async def discover(self) -> CmdOutcome[States]:
        """Discover the current and goal states of the items."""
        return await self._unblocked(DiscoverCmd.exec(self.ctx))

    async def diff(self) -> CmdOutcome[StateDiffs]:
        """Compare the current states with the goals."""
        return await self._unblocked(DiffCmd.exec(self.ctx))

    async def plan(self, **options: Unpack[PlanOptions]) -> CmdOutcome[Plan]:
        """Say what `ensure` would do; the options are those of `EnsureCmd.plan`."""
        return await self._unblocked(EnsureCmd.plan(self.ctx, **options))

    async def apply(self, plan: Plan, *, fail_fast: bool = False) -> CmdOutcome[States]:
        """Do what a plan says, as `EnsureCmd.apply`."""
        return await self._unblocked(EnsureCmd.apply(self.ctx, plan, fail_fast=fail_fast))

    async def ensure(self, **options: Unpack[EnsureOptions]) -> CmdOutcome[States]:
        """Bring the items to their goals; the options are those of `EnsureCmd.exec`."""
        return await self._unblocked(EnsureCmd.exec(self.ctx, **options))

    async def clean(self, **options: Unpack[CleanOptions]) -> CmdOutcome[States]:
        """Clean the items up; the options are those of `CleanCmd.exec`."""
        return await self._unblocked(CleanCmd.exec(self.ctx, **options))

    async def _unblocked(self, running: Awaitable[T]) -> T:
        self._blocked.clear()
        outcome = await running
        if self._blocked:
            raise AssertionError(self._blocked[0])
        return outcome


class ItemHarness(FlowHarness, Generic[S]):
    """A harness that runs the commands of a flow with a single item.

    ```python
    async def test_it_is_written(tmp_path: Path) -> None:
        harness = ItemHarness(TextFile(path=tmp_path / "it", content="hello"), tmp_path)
        assert (await harness.result_of("ensure")).status is ItemStatus.DONE
        assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
        assert await harness.difference() is None
    ```

    Args:
        item: the item; setting the attribute `item` replaces it for the next command.
        folder: a temporary folder, used as the workspace.
        item_id: the item's ID.
        store: as for `FlowHarness`, like the following arguments.

    Attributes:
        item_id: the item's ID.
    """

    def __init__(
        self,
        item: Item[S],
        folder: Path,
        *,
        item_id: ItemId = "item",
        store: StateStore | None = None,
        strategy: InterruptStrategy | None = None,
        settings: ExecutionSettings | None = None,
        resources: Resources | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.item = item
        self.item_id: Final = item_id
        super().__init__(
            lambda flow: flow.add(self.item_id, self.item),
            folder,
            store=store,
            strategy=strategy,
            settings=settings,
            resources=resources,
            clock=clock,
        )

    async def run(self, command: CommandName, *, dry_run: bool = False) -> CmdOutcome[object]:
        """Run a command by its name; `dry_run` is for `ensure` and `clean`.

        `clean` removes whatever it finds.
        """
        match command:
            case "discover":
                return await self.discover()
            case "diff":
                return await self.diff()
            case "plan":
                return await self.plan()
            case "ensure":
                return await self.ensure(dry_run=dry_run)
            case "clean":
                return await self.clean(dry_run=dry_run, found=True)
            case _:
                assert_never(command)

    async def result_of(self, command: CommandName, *, dry_run: bool = False) -> ItemResult:
        """Run a command by its name, and return the item's result.

        Raises:
            PeacefulError: the item's failure.
        """
        return self._checked(await self.run(command, dry_run=dry_run))

    async def states(self) -> tuple[S | None, S | None]:
        """Discover the item's current and goal states; an unknown one is None.

        Raises:
            PeacefulError: the item's failure.
        """
        outcome = await self.discover()
        self._checked(outcome)
        assert outcome.value is not None
        current = outcome.value.current.get(self.item_id)
        goal = outcome.value.goal.get(self.item_id)
        return cast("S | None", current), cast("S | None", goal)

    async def difference(self) -> StateDiff | None:
        """Compare the item's current state with its goal; return None if they are equal.

        Raises:
            PeacefulError: the item's failure.
            KeyError: one of the two is not known.
        """
        outcome = await self.diff()
        self._checked(outcome)
        assert outcome.value is not None
        return outcome.value.diffs[self.item_id]

    def _checked(self, outcome: CmdOutcome[object]) -> ItemResult:
        result = outcome.items[self.item_id]
        if result.error is not None:
            raise result.error
        return result


def run_item(
    item: Item[S], folder: Path, command: CommandName = "ensure", *, dry_run: bool = False
) -> ItemResult:
    """Run one command of one item, in a test that is not async, and return the item's result.

    `folder` is a temporary folder. No states are stored between two calls: `clean` removes what it
    finds.

    Raises:
        PeacefulError: the item's failure.
    """
    return asyncio.run(ItemHarness(item, folder).result_of(command, dry_run=dry_run))
