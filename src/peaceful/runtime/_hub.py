"""Hands the events of an execution on to whoever wants them, and never waits for any of them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Final

from peaceful.model import Event, ExecutionEnded
from peaceful.runtime._mailbox import Mailbox
from peaceful.runtime._picture import Picture
from peaceful.runtime._sink import OutputSink

_LOG = logging.getLogger("peaceful.runtime")

SINK_INTERVAL: Final = 0.05
"""Seconds between two calls of a sink, unless something urgent comes: 20 pictures a second."""


class _SinkThread:
    """One sink, its mailbox and its thread."""

    def __init__(self, sink: OutputSink) -> None:
        self._sink = sink
        self._mail = threading.Event()
        self._urgent = threading.Event()
        self.mailbox: Mailbox = Mailbox(self._on_mail)
        self._ended = False
        self._thread = threading.Thread(
            target=self._serve, name=f"peaceful-{type(sink).__name__}", daemon=True
        )
        self._thread.start()

    def _on_mail(self, urgent: bool) -> None:
        if urgent:
            self._urgent.set()
        self._mail.set()

    def end(self) -> None:
        self._ended = True
        self._urgent.set()
        self._mail.set()

    def join(self, timeout: float | None) -> bool:
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        try:
            while not self._ended:
                self._mail.wait()
                self._mail.clear()
                self._deliver()
                if not self._ended:
                    self._urgent.wait(SINK_INTERVAL)
                    self._urgent.clear()
            self._deliver()
            self._sink.close()
        except Exception:  # noqa: BLE001 - a sink's failure must not end the execution
            _LOG.exception("%s failed; it shows nothing more of this execution", self._sink)

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

    `publish` may be called from any thread, takes some microseconds, and never waits.

    Attributes:
        picture: how everything stands, made from the events so far.
    """

    def __init__(self, sinks: Sequence[OutputSink] = ()) -> None:
        self.picture: Picture = Picture()
        self._threads = [_SinkThread(sink) for sink in sinks]
        self._mailboxes: tuple[Mailbox, ...] = tuple(thread.mailbox for thread in self._threads)
        self._lock = threading.RLock()

    def publish(self, event: Event) -> None:
        """Hands an event on."""
        with self._lock:
            self.picture.add(event)
            for mailbox in self._mailboxes:
                mailbox.put(event)

    def subscribe(self) -> Subscription:
        """Begins to gather events for a reader in the running loop; the picture tells the past."""
        subscription = Subscription(asyncio.get_running_loop())
        with self._lock:
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
            patience: seconds after which a stuck sink is left to itself; none waits for it.

        Returns:
            Whether every sink has.
        """
        for thread in self._threads:
            thread.end()
        loop = asyncio.get_running_loop()
        ended = [
            await loop.run_in_executor(None, thread.join, patience) for thread in self._threads
        ]
        return all(ended)
