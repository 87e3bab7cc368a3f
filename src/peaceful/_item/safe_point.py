"""Safe points of an item, and the flag that asks it to end."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from peaceful._model.interrupt import InterruptLevel, InterruptSignal
from peaceful._model.state import State
from peaceful.interrupt import InterruptibilityState


class InterruptFlag:
    """A flag that asks an item to end: set from CANCEL on. At STOP, items in progress finish."""

    __slots__ = ("_state",)

    def __init__(self, state: InterruptibilityState) -> None:
        self._state = state

    def is_set(self) -> bool:
        """Return whether the item should end now. Quick, and safe in any thread."""
        signal = self.signal
        return signal is not None and signal.level >= InterruptLevel.CANCEL

    def __bool__(self) -> bool:
        return self.is_set()

    @property
    def signal(self) -> InterruptSignal | None:
        """The interrupt of this execution at its highest level, or `None`."""
        return self._state.effective

    async def wait(self) -> InterruptSignal:
        """Wait until the item should end."""
        return await self._state.wait_for(InterruptLevel.CANCEL)


class StoppedAtSafePoint(BaseException):
    """The execution was interrupted, and the item offered to end here.

    Like `asyncio.CancelledError` it is not an `Exception`, so that an item's own `except Exception`
    does not swallow it, while its `finally` and its context managers clean up.

    Attributes:
        partial: the item's state so far, or `None` if it is to be discovered.
        where: what the item was doing, for people.
    """

    def __init__(self, partial: State | None, where: str) -> None:
        super().__init__(where)
        self.partial = partial
        self.where = where


class EndedWithChild(StoppedAtSafePoint):
    """The interrupt ended a child process of the item, and the item with it: not at a safe point.

    Its `where` says which child.
    """

    def __init__(self, program: str) -> None:
        super().__init__(None, f"{program} was ended by the interrupt")


class Passed:
    """The result of a safe point at which the item may go on; plain functions ignore it.

    Awaiting it lets the loop run once, so that an item that awaits nothing else still notices an
    interrupt.
    """

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield


PASSED: Final = Passed()
