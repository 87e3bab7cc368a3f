"""Process signals as interrupts: Ctrl-C by presses, SIGTERM and SIGHUP with a deadline.

Nothing else in the library touches process signals; a program that wants them says so:

```python
sender, receiver = interrupt_channel()
async with interrupt_on_signals(sender):
    ...
```
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import ExitStack
from types import TracebackType

from peaceful._model.clock import Clock, SystemClock
from peaceful._model.interrupt import (
    KEY_REPEAT,
    STOP_TIMEOUT,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
)
from peaceful.interrupt._channel import InterruptSender, SendResult
from peaceful.interrupt._handlers import awake, handled, quiet
from peaceful.interrupt._ladder import SignalLadder

__all__ = ["SignalWatch", "interrupt_on_signals"]

_LOG = logging.getLogger("peaceful.interrupt")


def interrupt_on_signals(
    sender: InterruptSender,
    *,
    stop_timeout: float = STOP_TIMEOUT,
    on_press: Callable[[InterruptSignal, SendResult], None] | None = None,
    key_repeat: float = KEY_REPEAT,
    clock: Clock | None = None,
) -> SignalWatch:
    """Send interrupts for process signals, for the length of a context.

    | signal | sends |
    |---|---|
    | SIGINT (Ctrl-C) | STOP, at the second press CANCEL, from the third on KILL |
    | SIGTERM, SIGHUP | STOP; in a loop also CANCEL after 60 % of `stop_timeout`, KILL at its end |

    The previous handlers are put back afterwards. SIGINT and SIGHUP are left alone if the program
    was started so that they are ignored, as by `nohup`.

    `async with` is for programs that run in asyncio, in whatever kind of loop and on every
    platform, a notebook's running loop included: signals are sent, and deadlines kept, by the loop.
    `with` is for programs without a loop, which ask `InterruptReceiver.poll` between two things
    that they do: signals are sent from the handler itself, in the middle of whatever the main
    thread does, and there are no deadlines.

    Both give the set of signals that are listened to. Python handles signals in the main thread
    only: in any other thread nothing is listened to, the set is empty, and all else works as usual,
    so that code which uses this can also run in a thread of a larger program that handles signals
    itself.

    Args:
        sender: sends to the execution.
        stop_timeout: seconds from the first SIGTERM or SIGHUP to KILL; only in a loop.
        on_press: told of everything that is sent, deadlines included, and what it did; not of key
            repeats. Called where the signal is sent: in the loop; or, with `with`, in the handler,
            where it must not do what the interrupted code could be in the middle of. An error that
            it raises is logged to `peaceful.interrupt`.
        key_repeat: presses less than this many seconds apart count once.
        clock: tells the time; the system's by default.

    Returns:
        A context to enter once.
    """
    return SignalWatch(
        sender,
        SignalLadder(stop_timeout=stop_timeout, key_repeat=key_repeat),
        on_press,
        clock or SystemClock(),
    )


class SignalWatch:
    """What `interrupt_on_signals` returns: a context, asynchronous or plain."""

    __slots__ = ("_climb", "_context")

    def __init__(
        self,
        sender: InterruptSender,
        ladder: SignalLadder,
        on_press: Callable[[InterruptSignal, SendResult], None] | None,
        clock: Clock,
    ) -> None:
        self._climb = _Climb(sender, ladder, on_press, clock)
        self._context = ExitStack()

    async def __aenter__(self) -> frozenset[InterruptSource]:
        return self._context.enter_context(_in_loop(self._climb, asyncio.get_running_loop()))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._context.close()

    def __enter__(self) -> frozenset[InterruptSource]:
        return self._context.enter_context(_without_loop(self._climb))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._context.close()


class _Climb:
    """Up the ladder: what it says is sent."""

    __slots__ = ("_clock", "_ended_by", "_ladder", "_on_press", "_sender")

    def __init__(
        self,
        sender: InterruptSender,
        ladder: SignalLadder,
        on_press: Callable[[InterruptSignal, SendResult], None] | None,
        clock: Clock,
    ) -> None:
        self._sender = sender
        self._ladder = ladder
        self._on_press = on_press
        self._clock = clock
        self._ended_by: InterruptSource | None = None

    def now(self) -> float:
        """Seconds, for `received`."""
        return self._clock.monotonic()

    def received(self, source: InterruptSource, at: float) -> None:
        """A process signal has come."""
        if source is InterruptSource.SIGINT:
            level = self._ladder.pressed(at)
        else:
            level = self._ladder.told_to_end(at)
            self._ended_by = self._ended_by or source
        if level is not None:
            self._send(level, source, None)

    def seconds_left(self) -> float | None:
        """How long until `look` has something to do; none if never, as when the latch has ended."""
        at = self._ladder.next_deadline
        if at is None or self._sender.closed:
            return None
        return max(0.0, at - self._clock.monotonic())

    def look(self) -> None:
        """Send what a deadline asks for, if one has passed."""
        level = self._ladder.due(self._clock.monotonic())
        if level is not None and self._ended_by is not None and not self._sender.closed:
            self._send(level, self._ended_by, f"not done in time after {self._ended_by}")

    def _send(self, level: InterruptLevel, source: InterruptSource, reason: str | None) -> None:
        request = InterruptSignal(level, source, self._clock.now(), reason)
        result = self._sender.send(request)
        if self._on_press is None:
            return
        try:
            self._on_press(request, result)
        except Exception:  # noqa: BLE001  its mistake must not cost a signal or a deadline
            _LOG.exception("on_press raised an error at %s", level)


@contextlib.contextmanager
def _in_loop(
    climb: _Climb, loop: asyncio.AbstractEventLoop
) -> Generator[frozenset[InterruptSource]]:
    arrived: deque[tuple[InterruptSource, float]] = deque()
    timer: asyncio.TimerHandle | None = None
    over = False

    def receive(source: InterruptSource) -> None:
        # In the handler only what is safe anywhere; the loop does the rest between two steps.
        arrived.append((source, climb.now()))
        loop.call_soon_threadsafe(proceed)

    def proceed() -> None:
        nonlocal timer
        if over:
            return
        if timer is not None:
            timer.cancel()
        send_arrived()
        climb.look()
        left = climb.seconds_left()
        timer = None if left is None else loop.call_later(left, proceed)

    def send_arrived() -> None:
        while arrived:
            climb.received(*arrived.popleft())

    with ExitStack() as context:
        if threading.current_thread() is threading.main_thread():
            context.enter_context(awake(loop))
        try:
            with handled(receive) as sources, quiet(loop, sources):
                yield sources
        finally:
            over = True
            send_arrived()  # what came at the last moment, before the loop got to it, is not lost
            if timer is not None:
                timer.cancel()


@contextlib.contextmanager
def _without_loop(climb: _Climb) -> Generator[frozenset[InterruptSource]]:
    def receive(source: InterruptSource) -> None:
        climb.received(source, climb.now())

    with handled(receive) as sources:
        yield sources
