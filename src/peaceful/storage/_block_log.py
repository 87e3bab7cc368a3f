"""What the records of one block mean, whether they are being made or are read back. Pure.

A block is one pass over the items. After an unclean ending, an item is *in doubt* when it may have
been changed since its state was stored. Where the process was killed, the kernel still has every
start, and whatever was waited for: in doubt is what was started and did not end. Where the machine
went down, records that were not waited for may be gone: in doubt is every item that is not known to
have ended after it was started. A record that a state was found, without one that the item was
started, is no such knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import msgspec

from peaceful.model import ItemId
from peaceful.storage._records import (
    Begun,
    Ended,
    Forgotten,
    Record,
    Recorded,
    Settled,
    Started,
)
from peaceful.storage._stored_state import StateKind, StoredState


class BlockLog(msgspec.Struct):
    """What is known of a block after some of its records.

    Attributes:
        begun: how it began.
        changes: by kind and item, the new state, or none where it was forgotten.
        in_flight: the items that were started and did not end, with the time of it.
        ended: the items that ended after they were started, or without having been.
        finished: whether it ended.
    """

    begun: Begun
    changes: dict[StateKind, dict[ItemId, StoredState | None]] = msgspec.field(
        default_factory=lambda: {kind: {} for kind in StateKind}
    )
    in_flight: dict[ItemId, datetime] = msgspec.field(default_factory=dict)
    ended: set[ItemId] = msgspec.field(default_factory=set)
    finished: bool = False

    def add(self, record: Record) -> None:
        """Takes the next record in.

        Raises:
            ValueError: a block begins within a block.
        """
        match record:
            case Started(item, at):
                self.in_flight[item] = at
                self.ended.discard(item)
            case Recorded(item, states):
                for kind, state in states.items():
                    self.changes[kind][item] = state
                if StateKind.CURRENT in states:
                    self._end(item, proven=item in self.in_flight)
            case Settled(item):
                self._end(item, proven=True)
            case Forgotten(items):
                self._forget(items)
            case Ended():
                self.finished = True
            case Begun():
                raise ValueError("a block begins within a block")

    def in_doubt(self, *, all_records: bool) -> dict[ItemId, datetime]:
        """The items that may have been changed since their state was stored, and since when.

        Args:
            all_records: whether it is certain that every record that was made is here.
        """
        doubtful = dict(self.in_flight)
        if self.begun.applies and not (self.finished or all_records):
            for item in self.begun.items:
                if item not in self.ended:
                    doubtful.setdefault(item, self.begun.at)
        return doubtful

    def _forget(self, items: Iterable[ItemId]) -> None:
        for item in items:
            for changed in self.changes.values():
                changed[item] = None
            self._end(item, proven=item in self.in_flight)

    def _end(self, item: ItemId, *, proven: bool) -> None:
        self.in_flight.pop(item, None)
        if proven:
            self.ended.add(item)


def overlaid(
    stored: Mapping[ItemId, StoredState],
    changes: Mapping[ItemId, StoredState | None],
    in_doubt: Mapping[ItemId, datetime],
) -> dict[ItemId, StoredState | None]:
    """What changes in the stored states; none for what is removed.

    Args:
        stored: the states as they are stored.
        changes: what was recorded since.
        in_doubt: the items whose state may be out of date, and since when. The earlier doubt stays.
    """
    result = dict(changes)
    for item, since in in_doubt.items():
        before = result[item] if item in result else stored.get(item)
        if before is None:
            result[item] = StoredState.in_progress(since)
        elif before.in_progress_since is None:
            result[item] = replace(before, in_progress_since=since)
    return result


def log_of(records: Iterable[Record]) -> BlockLog:
    """What is known of a block after its records.

    Raises:
        ValueError: they do not begin with how the block began, or hold a second beginning.
    """
    rest = iter(records)
    match next(rest, None):
        case Begun() as begun:
            log = BlockLog(begun)
        case _:
            raise ValueError("it does not begin with the beginning of a block")
    for record in rest:
        log.add(record)
    return log
