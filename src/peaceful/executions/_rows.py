"""Records as rows of the SQLite register, and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeAlias, cast

from peaceful.executions._identity import Machine, ProcessIdentity
from peaceful.executions._record import ExecutionRecord, JsonObject
from peaceful.executions._signal import signal_from_json
from peaceful.executions._summary import OutcomeSummary
from peaceful.model import (
    ExecutionInfo,
    ExecutionState,
    ItemStatus,
    JsonValue,
    OutcomeKind,
    StartedBy,
    to_json,
)

Cell: TypeAlias = str | int | None
Row: TypeAlias = tuple[Cell, ...]

COLUMNS: Final[tuple[str, ...]] = (
    "id",
    "app",
    "profile",
    "flow",
    "command",
    "state",
    "started_at",
    "ended_at",
    "user",
    "host",
    "pid",
    "door",
    "can_interrupt",
    "why_not_interruptible",
    "dry_run",
    "only_items",
    "interrupt",
    "process",
    "address",
    "summary",
)
"""The columns of a row, in order."""


def row_of(record: ExecutionRecord) -> Row:
    """The row of a record. The outcome document is not part of it."""
    info = record.info
    return (
        info.id,
        info.app,
        info.profile,
        info.flow,
        info.command,
        info.state.value,
        info.started_at.isoformat(),
        None if info.ended_at is None else info.ended_at.isoformat(),
        info.started_by.user,
        info.started_by.host,
        info.started_by.pid,
        info.started_by.door,
        int(info.can_interrupt),
        record.why_not_interruptible,
        int(record.dry_run),
        json.dumps(record.only),
        _json(info.interrupt),
        _json(record.process),
        record.address,
        _json(record.summary),
    )


def record_of(row: Row) -> ExecutionRecord:
    """The record of a row, without its outcome document.

    Raises:
        ValueError: the row does not describe one.
    """
    cells: Mapping[str, Cell] = dict(zip(COLUMNS, row, strict=True))
    try:
        return ExecutionRecord(
            info=_info(cells),
            dry_run=bool(cells["dry_run"]),
            only=tuple(json.loads(_text(cells, "only_items"))),
            why_not_interruptible=_text(cells, "why_not_interruptible"),
            process=_process(_parsed(cells, "process")),
            address=_optional(cells, "address"),
            summary=_summary(_parsed(cells, "summary")),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def packed(document: JsonObject) -> bytes:
    """A document in few bytes: thousands of items say nearly the same."""
    text = json.dumps(document, separators=(",", ":"), default=dict)
    return zlib.compress(text.encode(), level=1)


def unpacked(data: bytes) -> JsonObject:
    """The document that was packed.

    Raises:
        ValueError: it is not one.
    """
    try:
        document: JsonValue = json.loads(zlib.decompress(data))
        return _object(document)
    except (TypeError, zlib.error) as error:
        raise ValueError(str(error)) from error


def _info(cells: Mapping[str, Cell]) -> ExecutionInfo:
    interrupt = _parsed(cells, "interrupt")
    ended_at = _optional(cells, "ended_at")
    return ExecutionInfo(
        id=_text(cells, "id"),
        app=_text(cells, "app"),
        profile=_text(cells, "profile"),
        flow=_text(cells, "flow"),
        command=_text(cells, "command"),
        started_by=StartedBy(
            user=_text(cells, "user"),
            host=_text(cells, "host"),
            pid=_number(cells["pid"]),
            door=_text(cells, "door"),
        ),
        started_at=datetime.fromisoformat(_text(cells, "started_at")),
        can_interrupt=bool(cells["can_interrupt"]),
        state=ExecutionState(_text(cells, "state")),
        interrupt=None if interrupt is None else signal_from_json(interrupt),
        ended_at=None if ended_at is None else datetime.fromisoformat(ended_at),
    )


def _process(value: JsonValue) -> ProcessIdentity:
    process = _object(value)
    started = process["started"]
    machine = cast("Mapping[str, str]", _object(process["machine"]))
    return ProcessIdentity(
        pid=_number(process["pid"]),
        started=None if started is None else _number(started),
        machine=Machine(**machine),
    )


def _summary(value: JsonValue) -> OutcomeSummary | None:
    if value is None:
        return None
    summary = _object(value)
    outcome = summary["outcome"]
    counts = {ItemStatus(word): _number(n) for word, n in _object(summary["counts"]).items()}
    return OutcomeSummary(None if outcome is None else OutcomeKind(str(outcome)), counts)


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(to_json(value))


def _parsed(cells: Mapping[str, Cell], column: str) -> JsonValue:
    text = _optional(cells, column)
    return None if text is None else cast("JsonValue", json.loads(text))


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is not an object")
    return value


def _optional(cells: Mapping[str, Cell], column: str) -> str | None:
    return None if cells[column] is None else _text(cells, column)


def _text(cells: Mapping[str, Cell], column: str) -> str:
    value = cells[column]
    if not isinstance(value, str):
        raise TypeError(f"{column} is {value!r}, not text")
    return value


def _number(value: JsonValue) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value
