"""Events of an execution, and the snapshot that they add up to."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeAlias, cast, get_args

import msgspec

from peaceful._errors.json import ErrorJson
from peaceful._model.codec import ExecutionId, ItemId, Moment, decode_json
from peaceful._model.execution import Approval, ExecutionInfo, ExecutionState
from peaceful._model.interrupt import InterruptSignal
from peaceful._model.outcome import ItemStatus, OutcomeKind, state_after


class ProgressUnit(enum.StrEnum):
    """The unit of an item's progress."""

    BYTES = "bytes"
    STEPS = "steps"
    PERCENT = "percent"
    UNKNOWN = "unknown"
    """Nothing can be counted: it works, and nobody knows for how long."""


class Progress(msgspec.Struct, frozen=True):
    """The progress of an item at one moment.

    Attributes:
        unit: what `done` and `total` count.
        done: how much is done.
        total: how much there is to do, or null if unknown.
        rate: units per second, smoothed, or null if too little is known.
        seconds_left: an estimate, or null if too little is known.
        message: what it is doing now, in a few words.
        stalled_for: seconds since its last report, if that is longer than it should be.
    """

    unit: ProgressUnit = ProgressUnit.UNKNOWN
    done: float = 0
    total: float | None = None
    rate: float | None = None
    seconds_left: float | None = None
    message: str = ""
    stalled_for: float | None = None

    @property
    def fraction(self) -> float | None:
        """The fraction that is done, from 0 to 1, or `None` if nobody can tell.

        That is so if the total is unknown, and of a single step, which is done or is not.
        """
        if not self.total or (self.unit is ProgressUnit.STEPS and self.total <= 1):
            return None
        return min(1.0, max(0.0, self.done / self.total))


class Phase(enum.StrEnum):
    """What is done with an item in progress."""

    LOOKING = "looking"
    """It is examined."""
    CHANGING = "changing"
    """It is applied, or cleaned up."""


class EventBase(msgspec.Struct, frozen=True, tag_field="event"):
    """The base of events; in JSON, the tag comes first, under `event`.

    Attributes:
        at: when it happened; UTC.
    """

    at: Moment


class ExecutionStarted(EventBase, frozen=True, tag="execution_started"):
    """An execution began.

    Attributes:
        execution: the execution.
        items: every item of the flow, in order.
        waits_for: by item, the items that it waits for.
    """

    execution: ExecutionInfo
    items: tuple[ItemId, ...]
    waits_for: Mapping[ItemId, tuple[ItemId, ...]]


class BlockStarted(EventBase, frozen=True, tag="block_started"):
    """A block of the execution began.

    Attributes:
        block: its name.
        items: the items that it will process, in order; may be empty.
        at_once: how many of them are in progress at once, at most; 0 if unknown.
        expected: the seconds that items took the last time, as far as that is known.
    """

    block: str
    items: tuple[ItemId, ...]
    at_once: int = 0
    expected: Mapping[ItemId, float] = {}


class ItemStarted(EventBase, frozen=True, tag="item_started"):
    """An item is in progress.

    Attributes:
        item: its name.
        phase: what is done with it at first; null if its block does not say.
    """

    item: ItemId
    phase: Phase | None = None


class ChangeStarted(EventBase, frozen=True, tag="change_started"):
    """An item in progress was looked at, and is changed from now on.

    Attributes:
        item: its name.
    """

    item: ItemId


class ItemProgressed(EventBase, frozen=True, tag="item_progressed"):
    """An item made progress, or reported something.

    Attributes:
        item: its name.
        progress: its progress.
    """

    item: ItemId
    progress: Progress


class ApprovalAsked(EventBase, frozen=True, tag="approval_asked"):
    """An item in progress waits until a person approves.

    Attributes:
        item: its name.
        question: what it asks, in one line.
    """

    item: ItemId
    question: str


class ApprovalEnded(EventBase, frozen=True, tag="approval_ended"):
    """An item does not wait for an approval any more.

    Attributes:
        item: its name.
        approval: the answer, which may have been given before; null if the item waits no longer
            without one.
    """

    item: ItemId
    approval: Approval | None


class ItemEnded(EventBase, frozen=True, tag="item_ended"):
    """An item ended, and its result is on disk.

    Attributes:
        item: its name.
        status: how it ended.
        shown: its state in a few words.
        message: what was done, or why it was not.
        error: why it failed, or null.
        seconds: how long it was in progress.
    """

    item: ItemId
    status: ItemStatus
    shown: str
    message: str
    error: ErrorJson | None
    seconds: float


class InterruptRequested(EventBase, frozen=True, tag="interrupt_requested"):
    """An interrupt was accepted, or raised to a higher level.

    Attributes:
        signal: the request.
        in_progress: the items that were in progress then.
        looking: those of them that were only looked at.
    """

    signal: InterruptSignal
    in_progress: tuple[ItemId, ...]
    looking: tuple[ItemId, ...] = ()


class Warned(EventBase, frozen=True, tag="warned"):
    """Something came up that people should know, and that is no failure.

    Attributes:
        text: a sentence about it.
    """

    text: str


class BlockEnded(EventBase, frozen=True, tag="block_ended"):
    """A block ended, or was interrupted.

    Attributes:
        block: its name.
        finished: whether it processed all that it had to.
    """

    block: str
    finished: bool


class ExecutionEnded(EventBase, frozen=True, tag="execution_ended"):
    """An execution ended. This is the last event of every execution.

    Attributes:
        execution_id: its ID.
        outcome: how it ended; null if its process was lost, and another one reports it.
        counts: the number of items by status.
        interrupt: the accepted interrupt, or null.
        error: the error of the command itself, as opposed to an item's.
        state: the final state, which follows from the outcome.
    """

    execution_id: ExecutionId
    outcome: OutcomeKind | None
    counts: Mapping[ItemStatus, int]
    interrupt: InterruptSignal | None
    error: ErrorJson | None = None
    state: ExecutionState = ExecutionState.LOST

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "state", state_after(self.outcome))


_OfWhole: TypeAlias = (
    ExecutionStarted | BlockStarted | InterruptRequested | Warned | BlockEnded | ExecutionEnded
)

Event: TypeAlias = (
    ExecutionStarted
    | BlockStarted
    | ItemStarted
    | ChangeStarted
    | ItemProgressed
    | ApprovalAsked
    | ApprovalEnded
    | ItemEnded
    | InterruptRequested
    | Warned
    | BlockEnded
    | ExecutionEnded
)
"""Every event that a sink takes."""


class Snapshot(msgspec.Struct):
    """The present state of every part of an execution, updated by events.

    Attributes:
        execution: the execution, or null before it starts.
        items: every item of the flow, in order.
        waits_for: by item, the items that it waits for.
        block: the block that is processed, or empty.
        block_items: the items of the latest block that has any, in order. The next fields are about
            them.
        at_once: how many of them are in progress at once, at most; 0 if unknown.
        expected: the seconds that they took the last time, as far as that is known.
        waiting: how many of them have not started.
        running: those in progress, each with its latest progress, if it reported any.
        since: when each item in progress started.
        phases: what is done with each item in progress, if its block says so.
        asking: those in progress that wait for an approval, each with its question and since when.
        ended: those that ended.
        interrupt: the latest interrupt, with what was in progress when it came.
        warnings: what people should know, in order.
        approvals: the answers to items that asked for an approval, in order.
        ending: the last event, if it has come.
    """

    execution: ExecutionInfo | None = None
    items: tuple[ItemId, ...] = ()
    waits_for: Mapping[ItemId, tuple[ItemId, ...]] = {}
    block: str = ""
    block_items: tuple[ItemId, ...] = ()
    at_once: int = 0
    expected: Mapping[ItemId, float] = {}
    waiting: int = 0
    running: dict[ItemId, Progress | None] = {}
    since: dict[ItemId, Moment] = {}
    phases: dict[ItemId, Phase] = {}
    asking: dict[ItemId, ApprovalAsked] = {}
    ended: dict[ItemId, ItemEnded] = {}
    interrupt: InterruptRequested | None = None
    warnings: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    ending: ExecutionEnded | None = None

    def add(self, event: Event) -> None:
        """Add an event, at constant cost."""
        match event:
            case ItemProgressed(item=item, progress=progress):
                if item in self.running:
                    self.running[item] = progress
            case ItemStarted(at=at, item=item, phase=phase):
                self.running[item] = None
                self.since[item] = at
                self.waiting -= 1
                if phase is not None:
                    self.phases[item] = phase
            case ChangeStarted(item=item):
                if item in self.running:
                    self.phases[item] = Phase.CHANGING
                    # What it said was of the look.
                    self.running[item] = None
            case ItemEnded(item=item):
                self.running.pop(item, None)
                self.since.pop(item, None)
                self.phases.pop(item, None)
                self.asking.pop(item, None)
                self.ended[item] = event
            case ApprovalAsked() | ApprovalEnded():
                self._add_approval(event)
            case _:
                self._add_rare(event)

    def _add_approval(self, event: ApprovalAsked | ApprovalEnded) -> None:
        match event:
            case ApprovalAsked(item=item):
                if item in self.running:
                    self.asking[item] = event
            case ApprovalEnded(item=item, approval=approval):
                self.asking.pop(item, None)
                if approval is not None:
                    self.approvals = (*self.approvals, approval)

    def _add_rare(self, event: _OfWhole) -> None:
        match event:
            case BlockStarted(block=block, items=items):
                self.block = block
                if items:
                    self.block_items = items
                    self.at_once, self.expected = event.at_once, event.expected
                    self.waiting = len(items)
                    self.running.clear()
                    self.since.clear()
                    self.phases.clear()
                    self.asking.clear()
                    self.ended.clear()
            case BlockEnded():
                self.block = ""
            case ExecutionStarted():
                # A reader that begins with a snapshot may get the start afterwards.
                if self.execution is None:
                    self.execution = event.execution
                    self.items = event.items
                    self.waits_for = event.waits_for
            case InterruptRequested(signal=signal):
                self.interrupt = event
                self._change(state=ExecutionState.INTERRUPTING, interrupt=signal)
            case Warned(text=text):
                self.warnings = (*self.warnings, text)
            case ExecutionEnded():
                self.ending = event
                self._change(state=event.state, ended_at=event.at, can_interrupt=False)

    def _change(self, **fields: object) -> None:
        if self.execution is not None:
            self.execution = msgspec.structs.replace(self.execution, **fields)

    def copy(self) -> Snapshot:
        """Return a copy that does not change when events are added to this one."""
        return msgspec.structs.replace(
            self,
            running=self.running.copy(),
            since=self.since.copy(),
            phases=self.phases.copy(),
            asking=self.asking.copy(),
            ended=self.ended.copy(),
        )

    @property
    def looking(self) -> tuple[ItemId, ...]:
        """The items in progress that are only looked at."""
        return tuple(item for item, phase in self.phases.items() if phase is Phase.LOOKING)

    @property
    def statuses(self) -> dict[ItemId, ItemStatus]:
        """The status of each item of the block, if the execution ended now."""
        return {
            item: self.ended[item].status
            if item in self.ended
            else ItemStatus.ABANDONED
            if item in self.running
            else ItemStatus.NOT_STARTED
            for item in dict.fromkeys((*self.block_items, *self.running, *self.ended))
        }


class SnapshotTaken(msgspec.Struct, frozen=True, tag_field="event", tag="snapshot"):
    """The first message of a stream of events, for readers that come late.

    Attributes:
        snapshot: the state of everything after the events until now.
    """

    snapshot: Snapshot


StreamEvent: TypeAlias = Event | SnapshotTaken
"""A message in an execution's stream of events."""


class _Tagged(msgspec.Struct):
    event: str


def decode_event(data: bytes | str) -> StreamEvent | None:
    """Return the event in a JSON object, or `None` if only later versions know its type.

    Raises `ValueError`, which says why, for what is no event.
    """
    try:
        return decode_json(data, cast("type[StreamEvent]", StreamEvent))
    except ValueError:
        kinds = cast("tuple[type[msgspec.Struct], ...]", get_args(StreamEvent))
        if decode_json(data, _Tagged).event in {kind.__struct_config__.tag for kind in kinds}:
            raise
        return None
