"""The port to wherever executions are written down."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, Protocol

import msgspec

from peaceful._errors.running import ExecutionUnknown
from peaceful._executions.records import ExecutionRecord
from peaceful._model.document import KeptDocument
from peaceful._model.execution import ExecutionState
from peaceful._model.field_types import ExecutionId, FlowId, ProfileName
from peaceful._model.interrupt import InterruptSignal

CANDIDATES: Final = 10
"""How many IDs an error names where several begin alike."""

KEPT: Final = 1000
"""How many executions of a profile are kept unless said otherwise; older endings are forgotten."""


class ExecutionFilter(msgspec.Struct, frozen=True):
    """Which executions are asked for. All conditions hold at once.

    Attributes:
        profile: those of the profile; none for all.
        flow: those of the flow; none for all.
        states: those in one of the states; empty for all.
    """

    profile: ProfileName | None = None
    flow: FlowId | None = None
    states: Collection[ExecutionState] = ()

    def admits(self, record: ExecutionRecord) -> bool:
        """Whether the record is one of those asked for."""
        return (
            (self.profile is None or record.info.profile == self.profile)
            and (self.flow is None or record.info.flow == self.flow)
            and (not self.states or record.state in self.states)
        )


class ExecutionPage(msgspec.Struct, frozen=True):
    """Some executions, newest first, without their outcome documents.

    Attributes:
        records: the executions.
        cursor: to be passed on to get the page after this one; none on the last page.
    """

    records: tuple[ExecutionRecord, ...]
    cursor: str | None = None


def sought(execution_id: str) -> str:
    """An ID, or the beginning of one, as a person typed it, in the form in which IDs are kept.

    Raises:
        ExecutionUnknown: no ID can begin like that.
    """
    wanted = execution_id.strip().lower()
    if not wanted or not wanted.isascii():
        raise ExecutionUnknown(execution_id)
    return wanted


class ExecutionStore(Protocol):
    """Where executions are written down. Safe from any thread; several processes may use one.

    "Newest" is by ID, which begins with the time. Every call may wait for the disk or the network,
    and raises `StorageError` where that fails. Where an execution is asked for by its ID and there
    is none, `ExecutionUnknown` is raised.
    """

    def insert(self, record: ExecutionRecord) -> ExecutionRecord:
        """Writes a new execution down, unless another one of its profile has not ended.

        Endings of the profile that are older than those to be kept are forgotten.

        Returns:
            The record itself, or that of the other one; decided in one step for all processes.

        Raises:
            ValueError: there is an execution with that ID.
        """
        ...

    def interrupting(self, execution_id: ExecutionId, signal: InterruptSignal) -> ExecutionRecord:
        """An interrupt was accepted. One that is not of a higher level changes nothing.

        Raises:
            AlreadyEnded: it has ended by now.
        """
        ...

    def finish(self, execution_id: ExecutionId, document: KeptDocument) -> ExecutionRecord:
        """The executor writes its ending, once.

        Args:
            execution_id: which one.
            document: how it ended.

        Raises:
            AlreadyEnded: an ending was written before. To be found lost is none.
        """
        ...

    def mark_lost(self, execution_id: ExecutionId, at: datetime) -> ExecutionRecord:
        """Its process was found gone. What has ended stays as it is.

        Args:
            execution_id: which one.
            at: when that was found; UTC.
        """
        ...

    def get(self, execution_id: str) -> ExecutionRecord:
        """The execution with the ID, or the only one whose ID begins with it, in any case.

        Raises:
            ExecutionUnknown: none has it, or several begin with it.
        """
        ...

    def page(
        self, wanted: ExecutionFilter, *, limit: int, cursor: str | None = None
    ) -> ExecutionPage:
        """Executions, newest first.

        Args:
            wanted: which ones.
            limit: how many at most.
            cursor: from the page before; none for the first page.
        """
        ...

    def unended(self) -> tuple[ExecutionRecord, ...]:
        """Every execution that has not ended, newest first."""
        ...
