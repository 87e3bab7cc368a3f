"""The levels that process signals stand for. Pure: time is passed in, nothing is sent."""

from __future__ import annotations

from peaceful._model.interrupt import CANCEL_AFTER, InterruptLevel


class SignalEscalation:
    """Counts presses of Ctrl-C and keeps deadlines.

    Args:
        stop_timeout: seconds from the first SIGTERM or SIGHUP to KILL; CANCEL comes after 60 %.
        key_repeat: presses less than this many seconds apart count once, however many there are: a
            key that is held down is not consent.
    """

    __slots__ = ("_deadlines", "_key_repeat", "_last_press", "_presses", "_stop_timeout")

    def __init__(self, *, stop_timeout: float, key_repeat: float) -> None:
        self._stop_timeout = stop_timeout
        self._key_repeat = key_repeat
        self._presses = 0
        self._last_press: float | None = None
        self._deadlines: list[tuple[float, InterruptLevel]] | None = None

    def press(self, at: float) -> InterruptLevel | None:
        """Return the level of a Ctrl-C: STOP, CANCEL, then KILL; `None` for a key repeat.

        All times are seconds of one clock that never goes back.
        """
        before, self._last_press = self._last_press, at
        if before is not None and at - before < self._key_repeat:
            return None
        self._presses += 1
        levels = tuple(InterruptLevel)
        return levels[min(self._presses, len(levels)) - 1]

    def terminate(self, at: float) -> InterruptLevel:
        """Return STOP for SIGTERM or SIGHUP; the first of them sets the deadlines."""
        if self._deadlines is None:
            self._deadlines = [
                (at + CANCEL_AFTER * self._stop_timeout, InterruptLevel.CANCEL),
                (at + self._stop_timeout, InterruptLevel.KILL),
            ]
        return InterruptLevel.STOP

    @property
    def next_deadline(self) -> float | None:
        """When `due` returns the next level, or `None`."""
        return self._deadlines[0][0] if self._deadlines else None

    def due(self, at: float) -> InterruptLevel | None:
        """Return the level of the last deadline that has passed since the last call, or `None`."""
        level: InterruptLevel | None = None
        while self._deadlines and self._deadlines[0][0] <= at:
            _, level = self._deadlines.pop(0)
        return level
