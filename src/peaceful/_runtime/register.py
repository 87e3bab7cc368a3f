"""The port to the register of executions, and the publisher of interrupts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from peaceful._model.clock import Clock
from peaceful._model.codec import ItemId
from peaceful._model.document import KeptDocument
from peaceful._model.events import InterruptRequested, Snapshot
from peaceful._model.execution import Asked, ExecutionInfo
from peaceful._model.interrupt import InterruptSignal
from peaceful._runtime.hub import ProgressHub
from peaceful.interrupt import InterruptibilityState, InterruptSender

if TYPE_CHECKING:
    from peaceful._item.approvals import Approvals


class Starting(msgspec.Struct, frozen=True):
    """An execution that is about to start; without a sender it cannot be interrupted.

    Its `approvals` take people's answers to its items. It is limited to the items in `only`, or to
    none if that is empty; `asked` is what it was asked for.
    """

    info: ExecutionInfo
    only: tuple[ItemId, ...]
    sender: InterruptSender | None
    hub: ProgressHub
    approvals: Approvals | None = None
    asked: Asked = Asked()


class Registered(Protocol):
    """A registered execution."""

    def interrupting(self, signal: InterruptSignal) -> None:
        """Record an accepted interrupt, without waiting; from any thread."""
        ...

    async def finish(self, document: KeptDocument) -> None:
        """Store the ending, once."""
        ...

    def finish_waiting(self, document: KeptDocument) -> None:
        """Store the ending, once, from another thread, which is kept waiting."""
        ...


class Register(Protocol):
    """A register of executions."""

    def registered(self, starting: Starting) -> AbstractAsyncContextManager[Registered]:
        """Register an execution until the context is left, or raise `ProfileBusy`."""
        ...


class InterruptPublisher:
    """Publishes each accepted interrupt, once, in order. Used as a context manager.

    The loop does at its next step, or another thread, if that comes sooner: something may block the
    loop. Interrupts are also recorded in the register once `registered` is set.
    """

    def __init__(
        self,
        state: InterruptibilityState,
        hub: ProgressHub,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._state = state
        self._hub = hub
        self._clock = clock
        self._loop = loop
        self._published = 0
        self._begun = False
        self._lock = threading.Lock()
        self._leave: Callable[[], None] | None = None
        self.registered: Registered | None = None

    def __enter__(self) -> Self:
        if self._state.receiver is not None:
            self._leave = self._state.receiver.subscribe(self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        if self._leave is not None:
            self._leave()

    def begin(self) -> None:
        """Publish from now on: the execution's start has been published."""
        self._begun = True
        self.publish()

    def _on_signal(self, _: InterruptSignal) -> None:
        # In the sender's thread, or in a signal handler: only the loop may be touched.
        self._loop.call_soon_threadsafe(self.publish)

    def publish(self) -> None:
        """Publish what was accepted since the last call. Not in a signal handler."""
        receiver = self._state.receiver
        if receiver is None or not self._begun:
            return
        with self._lock:
            accepted = receiver.accepted
            for signal in accepted[self._published :]:
                if self.registered is not None:
                    self.registered.interrupting(signal)
                if self._state.effective is not None:
                    self._hub.publish_made(partial(self._requested, signal))
            self._published = len(accepted)

    def _requested(self, signal: InterruptSignal, snapshot: Snapshot) -> InterruptRequested:
        in_progress = tuple(snapshot.running)
        return InterruptRequested(self._clock.now(), signal, in_progress, snapshot.looking)
