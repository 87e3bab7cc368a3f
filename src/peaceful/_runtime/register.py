"""The register as an execution uses it, and what it is told of interrupts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self

import msgspec

from peaceful._model.clock import Clock
from peaceful._model.document import KeptDocument
from peaceful._model.event import InterruptRequested
from peaceful._model.execution import ExecutionInfo
from peaceful._model.field_types import ItemId
from peaceful._model.interrupt import InterruptSignal
from peaceful._runtime.hub import ProgressHub
from peaceful.interrupt import InterruptibilityState, InterruptSender


class Starting(msgspec.Struct, frozen=True):
    """An execution that is about to start.

    Attributes:
        info: who runs what.
        dry_run: whether it only shows what it would do.
        only: the items that it is limited to; empty where it is not.
        sender: interrupts it, or none where it cannot be interrupted.
        hub: tells what happens in it.
    """

    info: ExecutionInfo
    dry_run: bool
    only: tuple[ItemId, ...]
    sender: InterruptSender | None
    hub: ProgressHub


class Registered(Protocol):
    """An execution that the register knows."""

    def interrupting(self, signal: InterruptSignal) -> None:
        """An interrupt was accepted. Notes it, without waiting for that; from any thread."""
        ...

    async def finish(self, document: KeptDocument) -> None:
        """Writes its ending down, once."""
        ...


class Register(Protocol):
    """Where executions are written down."""

    def registered(self, starting: Starting) -> AbstractAsyncContextManager[Registered]:
        """Writes a starting execution down, and lets others find and interrupt it until the end.

        Raises:
            ProfileBusy: another execution runs on the profile.
        """
        ...


class InterruptNews:
    """Tells of each interrupt that is accepted, once, in order. Used as a context manager.

    Args:
        state: the execution's interruptibility.
        hub: hands its events on.
        clock: tells the time.
        loop: the loop that it runs in.
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
        self._told = 0
        self._leave: Callable[[], None] | None = None
        self.registered: Registered | None = None
        """Notes each of them, once it is there."""

    def __enter__(self) -> Self:
        if self._state.receiver is not None:
            self._leave = self._state.receiver.subscribe(self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        if self._leave is not None:
            self._leave()

    def _on_signal(self, _: InterruptSignal) -> None:
        # In the sender's thread, or in a signal handler: only the loop may be touched.
        self._loop.call_soon_threadsafe(self.tell)

    def tell(self) -> None:
        """Tells of what was accepted until now and was not told of; in the loop's thread."""
        receiver = self._state.receiver
        if receiver is None:
            return
        accepted: list[InterruptSignal] = []
        # A new subscriber is told at once of all that was accepted before it.
        receiver.subscribe(accepted.append)()
        for signal in accepted[self._told :]:
            if self.registered is not None:
                self.registered.interrupting(signal)
            if self._state.effective is not None:
                in_progress = tuple(self._hub.snapshot.running)
                self._hub.publish(InterruptRequested(self._clock.now(), signal, in_progress))
        self._told = len(accepted)
