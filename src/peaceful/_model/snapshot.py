"""Snapshot of an execution, built from its events, with which late readers begin.

The docstrings describe the fields in the API's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast, get_args

import msgspec

from peaceful._model.codec import decode_json
from peaceful._model.event import (
    BlockEnded,
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
)
from peaceful._model.execution import ExecutionInfo, ExecutionState
from peaceful._model.field_types import ItemId, Moment
from peaceful._model.outcome import ItemStatus
from peaceful._model.progress import Progress


class Snapshot(msgspec.Struct):
    """The present state of every part of an execution, updated by events.

    Attributes:
        execution: the execution, or null before it starts.
        items: every item of the flow, in order.
        waits_for: by item, the items that it waits for.
        block: the block that is processed, or empty.
        block_items: the items of the latest block that has any, in order. The next fields are about
            them.
        waiting: how many of them have not started.
        running: those in progress, each with its latest progress, if it reported any.
        since: when each item in progress started.
        ended: those that ended.
        interrupt: the latest interrupt, with what was in progress when it came.
        ending: the last event, if it has come.
    """

    execution: ExecutionInfo | None = None
    items: tuple[ItemId, ...] = ()
    waits_for: Mapping[ItemId, tuple[ItemId, ...]] = {}
    block: str = ""
    block_items: tuple[ItemId, ...] = ()
    waiting: int = 0
    running: dict[ItemId, Progress | None] = {}
    since: dict[ItemId, Moment] = {}
    ended: dict[ItemId, ItemEnded] = {}
    interrupt: InterruptRequested | None = None
    ending: ExecutionEnded | None = None

    def add(self, event: Event) -> None:
        """Add an event, at constant cost."""
        match event:
            case ItemProgressed(item=item, progress=progress):
                if item in self.running:
                    self.running[item] = progress
            case ItemStarted(at=at, item=item):
                self.running[item] = None
                self.since[item] = at
                self.waiting -= 1
            case ItemEnded(item=item):
                self.running.pop(item, None)
                self.since.pop(item, None)
                self.ended[item] = event
            case _:
                self._add_rare(event)

    def _add_rare(
        self,
        event: ExecutionStarted | BlockStarted | BlockEnded | InterruptRequested | ExecutionEnded,
    ) -> None:
        match event:
            case BlockStarted(block=block, items=items):
                self.block = block
                if items:
                    self.block_items = items
                    self.waiting = len(items)
                    self.running.clear()
                    self.since.clear()
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
            case ExecutionEnded():
                self.ending = event
                self._change(state=event.state, ended_at=event.at, can_interrupt=False)

    def _change(self, **fields: object) -> None:
        if self.execution is not None:
            self.execution = msgspec.structs.replace(self.execution, **fields)

    def copy(self) -> Snapshot:
        """Return a copy that does not change when events are added to this one."""
        return msgspec.structs.replace(
            self, running=self.running.copy(), since=self.since.copy(), ended=self.ended.copy()
        )

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

    Raises:
        ValueError: it is no event; the text says why.
    """
    try:
        return decode_json(data, cast("type[StreamEvent]", StreamEvent))
    except ValueError:
        kinds = cast("tuple[type[msgspec.Struct], ...]", get_args(StreamEvent))
        if decode_json(data, _Tagged).event in {kind.__struct_config__.tag for kind in kinds}:
            raise
        return None
