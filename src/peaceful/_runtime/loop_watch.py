"""A thread that hears interrupts, and notices an item that blocks the loop, and a late end."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final, Self

import msgspec

from peaceful._model.codec import ItemId
from peaceful._model.interrupt import InterruptLevel, InterruptSignal
from peaceful._present.numbers import duration
from peaceful._process_signals import thread_frames
from peaceful._runtime.hub import ProgressHub
from peaceful._runtime.register import InterruptPublisher
from peaceful.interrupt import InterruptReceiver

_EVERY: Final = 1.0
"""Seconds between two questions to the loop, unless an interrupt comes."""

_ANSWERS_WITHIN: Final = 0.05
"""Seconds in which a loop answers that nothing blocks."""

_LOOK_AGAIN: Final = 0.05
"""Seconds between two looks at a loop that does not answer, unless an interrupt comes."""

_BLOCKS: Final = 1.0
"""Seconds without an answer after which an item is said to block the loop."""

_IN_THE_WAY: Final = 0.5
"""Seconds without an answer after which an item is said to be in the way of an interrupt."""

_KILLED_BLOCKED: Final = 0.5
_KILLED: Final = 10.0
"""Seconds from KILL until the end is not waited for any longer: while the loop is blocked, else."""

_NOT_AN_ITEMS: Final = tuple(
    f"{folder}{os.sep}" for folder in (Path(os.__file__).parent, Path(__file__).parents[1])
)
"""Where the source of an item is not: the standard library, and the framework."""


class Blocker(msgspec.Struct, frozen=True):
    """An item that blocks the event loop, and the place in its source."""

    item: ItemId
    place: str

    def sentence(self, *, interrupted: bool) -> str:
        """Return what it does, and what is to be done about it."""
        where = f" ({self.place})" if self.place else ""
        if interrupted:
            return f"{self.item} blocks everything{where}: nothing can end until it lets go."
        return (
            f"{self.item} has blocked everything else for more than {duration(_BLOCKS)}{where}: "
            "let it await what it waits for, or make its function a plain one."
        )


class LoopWatch:
    """Watches the event loop of an execution from a thread. Used as a context manager.

    It makes interrupts known the moment they come, whatever the loop does. If an item blocks the
    loop, it names it: soon to somebody who interrupts, else after a second. After a KILL, it does
    not wait for ever.

    Args:
        hub: the progress of the execution.
        interrupts: publishes interrupts, from whichever thread.
        receiver: receives interrupts, or None.
        on_blocked: called with a sentence about an item that blocks the loop.
        on_late_end: called once, if the execution does not end after a KILL; or None to wait.
    """

    def __init__(
        self,
        hub: ProgressHub,
        interrupts: InterruptPublisher,
        receiver: InterruptReceiver | None,
        on_blocked: Callable[[str], object],
        on_late_end: Callable[[Blocker | None], object] | None,
    ) -> None:
        self._hub = hub
        self._interrupts = interrupts
        self._receiver = receiver
        self._on_blocked = on_blocked
        self._on_late_end = on_late_end
        self._loop = asyncio.get_running_loop()
        self._loops_thread = threading.get_ident()
        self._thread = Path(f"/proc/self/task/{threading.get_native_id()}")
        self._ran: str = ""
        self._looked_at: float = 0.0
        self._waits: float = 0.0
        self._answered = threading.Event()
        # Unlike an event, it can be used in a signal handler.
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._over = False
        self._killed_at: float | None = None
        self._leave: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        if self._receiver is not None:
            self._leave = self._receiver.subscribe(self._interrupted)
        threading.Thread(target=self._watch, name="peaceful-watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()
        self._over = True
        self._calls.put(None)

    def _interrupted(self, _: InterruptSignal) -> None:
        self._calls.put(None)

    def _watch(self) -> None:
        while True:
            self._hear(_EVERY)
            if self._over or not self._ask():
                return
            if not self._answered.wait(_ANSWERS_WITHIN):
                self._while_blocked()
            self._end_late(_KILLED)

    def _hear(self, seconds: float) -> None:
        """Wait for an interrupt, but not longer than so many seconds, and make it known."""
        with suppress(queue.Empty):
            self._calls.get(timeout=seconds)
        self._interrupts.publish()

    def _ask(self) -> bool:
        """Ask the loop for an answer; return false if it is closed."""
        self._answered.clear()
        try:
            self._loop.call_soon_threadsafe(self._answered.set)
        except RuntimeError:
            return False
        return True

    def _while_blocked(self) -> None:
        since = time.monotonic() - self._kept_waiting()
        told = heard = 0
        while not self._over and not self._answered.is_set():
            accepted = 0 if self._receiver is None else len(self._receiver.accepted)
            blocked = time.monotonic() - self._kept_waiting() - since
            if (accepted > heard and blocked >= _IN_THE_WAY) or (blocked >= _BLOCKS and not told):
                # In between it may have answered: then nothing blocks any more.
                blocker = self._blocker()
                if blocker is not None and not self._answered.is_set():
                    told += 1
                    self._on_blocked(blocker.sentence(interrupted=bool(accepted)))
                heard = accepted
            self._end_late(_KILLED_BLOCKED)
            self._hear(_LOOK_AGAIN)

    def _kept_waiting(self) -> float:
        """Return for how many seconds the loop's thread was given no processor; 0 if not known.

        A busy machine blocks the loop as well, and no item can do anything about it.
        """
        now, looked_at = time.monotonic(), self._looked_at
        try:
            ran, waited, _ = (self._thread / "schedstat").read_text().split()
            state = (self._thread / "stat").read_text().rpartition(") ")[2][:1]
        except (OSError, ValueError):
            return 0.0
        # What it waits just now is counted only when it runs again.
        waits = state == "R" and ran == self._ran
        self._waits = self._waits + now - looked_at if waits else 0.0
        self._ran, self._looked_at = ran, now
        return int(waited) / 1e9 + self._waits

    def _end_late(self, patience: float) -> None:
        signal = None if self._receiver is None else self._receiver.poll()
        if signal is None or signal.level is not InterruptLevel.KILL or self._on_late_end is None:
            return
        now = time.monotonic()
        self._killed_at = self._killed_at or now
        if now - self._killed_at >= patience:
            on_late_end, self._on_late_end = self._on_late_end, None
            on_late_end(self._blocker())

    def _blocker(self) -> Blocker | None:
        """Return the item that the loop is busy with, or None."""
        task = asyncio.current_task(self._loop)
        if task is None or task.get_name() not in self._hub.take_snapshot().running:
            return None
        frame = thread_frames().get(self._loops_thread)
        while frame is not None and frame.f_code.co_filename.startswith(_NOT_AN_ITEMS):
            frame = frame.f_back
        return Blocker(task.get_name(), "" if frame is None else _place(frame))


def _place(frame: FrameType) -> str:
    code = frame.f_code
    return f"in {code.co_qualname}, {code.co_filename}:{frame.f_lineno}"
