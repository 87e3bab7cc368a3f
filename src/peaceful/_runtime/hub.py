"""The progress hub: events to sinks, each at its own speed."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final, Protocol

from peaceful._model.event import (
    Event,
    ExecutionEnded,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
)
from peaceful._model.field_types import ItemId
from peaceful._model.snapshot import Snapshot


class OutputSink(Protocol):
    """Takes the events of an execution, at its own speed.

    It is called in a thread of its own, by one call at a time. While it is busy, events gather: of
    an item's progress it then gets the newest picture only, of everything else each event, in
    order. So a slow sink never slows an item and never misses an ending. The thread sees the
    context variables of whoever executes.
    """

    def receive(self, events: Sequence[Event]) -> None:
        """Takes events, in order; at least one."""
        ...

    def close(self) -> None:
        """The last event was taken; called once."""
        ...


class Mailbox:
    """Events in order, of which an item's progress is there at most once: the newest.

    So it holds at most as many events as there are starts, endings and items, however slow its
    reader. Any thread may put, one takes. A signal handler may put too: the lock lets its own
    thread in.

    Args:
        on_mail: told when there is something to take, where there was nothing, or nothing urgent;
            with whether it is urgent.
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
        """Adds an event, or replaces the same item's older progress."""
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
            elif type(event) is ItemEnded:
                self._place.pop(event.item, None)
            self._events.append(event)
        if tell:
            self._on_mail(urgent)

    def take(self) -> list[Event]:
        """Everything that is there, in order; then it is empty."""
        with self._lock:
            events, self._events = self._events, []
            self._place.clear()
            self._urgent = False
        return events

    def refuse(self) -> None:
        """From now on nothing is kept: nobody takes it any more."""
        with self._lock:
            self._refuses = True
            self._events = []


_URGENT = frozenset({InterruptRequested, ExecutionEnded})
"""What a person should see at once, however seldom a sink likes to be called."""


_LOG = logging.getLogger("peaceful.runtime")

SINK_INTERVAL: Final = 0.05
"""Seconds between two calls of a sink, unless something urgent comes: 20 pictures a second."""


class _SinkThread:
    """One sink, its mailbox and its thread."""

    def __init__(self, sink: OutputSink) -> None:
        self._sink = sink
        self._mail = threading.Event()
        self._urgent = threading.Event()
        self._ended = False
        self.mailbox: Mailbox = Mailbox(self._on_mail)
        self.served: Future[None] = Future()
        """Done once the sink has taken everything; from its beginning on it cannot be cancelled."""
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
        except BaseException:  # noqa: BLE001 - likewise
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
    """The events of an execution from now on, for one asynchronous reader."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._mail = asyncio.Event()
        self.mailbox: Mailbox = Mailbox(self._on_mail)

    def _on_mail(self, urgent: bool) -> None:
        try:
            self._loop.call_soon_threadsafe(self._mail.set)
        except RuntimeError:
            # The reader's loop is closed: nobody reads any more.
            return

    async def batches(self) -> AsyncIterator[Sequence[Event]]:
        """What has come since the last batch, whenever something has; ends after the last event."""
        ended = False
        while not ended:
            await self._mail.wait()
            self._mail.clear()
            if events := self.mailbox.take():
                yield events
                ended = isinstance(events[-1], ExecutionEnded)


class ProgressHub:
    """Takes the events of one execution and hands them on.

    `publish` may be called from any thread, takes some microseconds, and never waits. Nothing is
    told after the execution's end, and nothing of an item's progress after the item's: functions
    that were abandoned may still have something to say.

    Attributes:
        snapshot: how everything stands, made from the events so far.
    """

    def __init__(self, sinks: Sequence[OutputSink] = ()) -> None:
        self.snapshot: Snapshot = Snapshot()
        self._threads = [_SinkThread(sink) for sink in sinks]
        self._mailboxes: tuple[Mailbox, ...] = tuple(thread.mailbox for thread in self._threads)
        self._lock = threading.RLock()

    def publish(self, event: Event) -> None:
        """Hands an event on."""
        with self._lock:
            snapshot = self.snapshot
            if snapshot.ending is not None:
                return
            if type(event) is ItemProgressed and event.item not in snapshot.running:
                return
            snapshot.add(event)
            for mailbox in self._mailboxes:
                mailbox.put(event)

    def take_snapshot(self) -> Snapshot:
        """Return how everything stands now, which stays as it is."""
        with self._lock:
            return self.snapshot.copy()

    def subscribe(self) -> Subscription:
        """Begins to gather events for a reader in the running loop; the snapshot tells the past.

        After the end, the last event is told once more.
        """
        subscription = Subscription(asyncio.get_running_loop())
        with self._lock:
            if self.snapshot.ending is not None:
                subscription.mailbox.put(self.snapshot.ending)
            self._mailboxes = (*self._mailboxes, subscription.mailbox)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stops gathering for a reader."""
        with self._lock:
            self._mailboxes = tuple(
                mailbox for mailbox in self._mailboxes if mailbox is not subscription.mailbox
            )

    async def close(self, patience: float | None = None) -> bool:
        """Waits until every sink has taken everything.

        Args:
            patience: seconds after which stuck sinks are left to themselves; none waits for them.

        Returns:
            Whether every sink has.
        """
        for thread in self._threads:
            thread.end()
        served = [asyncio.wrap_future(thread.served) for thread in self._threads]
        if not served:
            return True
        try:
            _, stuck = await asyncio.wait(served, timeout=patience)
        finally:
            # Who waits no longer is not to be told: by then, the loop may be closed.
            for one in served:
                one.cancel()
        return not stuck
