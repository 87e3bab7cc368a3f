"""A broadcast to watchers: the newest value of each key, to each watcher at its own speed."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Hashable, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

Value = TypeVar("Value")

Change: TypeAlias = tuple[int, Value]
"""A version and the value that came with it."""

AT_ONCE: Final = 16
"""Waiters that are woken before the event loop does anything else: a millisecond's work."""

_SOONEST: Final = 0.1
_PER_WATCHER: Final = 0.0002
_LATEST: Final = 0.3
"""Seconds for which changes are gathered, however many watch."""

_REMEMBERED: Final = 16
"""Versions for which the message is kept: most watchers have seen the same."""


class Latest(Generic[Value]):
    """The newest value of each key, in the order of their changes; `kept` of them are kept.

    A watcher is a number, the version that it has seen: a thousand of them cost no more than one.
    Versions only grow; they begin at a time, in microseconds since 1970, so that they also grow
    from one run of the server to the next. The version of the last change is odd and all others are
    even, so that a version by itself tells whether its watcher has seen the end.
    """

    def __init__(self, began: int, kept: int = 4096) -> None:
        self.version = 2 * began
        self.begun = False
        self.ended = False
        self._complete_since = self.version
        self._kept = kept
        self._changes: dict[Hashable, Change[Value]] = {}

    def get(self, key: Hashable) -> Value | None:
        """Return the newest value of a key, or `None`."""
        change = self._changes.get(key)
        return None if change is None else change[1]

    def put(self, key: Hashable, value: Value, *, last: bool = False) -> None:
        """Change the value of a key; ignored after the last change."""
        if self.ended:
            return
        self.version += 1 if last else 2
        self.begun = True
        self.ended = last
        self._changes.pop(key, None)
        self._changes[key] = (self.version, value)
        if len(self._changes) > self._kept:
            oldest = next(iter(self._changes))
            self._complete_since, _ = self._changes.pop(oldest)

    def since(self, seen: int | None) -> Sequence[Change[Value]] | None:
        """Return the newest value of each key that has changed since a version.

        Return `None` if the version is unknown or too old.
        """
        if seen is None or not self._complete_since <= seen <= self.version:
            return None
        newer: list[Change[Value]] = []
        for change in reversed(self._changes.values()):
            if change[0] <= seen:
                break
            newer.append(change)
        newer.reverse()
        return newer

    def everything(self) -> Sequence[Change[Value]]:
        """Return every value that is kept."""
        return tuple(self._changes.values())


class Broadcast(Latest[Value], ABC):
    """A broadcast of the newest values to all who watch, within one event loop.

    What a slow watcher has missed is not gathered for it: when it is ready it gets the newest of
    everything, so it holds nothing up and takes no memory.
    """

    def __init__(self, began: int) -> None:
        super().__init__(began)
        self.watchers = 0
        self.stopped = False
        self._messages: dict[int | None, bytes] = {}
        self._notified = self.version
        self._waiters = Waiters()
        self._notifying: asyncio.TimerHandle | None = None

    @abstractmethod
    def message(self, changes: Sequence[Change[Value]] | None) -> bytes:
        """Encode changes, or the whole state if they are `None`."""

    def put(self, key: Hashable, value: Value, *, last: bool = False) -> None:
        """Change the value of a key; `notify` or `notify_soon` sends it to watchers."""
        super().put(key, value, last=last)
        self._messages.clear()

    def notify(self) -> None:
        """Wake all watchers now."""
        if self._notifying is not None:
            self._notifying.cancel()
            self._notifying = None
        self._notified = self.version
        self._waiters.wake()

    def notify_soon(self) -> None:
        """Wake all watchers in a moment, together for all that changes until then."""
        if self._notifying is None:
            pause = gathering_time(self.watchers)
            self._notifying = asyncio.get_running_loop().call_later(pause, self.notify)

    def stop(self) -> None:
        """Send watchers nothing more, although there may be more to send."""
        self.stopped = True
        self.notify()

    async def wait(self, seconds: float) -> bool:
        """Wait for `notify`; return whether it came within some seconds."""
        return await self._waiters.wait(seconds)

    async def messages(self, seen: int | None, heartbeat: float) -> AsyncGenerator[bytes | None]:
        """Yield messages with what a watcher has not seen yet, until the end.

        Yield `None` after `heartbeat` seconds without a message.
        """
        while True:
            if self.begun and (seen is None or seen < self._notified or seen > self.version):
                changes = self.since(seen)
                key = None if changes is None else seen
                message = self._messages.get(key)
                if message is None:
                    message = self.message(changes)
                    if len(self._messages) < _REMEMBERED:
                        self._messages[key] = message
                seen = self.version
                if message:
                    yield message
            elif self.ended or self.stopped:
                return
            elif not await self._waiters.wait(heartbeat):
                yield None


class Waiters:
    """Coroutines that wait for the same event, woken a few at a time in the order of their coming.

    Were all of a thousand woken at once, an interrupt that comes then, and the items that are being
    worked on in the same event loop, would wait until all were served.
    """

    def __init__(self) -> None:
        self._futures: deque[asyncio.Future[bool]] = deque()
        self._due = 0
        self._waking = False

    async def wait(self, seconds: float) -> bool:
        """Wait for the next `wake`; return whether it came within some seconds."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._futures.append(future)
        # Cheaper than `asyncio.timeout`, which counts where a thousand wait ten times a second.
        timer = loop.call_later(seconds, _settle, future, False)
        try:
            return await future
        finally:
            timer.cancel()

    def wake(self) -> None:
        """Wake all who wait now, soon."""
        self._due = len(self._futures)
        if not self._waking:
            self._wake_some()

    def _wake_some(self) -> None:
        number = min(self._due, AT_ONCE)
        self._due -= number
        for _ in range(number):
            _settle(self._futures.popleft(), True)
        self._waking = self._due > 0
        if self._waking:
            asyncio.get_running_loop().call_soon(self._wake_some)


def parse_number(text: str) -> int | None:
    """Return a whole number of at most 19 digits, or `None`."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def saw_the_end(version: int) -> bool:
    """Return whether a watcher that has seen a version has seen the last change."""
    return version % 2 == 1


def gathering_time(watchers: int) -> float:
    """Return the seconds for which changes are gathered: more if many watch."""
    return min(_LATEST, max(_SOONEST, watchers * _PER_WATCHER))


def _settle(future: asyncio.Future[bool], result: bool) -> None:
    # Who went away meanwhile waits no longer.
    if not future.done():
        future.set_result(result)
