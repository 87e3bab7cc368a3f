"""Running flows and single items in tests, without a command line and without a workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Generic, Literal, TypeAlias, TypeVar, assert_never, cast

from peaceful._commands.clean import CleanCmd
from peaceful._commands.diff import DiffCmd
from peaceful._commands.discover import DiscoverCmd
from peaceful._commands.ensure import EnsureCmd
from peaceful._commands.sync_check import SyncCheck
from peaceful._item.diff import StateDiff
from peaceful._item.item import Item
from peaceful._model.clock import Clock, SystemClock
from peaceful._model.event import Event
from peaceful._model.field_types import ItemId
from peaceful._model.outcome import CmdOutcome, ItemResult
from peaceful._model.state import State
from peaceful._resources import Resources
from peaceful._runtime.calls import StateDiffs, States
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
from peaceful.testing._sink import RecordingSink
from peaceful.testing._state_store import MemoryStateStore

S = TypeVar("S", bound=State)

Command: TypeAlias = Literal["discover", "diff", "ensure", "clean"]
"""What can be done with a flow."""

_APP: Final = "testing"
_PROFILE: Final = "test"
_FLOW: Final = "test"


def _where(item: ItemId, field: str) -> str:
    return ".".join(("the harness's store", item, *([field] if field else [])))


class FlowHarness:
    """Runs the commands of one flow in a test.

    ```python
    async def test_two_files(tmp_path: Path) -> None:
        def declare(flow: Flow) -> None:
            flow.add("one", TextFile(path=tmp_path / "one", content="1"))
            flow.add("two", TextFile(path=tmp_path / "two", content="2"))

        harness = FlowHarness(declare, tmp_path)
        outcome = await harness.ensure()
        assert outcome.items_with(ItemStatus.DONE) == ("one", "two")
    ```

    Each command declares the flow anew, as an application does. An interrupt that `sender` sends
    before or during a command belongs to that command; the next one begins without it.

    Args:
        declare: adds the flow's items.
        folder: a temporary folder, for the lock and whatever else needs a place.
        store: where states are kept; in memory by default.
        strategy: what is done on an interrupt.
        settings: how executions behave.
        resources: what an application would give to its items.
        clock: tells the time; the machine's by default.

    Attributes:
        sender: interrupts the command that runs, or the next one.
        sink: has the events of all commands so far.
        store: where states are kept.
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
        self.store: Final[StateStore] = store or MemoryStateStore(now=self._clock.now)

    @property
    def ctx(self) -> CmdCtx:
        """A context to run a command of one's own on."""
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
        )

    @property
    def events(self) -> list[Event]:
        """The events of all commands so far."""
        return self.sink.events

    async def discover(self) -> CmdOutcome[States]:
        """Finds out what the items are and what they should be."""
        return await DiscoverCmd.exec(self.ctx)

    async def diff(self) -> CmdOutcome[StateDiffs]:
        """Finds out what differs."""
        return await DiffCmd.exec(self.ctx)

    async def ensure(
        self,
        *,
        dry_run: bool = False,
        only: Iterable[ItemId] = (),
        sync: SyncCheck = SyncCheck.NONE,
    ) -> CmdOutcome[States]:
        """Brings the items to what they should be; see `EnsureCmd.exec`."""
        return await EnsureCmd.exec(self.ctx, dry_run=dry_run, only=only, sync=sync)

    async def clean(
        self,
        *,
        dry_run: bool = False,
        only: Iterable[ItemId] = (),
        sync: SyncCheck = SyncCheck.NONE,
    ) -> CmdOutcome[States]:
        """Cleans the items up; see `CleanCmd.exec`."""
        return await CleanCmd.exec(self.ctx, dry_run=dry_run, only=only, sync=sync)


class ItemHarness(FlowHarness, Generic[S]):
    """Runs the commands of a flow that has one item.

    ```python
    async def test_it_is_written(tmp_path: Path) -> None:
        harness = ItemHarness(TextFile(path=tmp_path / "it", content="hello"), tmp_path)
        assert (await harness.result_of("ensure")).status is ItemStatus.DONE
        assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
        assert await harness.difference() is None
    ```

    Args:
        item: the item. May be replaced by setting `item`, for what changes between two commands.
        folder: a temporary folder, for the lock and whatever else needs a place.
        item_id: the item's ID.
        store: as for `FlowHarness`, and so are the others.

    Attributes:
        item: the item.
        item_id: its ID.
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

    async def run(self, command: Command, *, dry_run: bool = False) -> CmdOutcome[object]:
        """Runs a command by its name.

        Args:
            command: which one.
            dry_run: whether `ensure` and `clean` only say what they would do.
        """
        match command:
            case "discover":
                return await self.discover()
            case "diff":
                return await self.diff()
            case "ensure":
                return await self.ensure(dry_run=dry_run)
            case "clean":
                return await self.clean(dry_run=dry_run)
            case _:
                assert_never(command)

    async def result_of(self, command: Command, *, dry_run: bool = False) -> ItemResult:
        """Runs a command by its name, and says how the item ended in it.

        Raises:
            PeacefulError: what the item failed with.
        """
        outcome = await self.run(command, dry_run=dry_run)
        result = outcome.items[self.item_id]
        if result.error is not None:
            raise result.error
        return result

    async def states(self) -> tuple[S | None, S | None]:
        """What the item is and what it should be, each none where it is not known.

        Raises:
            PeacefulError: what the item failed with.
        """
        outcome = await self.discover()
        error = outcome.items[self.item_id].error
        if error is not None:
            raise error
        assert outcome.value is not None
        current = outcome.value.current.get(self.item_id)
        goal = outcome.value.goal.get(self.item_id)
        return cast("S | None", current), cast("S | None", goal)

    async def difference(self) -> StateDiff | None:
        """What differs between what the item is and what it should be, or none.

        Raises:
            PeacefulError: what the item failed with.
            KeyError: one of the two is not known.
        """
        outcome = await self.diff()
        error = outcome.items[self.item_id].error
        if error is not None:
            raise error
        assert outcome.value is not None
        return outcome.value.diffs[self.item_id]


def run_item(
    item: Item[S], folder: Path, command: Command = "ensure", *, dry_run: bool = False
) -> ItemResult:
    """Runs one command of one item, from a test without a loop.

    Nothing is stored between two calls; what the item is, it finds out anew.

    Args:
        item: the item.
        folder: a temporary folder.
        command: what to do.
        dry_run: whether only to say what would be done.

    Returns:
        How the item ended.

    Raises:
        PeacefulError: what the item failed with.
    """
    return asyncio.run(ItemHarness(item, folder).result_of(command, dry_run=dry_run))
