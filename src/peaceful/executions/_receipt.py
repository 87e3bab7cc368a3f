"""What somebody who interrupts an execution gets back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from peaceful.model import ExecutionId, ExecutionState, InterruptLevel


@dataclass(frozen=True, slots=True)
class InterruptReceipt:
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
    requested_at: datetime
    changed: bool
    state: ExecutionState = ExecutionState.INTERRUPTING
