"""An in-memory register of executions."""

from __future__ import annotations

import threading
from datetime import datetime

from msgspec.structs import replace

from peaceful._errors.running import ExecutionUnknown
from peaceful._executions.records import (
    CANDIDATES,
    KEPT,
    ExecutionFilter,
    ExecutionRecord,
    RecordPage,
    mark_approved,
    mark_finished,
    mark_interrupted,
    mark_lost,
    normalize_id,
)
from peaceful._model.codec import ExecutionId, ProfileName
from peaceful._model.document import KeptDocument
from peaceful._model.execution import Approval
from peaceful._present.text import SHORT_ID
from peaceful.interrupt import InterruptSignal


def _admits(wanted: ExecutionFilter, record: ExecutionRecord) -> bool:
    return (
        (wanted.profile is None or record.info.profile == wanted.profile)
        and (wanted.flow is None or record.info.flow == wanted.flow)
        and (not wanted.states or record.state in wanted.states)
    )


class MemoryExecutionStore:
    """An `ExecutionStore` in memory that keeps the newest `keep` executions of each profile."""

    def __init__(self, *, keep: int = KEPT) -> None:
        self._keep = keep
        self._lock = threading.RLock()
        self._records: dict[ExecutionId, ExecutionRecord] = {}

    def insert(self, record: ExecutionRecord) -> ExecutionRecord:
        """Register an execution."""
        with self._lock:
            if record.id in self._records:
                raise ValueError(f"there is an execution {record.id}")
            same = self._of_profile(record.info.app, record.info.profile)
            for other in same:
                if not other.state.ended:
                    return other
            self._records[record.id] = record
            for old in same[self._keep :]:
                del self._records[old.id]
            return record

    def interrupting(self, execution_id: ExecutionId, signal: InterruptSignal) -> ExecutionRecord:
        """Record an interrupt."""
        with self._lock:
            return self._keep_changed(mark_interrupted(self._exact(execution_id), signal))

    def finish(self, execution_id: ExecutionId, document: KeptDocument) -> ExecutionRecord:
        """Store an ending."""
        with self._lock:
            return self._keep_changed(mark_finished(self._exact(execution_id), document))

    def approve(self, execution_id: ExecutionId, approval: Approval) -> ExecutionRecord:
        """Record the answer about its plan."""
        with self._lock:
            return self._keep_changed(mark_approved(self._exact(execution_id), approval))

    def mark_lost(self, execution_id: ExecutionId, at: datetime) -> ExecutionRecord:
        """Record that its process is gone."""
        with self._lock:
            return self._keep_changed(mark_lost(self._exact(execution_id), at))

    def get(self, execution_id: str) -> ExecutionRecord:
        """Return the execution with an ID, or its beginning or end."""
        wanted = normalize_id(execution_id)
        with self._lock:
            if wanted in self._records:
                return self._records[wanted]
            alike = [
                each
                for each in self._newest()
                if each.id.startswith(wanted) or each.id[-SHORT_ID:] == wanted
            ]
        if len(alike) != 1:
            raise ExecutionUnknown(execution_id, [each.id for each in alike[:CANDIDATES]])
        return alike[0]

    def page(self, wanted: ExecutionFilter, *, limit: int, cursor: str | None = None) -> RecordPage:
        """Return a page of the history, newest first."""
        with self._lock:
            newest = [record.id for record in self._newest()]
            before = set() if cursor is None else set(newest[: newest.index(cursor) + 1])
            found = [
                replace(record, outcome=None)
                for record in self._newest()
                if _admits(wanted, record) and record.id not in before
            ]
        more = len(found) > limit
        return RecordPage(tuple(found[:limit]), found[limit - 1].id if more else None)

    def unended(self) -> tuple[ExecutionRecord, ...]:
        """Return what has not ended."""
        with self._lock:
            return tuple(record for record in self._newest() if not record.state.ended)

    def _of_profile(self, app: str, profile: ProfileName) -> list[ExecutionRecord]:
        return [
            record
            for record in self._newest()
            if record.info.app == app and record.info.profile == profile
        ]

    def _newest(self) -> list[ExecutionRecord]:
        return list(reversed(self._records.values()))

    def _exact(self, execution_id: ExecutionId) -> ExecutionRecord:
        if execution_id not in self._records:
            raise ExecutionUnknown(execution_id)
        return self._records[execution_id]

    def _keep_changed(self, record: ExecutionRecord) -> ExecutionRecord:
        self._records[record.id] = record
        return record
