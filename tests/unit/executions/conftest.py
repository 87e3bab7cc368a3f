"""Records to try things with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from peaceful._executions.records import ExecutionRecord, Machine, ProcessIdentity
from peaceful._model.execution import StartedBy
from peaceful.commands import ExecutionInfo, ExecutionState

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def new_record() -> Callable[..., ExecutionRecord]:
    """Makes a record; keywords change fields of its `ExecutionInfo`."""

    def make(**changes: object) -> ExecutionRecord:
        fields: dict[str, object] = {
            "id": "e1",
            "app": "shop",
            "profile": "test",
            "flow": "deploy",
            "command": "ensure",
            "started_by": StartedBy("ann", "here", 4711, "terminal"),
            "started_at": START,
            "state": ExecutionState.RUNNING,
        }
        info = ExecutionInfo(**{**fields, **changes})  # type: ignore[arg-type]  # a test names them
        return ExecutionRecord(info, process=ProcessIdentity(4711, 5, Machine("here")))

    return make
