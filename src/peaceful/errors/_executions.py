"""Errors about executions: unknown, already ended, not interruptible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from peaceful.errors._base import PeacefulError
from peaceful.errors._usage import UsageError


class ExecutionUnknown(UsageError):
    """No execution of this workspace has the given ID, or several begin with it."""

    code: ClassVar[str] = "EXECUTION-UNKNOWN"

    def __init__(self, execution_id: str, candidates: Sequence[str] = ()) -> None:
        if candidates:
            message = f"Several executions have an ID that begins with {execution_id!r}."
        else:
            message = f"There is no execution {execution_id!r} in this workspace."
        super().__init__(
            message,
            details=(("candidates", ", ".join(candidates)),) if candidates else (),
            help="list the executions, and use one of their IDs",
        )
        self.execution_id = execution_id


class AlreadyEnded(PeacefulError):
    """The execution had already ended when the interrupt came."""

    code: ClassVar[str] = "EXECUTION-ENDED"

    def __init__(self, execution_id: str, outcome: str) -> None:
        super().__init__(
            f"Execution {execution_id} has already ended: {outcome}.",
            help="nothing needs to be done",
        )
        self.execution_id = execution_id
        self.outcome = outcome


class NothingRunning(PeacefulError):
    """An interrupt was asked for, and nothing runs that it could be meant for."""

    code: ClassVar[str] = "NOTHING-RUNNING"

    def __init__(self) -> None:
        super().__init__(
            "Nothing is running in this workspace, so there is nothing to interrupt.",
            help="list what ran, and how it ended, by: executions list",
        )


class NotInterruptible(PeacefulError):
    """The execution was started in a way that does not let it be interrupted."""

    code: ClassVar[str] = "NOT-INTERRUPTIBLE"

    def __init__(self, execution_id: str, reason: str) -> None:
        super().__init__(
            f"Execution {execution_id} cannot be interrupted: {reason}.",
            help="wait for it to end",
        )
        self.execution_id = execution_id


class ExecutorUnreachable(PeacefulError):
    """The process that runs an execution does not answer."""

    code: ClassVar[str] = "EXECUTOR-UNREACHABLE"
