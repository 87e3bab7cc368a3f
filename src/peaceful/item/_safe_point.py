"""How an item ends at a safe point: by an exception that only the framework catches."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from peaceful.model.state import State


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
