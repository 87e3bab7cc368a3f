"""What happens in an execution, for all who watch it: numbered, and serialised once."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

import msgspec

from peaceful.model import (
    ExecutionEnded,
    InterruptRequested,
    ItemEnded,
    ItemId,
    ItemProgressed,
    Snapshot,
    SnapshotTaken,
    StreamEvent,
    encode_json,
)

KEPT: Final = 4096
"""How many of the newest events are kept for watchers that missed them."""

_REMEMBERED: Final = 16
"""For how many places in the feed what follows is kept ready: most watchers are at the same one."""

_URGENT: Final = (InterruptRequested, SnapshotTaken, ExecutionEnded)
"""What a person should see at once."""


class Chunk(msgspec.Struct, frozen=True):
    """What a watcher has not seen yet.

    Attributes:
        data: events, ready to be sent; empty where there are none.
        last_id: the ID of the last one of them, or what the watcher had.
    """

    data: bytes
    last_id: int


_NOTHING: Final = Chunk(b"", 0)


class Feed:
    """The events of one execution, in order, with increasing IDs.

    A watcher is a number: the ID of the last event that it has seen. So a thousand watchers cost no
    more than one, and a slow one holds nothing up: what it missed it gets at once when it is ready,
    or, where that is not kept any more, a snapshot of how everything stands, which holds
    every ending. Events wait until `flush`; of an item's progress, only the newest does.

    IDs are times: they begin at that of the feed's making, so that they also increase from one feed
    of an execution to the next, as after a restart of the server. That of the execution's last
    event is odd, all others are even: so it can be told for good who has seen the end.

    Args:
        began: microseconds since 1970.
        kept: how many of the newest events are kept.

    Attributes:
        snapshot: how everything stands after the last event that was flushed.
        last_id: its ID.
        ending: the execution's last event, once it was flushed.
    """

    def __init__(self, began: int, *, kept: int = KEPT) -> None:
        self.snapshot: Snapshot = Snapshot()
        self.last_id: int = 2 * began
        self.ending: ExecutionEnded | None = None
        self._events: deque[bytes] = deque(maxlen=kept)
        self._pending: list[StreamEvent] = []
        self._place: dict[ItemId, int] = {}
        self._chunks: dict[int | None, Chunk] = {}  # by how many events were missed

    @property
    def begun(self) -> bool:
        """Whether anything is known of the execution."""
        return bool(self._events)

    def add(self, event: StreamEvent) -> bool:
        """Takes an event. What comes after the last one of the execution is left out.

        Returns:
            Whether it should be flushed at once.
        """
        if isinstance(event, ItemProgressed):
            place = self._place.setdefault(event.item, len(self._pending))
            if place < len(self._pending):
                self._pending[place] = event
                return False
        elif isinstance(event, ItemEnded):
            self._place.pop(event.item, None)
        self._pending.append(event)
        return isinstance(event, _URGENT)

    def flush(self) -> bool:
        """Gives what was taken in to the watchers.

        Returns:
            Whether there was anything.
        """
        events, self._pending = self._pending, []
        self._place.clear()
        if not events or self.ending is not None:
            return False
        self._chunks.clear()
        for event in events:
            self.last_id += 1 if isinstance(event, ExecutionEnded) else 2
            if isinstance(event, SnapshotTaken):
                self.snapshot = event.snapshot
            else:
                self.snapshot.add(event)
            self._events.append(sse_event(self.last_id, event))
            if isinstance(event, ExecutionEnded):
                self.ending = event
                break
        return True

    def since(self, seen: int | None) -> Chunk:
        """What a watcher has not seen yet.

        Args:
            seen: the ID of the last event that it has seen; none where it comes for the first time.

        Returns:
            The events; none where nothing is known of the execution yet.
        """
        if not self._events:
            return _NOTHING
        place = None
        if seen is not None and seen <= self.last_id:
            # Each ID is two more than the one before, but for the last one's.
            missed = (self.last_id - seen + 1) // 2
            place = missed if missed <= len(self._events) else None
        chunk = self._chunks.get(place)
        if chunk is None:
            chunk = self._snapshot() if place is None else self._newest(place)
            if len(self._chunks) < _REMEMBERED:
                self._chunks[place] = chunk
        return chunk

    def _newest(self, number: int) -> Chunk:
        events = islice(self._events, len(self._events) - number, None)
        return Chunk(b"".join(events), self.last_id)

    def _snapshot(self) -> Chunk:
        shown_at = self.last_id - (self.ending is not None)
        snapshot = sse_event(shown_at, SnapshotTaken(self.snapshot))
        # Whoever waits for the last event gets it, whatever else was missed.
        ending = self._events[-1] if self.ending is not None else b""
        return Chunk(snapshot + ending, self.last_id)


def saw_the_end(seen: int) -> bool:
    """Whether who has seen the event of an ID has seen the execution's last one."""
    return seen % 2 == 1


def sse_event(event_id: int, event: StreamEvent) -> bytes:
    """An event in the form of Server-Sent Events."""
    word = str(event.__struct_config__.tag).encode()
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event_id, word, encode_json(event))
