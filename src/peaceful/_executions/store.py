"""The port to the store of executions."""

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
"""How many IDs an error lists if several begin alike."""

KEPT: Final = 1000
"""How many executions of a profile are kept by default; older ones that ended are deleted."""


class ExecutionFilter(msgspec.Struct, frozen=True):
    """Conditions on executions, all of which must hold; None or empty admits all."""

    profile: ProfileName | None = None
    flow: FlowId | None = None
    states: Collection[ExecutionState] = ()


class ExecutionPage(msgspec.Struct, frozen=True):
    """Executions, newest first, without outcome documents; `cursor` gets the next page."""

    records: tuple[ExecutionRecord, ...]
    cursor: str | None = None


def normalize_id(execution_id: str) -> str:
    """Return an ID, or its beginning, in the form of stored IDs.

    Raises `ExecutionUnknown` if none can match.
    """
    wanted = execution_id.strip().lower()
    if not wanted or not wanted.isascii():
        raise ExecutionUnknown(execution_id)
    return wanted


class ExecutionStore(Protocol):
    """A store of executions. Safe from any thread; several processes may use one.

    "Newest" is by ID, which begins with the time. Every call may wait for the disk or the network,
    and raises `StorageError` if that fails, `ExecutionUnknown` if there is no execution with the
    given ID.
    """

    def insert(self, record: ExecutionRecord) -> ExecutionRecord:
        """Insert an execution, or return the other one of its profile that has not ended.

        Decided in one step for all processes. Old executions of the profile, beyond those to be
        kept, are deleted. Raises `ValueError` if the ID exists.
        """
        ...

    def interrupting(self, execution_id: ExecutionId, signal: InterruptSignal) -> ExecutionRecord:
        """Record an accepted interrupt of a higher level, or raise `AlreadyEnded`."""
        ...

    def finish(self, execution_id: ExecutionId, document: KeptDocument) -> ExecutionRecord:
        """Record the ending, or raise `AlreadyEnded`: being found lost is none."""
        ...

    def mark_lost(self, execution_id: ExecutionId, at: datetime) -> ExecutionRecord:
        """Record that its process was found gone at a time (UTC).

        An execution that ended is not changed.
        """
        ...

    def get(self, execution_id: str) -> ExecutionRecord:
        """Return the execution whose ID is given, or is the only one to begin so, in any case."""
        ...

    def page(
        self, wanted: ExecutionFilter, *, limit: int, cursor: str | None = None
    ) -> ExecutionPage:
        """Return at most `limit` executions, newest first, after `cursor` of the page before."""
        ...

    def unended(self) -> tuple[ExecutionRecord, ...]:
        """Return every execution that has not ended, newest first."""
        ...
