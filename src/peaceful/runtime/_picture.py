"""How an execution stands, made from its events: what whoever comes later is shown first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from peaceful.model import (
    BlockEnded,
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionStarted,
    ExecutionState,
    InterruptRequested,
    ItemEnded,
    ItemId,
    ItemProgressed,
    ItemStarted,
    JsonValue,
    Progress,
    event_json,
    to_json,
)


class Picture:
    """The present state of every part of an execution.

    Attributes:
        execution: what is known of it, or none before it starts.
        items: every item of the flow, in its order.
        waits_for: by item, the items whose end it waits for.
        block: the block that is processed, or empty.
        block_items: the items that the present block goes through, in order.
        running: the items in progress, each with its newest progress, if it said anything.
        since: by item in progress, when it started.
        ended: the items that ended in the present block.
        waiting: how many items of the present block have not started.
        interrupt: the newest interrupt, with what was in progress when it came.
        ending: the last event, once it is there.
    """

    def __init__(self) -> None:
        self.execution: ExecutionInfo | None = None
        self.items: tuple[ItemId, ...] = ()
        self.waits_for: Mapping[ItemId, tuple[ItemId, ...]] = {}
        self.block_items: tuple[ItemId, ...] = ()
        self.block: str = ""
        self.running: dict[ItemId, Progress | None] = {}
        self.since: dict[ItemId, datetime] = {}
        self.ended: dict[ItemId, ItemEnded] = {}
        self.waiting: int = 0
        self.interrupt: InterruptRequested | None = None
        self.ending: ExecutionEnded | None = None

    def add(self, event: Event) -> None:
        """Takes an event into the picture, at constant cost."""
        match event:
            case ItemProgressed(item=item, progress=progress):
                if item in self.running:
                    self.running[item] = progress
            case ItemStarted(item=item):
                self.running[item] = None
                self.since[item] = event.at
                self.waiting -= 1
            case ItemEnded(item=item):
                self.running.pop(item, None)
                self.since.pop(item, None)
                self.ended[item] = event
            case _:
                self._add_rare(event)

    def _add_rare(self, event: Event) -> None:
        match event:
            case BlockStarted(block=block, items=items):
                self.block = block
                self.block_items = items
                self.waiting = len(items)
                self.running.clear()
                self.since.clear()
                self.ended.clear()
            case BlockEnded():
                self.block = ""
            case ExecutionStarted():
                self.execution = event.execution
                self.items = event.items
                self.waits_for = event.waits_for
            case InterruptRequested(signal=signal):
                self.interrupt = event
                if self.execution is not None:
                    self.execution = replace(
                        self.execution, state=ExecutionState.INTERRUPTING, interrupt=signal
                    )
            case ExecutionEnded():
                self.ending = event
            case _:
                raise AssertionError(f"{event} is not rare")

    def to_json(self) -> Mapping[str, JsonValue]:
        """The picture as a JSON object."""
        return {
            "execution": to_json(self.execution),
            "items": list(self.items),
            "waits_for": to_json(self.waits_for),
            "block": self.block,
            "block_items": list(self.block_items),
            "waiting": self.waiting,
            "running": {item: to_json(progress) for item, progress in self.running.items()},
            "since": {item: to_json(moment) for item, moment in self.since.items()},
            "ended": {item: event_json(ended) for item, ended in self.ended.items()},
            "interrupt": None if self.interrupt is None else event_json(self.interrupt),
            "ending": None if self.ending is None else event_json(self.ending),
        }
