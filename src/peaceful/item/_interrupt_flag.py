"""Whether an item is asked to end."""

from __future__ import annotations

from peaceful.interrupt import InterruptibilityState
from peaceful.model import InterruptLevel, InterruptSignal


class InterruptFlag:
    """Whether an item is asked to end: set from CANCEL on. At STOP, items are left alone."""

    __slots__ = ("_state",)

    def __init__(self, state: InterruptibilityState) -> None:
        self._state = state

    def is_set(self) -> bool:
        """Whether the item should end now. Quick, and safe in any thread."""
        signal = self.signal
        return signal is not None and signal.level >= InterruptLevel.CANCEL

    def __bool__(self) -> bool:
        return self.is_set()

    @property
    def signal(self) -> InterruptSignal | None:
        """The interrupt that applies to this execution at its present level, or none."""
        return self._state.effective

    async def wait(self) -> InterruptSignal:
        """Returns once the item should end."""
        return await self._state.wait_for(InterruptLevel.CANCEL)
