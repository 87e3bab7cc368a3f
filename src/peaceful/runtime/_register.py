"""The port to the register of executions: who runs what, and who may interrupt it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

import msgspec

from peaceful.interrupt import InterruptSender
from peaceful.model import (
    ExecutionInfo,
    ExecutionState,
    InterruptSignal,
    ItemId,
    KeptDocument,
)
from peaceful.runtime._hub import ProgressHub


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

    async def finish(
        self,
        state: ExecutionState,
        *,
        ended_at: datetime,
        document: KeptDocument,
        interrupt: InterruptSignal | None,
    ) -> None:
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
