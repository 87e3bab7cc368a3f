"""What somebody who interrupts an execution may say, and gets back."""

from __future__ import annotations

from typing import Final

import msgspec

from peaceful.model import ExecutionId, ExecutionState, InterruptLevel, Moment

REASON_LIMIT: Final = 1000
"""How many characters of a reason are kept."""


class InterruptReceipt(msgspec.Struct, frozen=True):
    """An interrupt was accepted, now or before.

    Attributes:
        execution_id: the execution.
        level: the level that the execution is interrupted at now.
        requested_at: when an interrupt was first requested; UTC.
        changed: whether this request raised the level.
        state: `interrupting`.
    """

    execution_id: ExecutionId
    level: InterruptLevel
    requested_at: Moment
    changed: bool
    state: ExecutionState = ExecutionState.INTERRUPTING


def cut_reason(reason: str | None) -> str | None:
    """Return a reason, at most `REASON_LIMIT` characters of it."""
    return reason if reason is None else reason[:REASON_LIMIT]
