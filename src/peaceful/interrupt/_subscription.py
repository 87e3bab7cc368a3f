"""Telling a callback every accepted signal: once each, in order, one call at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from peaceful.interrupt._latch import Latch
from peaceful.model import InterruptSignal

_LOG = logging.getLogger("peaceful.interrupt")


class Subscription:
    """A callback, and how far it has been told."""

    __slots__ = ("_active", "_callback", "_latch", "_told", "_turn")

    def __init__(self, latch: Latch, callback: Callable[[InterruptSignal], None]) -> None:
        self._latch = latch
        self._callback = callback
        self._told = 0
        self._active = True
        self._turn = threading.Lock()

    def deliver(self) -> None:
        """Tell what is new, unless somebody is telling right now; then they tell this too.

        Nobody waits for the turn, so that a signal handler which comes in the middle of a callback,
        or another thread, goes on at once. Whoever has the turn looks again after giving it back,
        so that nothing is left untold.
        """
        while (
            self._active
            and self._told < len(self._latch.reading.accepted)
            and self._turn.acquire(blocking=False)
        ):
            try:
                self._tell()
            finally:
                self._turn.release()

    def _tell(self) -> None:
        for signal in self._latch.reading.accepted[self._told :]:
            if not self._active:
                return
            self._told += 1
            try:
                self._callback(signal)
            except Exception:  # noqa: BLE001  its mistake must not harm the sender or others
                _LOG.exception("a subscriber of an interrupt raised an error at %s", signal.level)

    def end(self) -> None:
        """Tell nothing more."""
        self._active = False
