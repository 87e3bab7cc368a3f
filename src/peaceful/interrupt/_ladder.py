"""Which level a process signal stands for. Pure: time comes in as a number, nothing is sent."""

from __future__ import annotations

from peaceful._model.interrupt import CANCEL_AFTER, InterruptLevel


class SignalLadder:
    """Counts presses and keeps deadlines.

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

    def pressed(self, at: float) -> InterruptLevel | None:
        """Ctrl-C: STOP, then CANCEL, then KILL from the third press on. None for a key repeat.

        Args:
            at: when, in seconds of any clock that does not go back; the same one in all methods.
        """
        before, self._last_press = self._last_press, at
        if before is not None and at - before < self._key_repeat:
            return None
        self._presses += 1
        levels = tuple(InterruptLevel)
        return levels[min(self._presses, len(levels)) - 1]

    def told_to_end(self, at: float) -> InterruptLevel:
        """SIGTERM or SIGHUP: STOP, with deadlines that count from the first of them."""
        if self._deadlines is None:
            self._deadlines = [
                (at + CANCEL_AFTER * self._stop_timeout, InterruptLevel.CANCEL),
                (at + self._stop_timeout, InterruptLevel.KILL),
            ]
        return InterruptLevel.STOP

    @property
    def next_deadline(self) -> float | None:
        """When `due` has something to say next, or none."""
        return self._deadlines[0][0] if self._deadlines else None

    def due(self, at: float) -> InterruptLevel | None:
        """The level of the last deadline that has passed and was not yet given, or none."""
        level: InterruptLevel | None = None
        while self._deadlines and self._deadlines[0][0] <= at:
            _, level = self._deadlines.pop(0)
        return level
