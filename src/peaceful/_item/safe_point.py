"""Safe points of an item, and the flag that says that an interrupt asks it to end."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from peaceful._model.interrupt import InterruptLevel, InterruptSignal
from peaceful._model.state import State
from peaceful.interrupt import InterruptibilityState


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


class StoppedAtSafePoint(BaseException):
    """The execution was interrupted, and the item offered to end here.

    Like `asyncio.CancelledError` it is not an `Exception`, so that an item's own `except Exception`
    does not swallow it, while its `finally` and its context managers clean up.

    Attributes:
        partial: the item's state as far as it got, or none where it is to be discovered.
        where: what the item was doing, for people.
    """

    def __init__(self, partial: State | None, where: str) -> None:
        super().__init__(where)
        self.partial = partial
        self.where = where


class Passed:
    """What a safe point gives when the item may go on: awaited, or left alone in a plain function.

    Awaiting it lets the loop run once, so that an item that never waits for anything else still
    lets an interrupt in.
    """

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield


PASSED: Final = Passed()
