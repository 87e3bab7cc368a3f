"""The progress hub: events for sinks and readers, each at its own speed."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, Self

from peaceful._model.codec import ItemId
from peaceful._model.events import (
    ChangeStarted,
    Event,
    ExecutionEnded,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    Snapshot,
)

_LOG = logging.getLogger("peaceful.runtime")

SINK_INTERVAL: Final = 0.05
"""Seconds between two calls of a sink, unless something urgent comes: 20 pictures a second."""

_URGENT: Final = frozenset({InterruptRequested, ExecutionEnded})
"""Events that a person should see at once, however seldom a sink is called."""


class OutputSink(Protocol):
    """A consumer of the events of an execution, at its own speed.

    It is called in a thread of its own, by one call at a time. While it is busy, events gather: of
    an item's progress it then gets the newest only, of everything else each event, in order. So a
    slow sink never slows an item and never misses an ending. The thread sees the context variables
    of the code that runs the command.
    """

    def receive(self, events: Sequence[Event]) -> None:
        """Take events, in order; at least one."""
        ...

    def close(self) -> None:
        """Close the sink after the last event; called once."""
        ...


class Mailbox:
    """Buffered events in order; of an item's progress only the newest, however slow the reader.

    Any thread may put, one takes. A signal handler may put too: the lock is re-entrant. `on_mail`
    is called when there was nothing, or nothing urgent, with whether the event is urgent.
    """

    __slots__ = ("_events", "_lock", "_on_mail", "_place", "_refuses", "_urgent")

    def __init__(self, on_mail: Callable[[bool], None]) -> None:
        self._events: list[Event] = []
        self._place: dict[ItemId, int] = {}
        self._lock = threading.RLock()
        self._on_mail = on_mail
        self._urgent = False
        self._refuses = False

    def put(self, event: Event) -> None:
        """Add an event, or replace the same item's older progress."""
        urgent = type(event) in _URGENT
        with self._lock:
            if self._refuses:
                return
            tell = not self._events or (urgent and not self._urgent)
            self._urgent |= urgent
            if type(event) is ItemProgressed:
                place = self._place.setdefault(event.item, len(self._events))
                if place < len(self._events):
                    self._events[place] = event
                    return
            elif isinstance(event, ChangeStarted | ItemEnded):
                # Later progress comes after it.
                self._place.pop(event.item, None)
            self._events.append(event)
        if tell:
            self._on_mail(urgent)

    def take(self) -> list[Event]:
        """Remove and return everything, in order."""
        with self._lock:
            events, self._events = self._events, []
            self._place.clear()
            self._urgent = False
        return events

    def refuse(self) -> None:
        """Drop everything from now on: nobody takes it any more."""
        with self._lock:
            self._refuses = True
            self._events = []


class _SinkThread:
    def __init__(self, sink: OutputSink) -> None:
        self._sink = sink
        self._mail = threading.Event()
        self._urgent = threading.Event()
        self._ended = False
        self.mailbox: Mailbox = Mailbox(self._on_mail)
        self.served: Future[None] = Future()
        """Done once the sink has taken everything; it cannot be cancelled."""
        self.served.set_running_or_notify_cancel()
        # It sees the context variables of whoever executes, such as the span that it is part of.
        serve = partial(contextvars.copy_context().run, self._serve)
        threading.Thread(target=serve, name=f"peaceful-{type(sink).__name__}", daemon=True).start()

    def _on_mail(self, urgent: bool) -> None:
        if urgent:
            self._urgent.set()
        self._mail.set()

    def end(self) -> None:
        self._ended = True
        self._urgent.set()
        self._mail.set()

    def _serve(self) -> None:
        try:
            self._deliver_until_the_end()
        except BaseException:  # noqa: BLE001 - a sink's failure must not end the execution
            _LOG.exception("%s failed; it shows nothing more of this execution", self._sink)
            self.mailbox.refuse()
        try:
            self._sink.close()
        except BaseException:  # noqa: BLE001 - a sink's failure must not end the execution
            _LOG.exception("%s could not be closed", self._sink)
        self.served.set_result(None)

    def _deliver_until_the_end(self) -> None:
        while not self._ended:
            self._mail.wait()
            self._mail.clear()
            self._deliver()
            if not self._ended:
                self._urgent.wait(SINK_INTERVAL)
                self._urgent.clear()
        self._deliver()

    def _deliver(self) -> None:
        if events := self.mailbox.take():
            self._sink.receive(events)


class Subscription:
    """The events of an execution from now on, for one asynchronous reader; ends after the last."""

    def __init__(self, hub: ProgressHub) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._mail = asyncio.Event()
        self._taken: deque[Event] = deque()
        self._ended = False
        self.mailbox: Mailbox = Mailbox(self._on_mail)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._taken:
            if self._ended:
                raise StopAsyncIteration
            await self._mail.wait()
            self._mail.clear()
            self._taken.extend(self.mailbox.take())
        event = self._taken.popleft()
        self._ended = self._ended or isinstance(event, ExecutionEnded)
        return event

    async def aclose(self) -> None:
        """Stop gathering events, and end the iteration, also for a reader that waits."""
        self._hub.unsubscribe(self)
        self._ended = True
        self._mail.set()

    def _on_mail(self, _urgent: bool) -> None:
        # Where the reader's loop is closed, nobody reads any more.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._mail.set)


class ProgressHub:
    """Distributes the events of one execution, of which it keeps a `snapshot`.

    `publish` may be called from any thread, takes some microseconds, and never waits. Events after
    the execution's end are dropped, as is progress of an item that has ended: abandoned functions
    may still report some.
    """

    def __init__(self, sinks: Sequence[OutputSink] = ()) -> None:
        self.snapshot: Snapshot = Snapshot()
        self._threads = [_SinkThread(sink) for sink in sinks]
        self._mailboxes: tuple[Mailbox, ...] = tuple(thread.mailbox for thread in self._threads)
        self._lock = threading.RLock()

    def publish(self, event: Event) -> None:
        """Distribute an event."""
        with self._lock:
            snapshot = self.snapshot
            if snapshot.ending is not None:
                return
            if type(event) is ItemProgressed and event.item not in snapshot.running:
                return
            snapshot.add(event)
            for mailbox in self._mailboxes:
                mailbox.put(event)

    def publish_made(self, make: Callable[[Snapshot], Event | None]) -> bool:
        """Distribute the event that a function makes of the snapshot, unless it makes none.

        No other event comes between its look and its event. Return whether it made one.
        """
        with self._lock:
            event = make(self.snapshot)
            if event is not None:
                self.publish(event)
        return event is not None

    def take_snapshot(self) -> Snapshot:
        """Return a copy of the snapshot."""
        with self._lock:
            return self.snapshot.copy()

    def subscribe(self) -> Subscription:
        """Buffer events for a reader in the running loop, from now on: the snapshot has the past.

        After the end, the last event is delivered once more.
        """
        subscription = Subscription(self)
        with self._lock:
            if self.snapshot.ending is not None:
                subscription.mailbox.put(self.snapshot.ending)
            self._mailboxes = (*self._mailboxes, subscription.mailbox)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._mailboxes = tuple(
                mailbox for mailbox in self._mailboxes if mailbox is not subscription.mailbox
            )

    def close_waiting(self, patience: float) -> None:
        """Wait until every sink has taken everything, but not longer than some seconds.

        For another thread than the loop's, which may be blocked.
        """
        for thread in self._threads:
            thread.end()
        wait([thread.served for thread in self._threads], timeout=patience)

    async def close(self, patience: float | None = None) -> bool:
        """Wait until every sink has taken everything, and return whether all have.

        Sinks that are stuck are abandoned after `patience` seconds; None waits for them.
        """
        for thread in self._threads:
            thread.end()
        served = [asyncio.wrap_future(thread.served) for thread in self._threads]
        if not served:
            return True
        try:
            _, stuck = await asyncio.wait(served, timeout=patience)
        finally:
            # When nobody waits any longer, the loop may be closed before they are done.
            for one in served:
                one.cancel()
        return not stuck
