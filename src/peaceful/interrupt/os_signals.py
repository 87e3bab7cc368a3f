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
import logging
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack

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
    SignalBell,
    SignalEscalation,
    handle_signals,
    suspend_loop_handlers,
)

__all__ = ["interrupt_on_signals"]

_LOG = logging.getLogger("peaceful.interrupt")


def interrupt_on_signals(
    sender: InterruptSender,
    *,
    stop_timeout: float = STOP_TIMEOUT,
    on_press: Callable[[InterruptSignal, SendResult], None] | None = None,
    key_repeat: float = KEY_REPEAT,
    clock: Clock | None = None,
) -> _SignalWatch:
    """Send interrupts for process signals while the context is open.

    | signal | sends |
    |---|---|
    | SIGINT from a terminal (Ctrl-C) | STOP, at the second press CANCEL, from the third on KILL |
    | SIGTERM, SIGHUP, other SIGINTs | STOP, CANCEL after 60 % of `stop_timeout`, KILL at its end |

    A signal of another kind than those before climbs one level at once. Signals are heard and
    deadlines kept by a thread, also while the main thread is busy with something that lets nobody
    else in. The previous handlers are restored afterwards. SIGINT and SIGHUP are left alone if the
    program was started so that they are ignored, as by `nohup`.

    `async with` is for asyncio programs, with any kind of loop and on every platform, a notebook's
    running loop included. `with` is for programs without a loop, which call
    `InterruptReceiver.poll` between two steps. Both yield the set of signals that are handled.
    Python handles signals in the main thread only: in any other thread nothing is handled and the
    set is empty, so that code which uses this can also run in a thread of a larger program that
    handles signals itself.

    Args:
        sender: sends to the execution.
        stop_timeout: seconds from the first signal that nobody at a terminal can have sent to KILL.
        on_press: called with each signal that is sent, deadlines included, and its effect; not for
            key repeats. One call at a time, in a thread of its own, after the signal was sent. An
            error that it raises is logged to `peaceful.interrupt`.
        key_repeat: signals less than this many seconds apart count once.
        clock: the source of the time; the system's by default.

    Returns:
        A context to enter once.
    """
    escalation = SignalEscalation(stop_timeout=stop_timeout, key_repeat=key_repeat)
    return _SignalWatch(_Listener(sender, escalation, on_press, clock or SystemClock()))


class _SignalWatch:
    """The context that `interrupt_on_signals` returns, asynchronous or plain."""

    __slots__ = ("_context", "_listener")

    def __init__(self, listener: _Listener) -> None:
        self._listener = listener
        self._context = ExitStack()

    async def __aenter__(self) -> frozenset[InterruptSource]:
        sources = self.__enter__()
        loop = asyncio.get_running_loop()
        self._context.enter_context(suspend_loop_handlers(loop, sources))
        return sources

    async def __aexit__(self, *_: object) -> None:
        self._context.close()

    def __enter__(self) -> frozenset[InterruptSource]:
        with ExitStack() as opened:
            opened.callback(self._listener.end)
            opened.enter_context(self._listener.bell)
            sources = opened.enter_context(handle_signals(self._listener.handle))
            if sources:
                self._listener.begin()
            self._context = opened.pop_all()
        return sources

    def __exit__(self, *_: object) -> None:
        self._context.close()


_MOMENT = 0.1
"""Seconds that a handler waits at most for the listener, which sends what it has heard."""


class _Listener:
    """Sends the levels of process signals and of their deadlines, whichever thread can.

    A signal is sent by its handler, which comes first unless the main thread is busy with something
    else; or by the listener's own thread, which keeps the deadlines, too, and calls `on_press`.
    """

    def __init__(
        self,
        sender: InterruptSender,
        escalation: SignalEscalation,
        on_press: Callable[[InterruptSignal, SendResult], None] | None,
        clock: Clock,
    ) -> None:
        self._sender = sender
        self._escalation = escalation
        self._on_press = on_press
        self._clock = clock
        self._arrived: deque[tuple[InterruptSource, float]] = deque()
        # Nobody waits for it in the thread whose turn it is: a handler in the middle of a turn.
        self._turn = threading.Lock()
        self._turns_thread: int | None = None
        self._sent: queue.SimpleQueue[tuple[InterruptSignal, SendResult]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._over = False
        self.bell: SignalBell = SignalBell()

    def begin(self) -> None:
        """Start to listen."""
        self._thread = threading.Thread(target=self._listen, name="peaceful-signals", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Send what has come at the last moment, and listen no longer."""
        self._send_arrived()
        self._over = True
        if self._thread is not None:
            self.bell.ring()
            self._thread.join()
        self.bell.close()

    def handle(self, source: InterruptSource) -> None:
        """Send a signal from its handler, unless it is sent already."""
        if not self.bell.rings_by_itself():
            self._arrived.append((source, self._clock.monotonic()))
        self._send_arrived()
        # The listener may be sending it just now, and whoever asks next is to see it.
        if self._turns_thread != threading.get_ident() and self._turn.acquire(timeout=_MOMENT):
            self._turn.release()
        self.bell.ring()

    def _listen(self) -> None:
        while not self._over:
            self.bell.wait(self._seconds_left())
            self._send_arrived()
            self._in_turn(self._keep_deadlines)
            self._tell()
        self._tell()

    def _seconds_left(self) -> float | None:
        at = self._escalation.next_deadline
        if at is None or self._sender.closed:
            return None
        return max(0.0, at - self._clock.monotonic())

    def _send_arrived(self) -> None:
        now = self._clock.monotonic()
        for number in self.bell.take():
            if number and (source := _source_of(number)) is not None:
                self._arrived.append((source, now))
        while self._arrived and self._in_turn(self._send_next):
            pass

    def _in_turn(self, step: Callable[[], None]) -> bool:
        """Take a step unless another thread takes one, which looks again afterwards."""
        if not self._turn.acquire(blocking=False):
            return False
        self._turns_thread = threading.get_ident()
        try:
            step()
        finally:
            self._turns_thread = None
            self._turn.release()
        return True

    def _send_next(self) -> None:
        while self._arrived:
            source, at = self._arrived.popleft()
            level = self._escalation.receive(source, at)
            if level is not None:
                self._send(level, source, None)

    def _keep_deadlines(self) -> None:
        by, now = self._escalation.deadline_of, self._clock.monotonic()
        while (level := self._escalation.due(now)) is not None:
            if by is not None and not self._sender.closed:
                self._send(level, by, f"not done in time after {by}")

    def _send(self, level: InterruptLevel, source: InterruptSource, reason: str | None) -> None:
        request = InterruptSignal(level, source, self._clock.now(), reason)
        self._sent.put((request, self._sender.send(request)))

    def _tell(self) -> None:
        while not self._sent.empty():
            request, result = self._sent.get()
            try:
                if self._on_press is not None:
                    self._on_press(request, result)
            except Exception:  # noqa: BLE001  its mistake must not cost a signal or a deadline
                _LOG.exception("on_press raised an error at %s", request.level)


def _source_of(number: int) -> InterruptSource | None:
    try:
        return InterruptSource(signal.Signals(number).name)
    except ValueError:
        return None  # Another signal of the program's.
