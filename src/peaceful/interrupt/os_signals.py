"""Process signals as interrupts: Ctrl-C by presses, SIGTERM and SIGHUP with a deadline.

Nothing else in the library handles process signals; a program opts in:

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
from dataclasses import dataclass

from peaceful._model.clock import Clock, SystemClock
from peaceful._model.interrupt import (
    KEY_REPEAT,
    STOP_TIMEOUT,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
)
from peaceful.interrupt._channel import InterruptSender, SendResult
from peaceful.interrupt._handlers import (
    SignalEscalation,
    handle_signals,
    suspend_loop_handlers,
    wake_on_signals,
)

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
    """Send interrupts for process signals while the context is open.

    | signal | sends |
    |---|---|
    | SIGINT (Ctrl-C) | STOP, at the second press CANCEL, from the third on KILL |
    | SIGTERM, SIGHUP | STOP; in a loop also CANCEL after 60 % of `stop_timeout`, KILL at its end |

    The previous handlers are restored afterwards. SIGINT and SIGHUP are left alone if the program
    was started so that they are ignored, as by `nohup`.

    `async with` is for asyncio programs, with any kind of loop and on every platform, a notebook's
    running loop included: the loop sends the signals and keeps the deadlines. `with` is for
    programs without a loop, which call `InterruptReceiver.poll` between two steps: signals are sent
    by the handler itself, in the middle of whatever the main thread does, and there are no
    deadlines.

    Both yield the set of signals that are handled. Python handles signals in the main thread only:
    in any other thread nothing is handled and the set is empty, so that code which uses this can
    also run in a thread of a larger program that handles signals itself.

    Args:
        sender: sends to the execution.
        stop_timeout: seconds from the first SIGTERM or SIGHUP to KILL; only in a loop.
        on_press: called with each signal that is sent, deadlines included, and its effect; not for
            key repeats. Runs where the signal is sent: in the loop; or, with `with`, in the
            handler, where it must not do what the interrupted code could be in the middle of. An
            error that it raises is logged to `peaceful.interrupt`.
        key_repeat: presses less than this many seconds apart count once.
        clock: the source of the time; the system's by default.

    Returns:
        A context to enter once.
    """
    escalation = SignalEscalation(stop_timeout=stop_timeout, key_repeat=key_repeat)
    return SignalWatch(_SignalSender(sender, escalation, on_press, clock or SystemClock()))


class SignalWatch:
    """The context that `interrupt_on_signals` returns, asynchronous or plain."""

    __slots__ = ("_context", "_signals")

    def __init__(self, signals: _SignalSender) -> None:
        self._signals = signals
        self._context = ExitStack()

    async def __aenter__(self) -> frozenset[InterruptSource]:
        return self._context.enter_context(_in_loop(self._signals, asyncio.get_running_loop()))

    async def __aexit__(self, *_: object) -> None:
        self._context.close()

    def __enter__(self) -> frozenset[InterruptSource]:
        return self._context.enter_context(handle_signals(self._signals.receive))

    def __exit__(self, *_: object) -> None:
        self._context.close()


@dataclass(slots=True)
class _SignalSender:
    """Sends the levels of process signals and of their deadlines."""

    sender: InterruptSender
    escalation: SignalEscalation
    on_press: Callable[[InterruptSignal, SendResult], None] | None
    clock: Clock
    ended_by: InterruptSource | None = None

    def receive(self, source: InterruptSource, at: float | None = None) -> None:
        """Send the level of a process signal that came at a time, by default now."""
        at = self.clock.monotonic() if at is None else at
        if source is InterruptSource.SIGINT:
            level = self.escalation.press(at)
        else:
            level = self.escalation.terminate(at)
            self.ended_by = self.ended_by or source
        if level is not None:
            self._send(level, source, None)

    def seconds_left(self) -> float | None:
        """Return how long until `look` has something to do, or `None` if never."""
        at = self.escalation.next_deadline
        if at is None or self.sender.closed:
            return None
        return max(0.0, at - self.clock.monotonic())

    def look(self) -> None:
        """Send the level of a deadline, if one has passed."""
        level = self.escalation.due(self.clock.monotonic())
        if level is not None and self.ended_by is not None and not self.sender.closed:
            self._send(level, self.ended_by, f"not done in time after {self.ended_by}")

    def _send(self, level: InterruptLevel, source: InterruptSource, reason: str | None) -> None:
        request = InterruptSignal(level, source, self.clock.now(), reason)
        result = self.sender.send(request)
        if self.on_press is None:
            return
        try:
            self.on_press(request, result)
        except Exception:  # noqa: BLE001  its mistake must not cost a signal or a deadline
            _LOG.exception("on_press raised an error at %s", level)


@contextlib.contextmanager
def _in_loop(
    signals: _SignalSender, loop: asyncio.AbstractEventLoop
) -> Generator[frozenset[InterruptSource]]:
    arrived: deque[tuple[InterruptSource, float]] = deque()
    timer: asyncio.TimerHandle | None = None
    over = False

    def receive(source: InterruptSource) -> None:
        # In the handler only what is safe anywhere; the loop does the rest between two steps.
        arrived.append((source, signals.clock.monotonic()))
        loop.call_soon_threadsafe(proceed)

    def proceed() -> None:
        nonlocal timer
        if over:
            return
        if timer is not None:
            timer.cancel()
        send_arrived()
        signals.look()
        left = signals.seconds_left()
        timer = None if left is None else loop.call_later(left, proceed)

    def send_arrived() -> None:
        while arrived:
            signals.receive(*arrived.popleft())

    with ExitStack() as context:
        if threading.current_thread() is threading.main_thread():
            context.enter_context(wake_on_signals(loop))
        try:
            with handle_signals(receive) as sources, suspend_loop_handlers(loop, sources):
                yield sources
        finally:
            over = True
            send_arrived()  # what came at the last moment, before the loop got to it, is not lost
            if timer is not None:
                timer.cancel()
