"""Records as rows of a table."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from declared_values import values_of
from ending_documents import ending_document
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from peaceful import ItemStatus
from peaceful._executions.records import ExecutionRecord, Machine, OutcomeSummary, ProcessIdentity
from peaceful._executions.sqlite_store import COLUMNS, pack, record_of, row_of, unpack
from peaceful._model.codec import to_json
from peaceful._model.document import ItemDocument, KeptDocument
from peaceful._model.execution import Asked, StartedBy
from peaceful.commands import ExecutionInfo, ExecutionState, OutcomeKind
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIGNAL = InterruptSignal(InterruptLevel.STOP, InterruptSource.WEB, NOW, None)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
moments = st.datetimes(timezones=st.just(UTC))
machines = st.builds(Machine, text, st.none() | text, st.none() | text, st.none() | text)
pids = st.integers(0, 2**31)
signals = st.builds(
    InterruptSignal,
    st.sampled_from(InterruptLevel),
    st.sampled_from(InterruptSource),
    moments,
    st.none() | text,
)
infos = st.builds(
    ExecutionInfo,
    id=text,
    app=text,
    profile=text,
    flow=text,
    command=text,
    started_by=st.builds(StartedBy, text, text, pids, text),
    started_at=moments,
    dry_run=st.booleans(),
    can_interrupt=st.booleans(),
    state=st.sampled_from(ExecutionState),
    interrupt=st.none() | signals,
    ended_at=st.none() | moments,
)
summaries = st.builds(
    OutcomeSummary,
    st.none() | st.sampled_from(OutcomeKind),
    st.dictionaries(st.sampled_from(ItemStatus), st.integers(0, 9)),
)
records = st.builds(
    ExecutionRecord,
    info=infos,
    only=st.lists(text).map(tuple),
    process=st.builds(ProcessIdentity, pids, st.none() | pids, machines),
    address=st.none() | text,
    summary=st.none() | summaries,
    asked=values_of(Asked),
)
documents = values_of(KeptDocument)


@given(record=records)
def test_there_and_back(record: ExecutionRecord) -> None:
    """A record comes back from its row as it was."""
    assert record_of(row_of(record)) == record


@given(document=documents)
def test_documents(document: KeptDocument) -> None:
    """A document comes back from its packed form as it was, whatever text is in it."""
    assert unpack(pack(document)) == document


def test_documents_of_many_items() -> None:
    """Ten thousand items that say much the same take little space."""
    items = {f"item_{n}": ItemDocument(ItemStatus.DONE, {"path": f"/x/{n}"}) for n in range(10_000)}
    assert len(pack(ending_document(items=items))) < 100_000


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("state", 7),
        ("state", None),
        ("started_at", "yesterday"),
        ("started_at", None),
        ("pid", "many"),
        ("only_items", "["),
        ("interrupt", '"now"'),
        ("interrupt", '{"level": "nudge"}'),
        ("process", "[]"),
        ("process", "{}"),
        ("process", '{"pid": 1, "started": 2, "machine": {"wheels": "4"}}'),
        ("interrupt", '{"level": 7, "source": "web", "requested_at": "2026-03-01T12:00:02Z"}'),
        ("summary", '{"outcome": null}'),
        ("summary", '{"outcome": 7, "counts": {}}'),
        ("summary", '{"outcome": null, "counts": {"done": "many"}}'),
    ],
)
def test_damaged_rows(
    new_record: Callable[..., ExecutionRecord], column: str, cell: str | int | None
) -> None:
    """A row that does not describe a record is refused."""
    row = list(row_of(new_record()))
    row[COLUMNS.index(column)] = cell
    with pytest.raises(ValueError, match=r"."):
        record_of(tuple(row))


LATER = {
    "state": "postponed",
    "interrupt": json.dumps(
        {"level": "nudge", "source": "web", "requested_at": "2026-03-01T12:00:02Z", "reason": None}
    ),
    "summary": json.dumps(
        {"outcome": "half_done", "counts": {"done": 2, "skipped": 1}, "skipped": ["a"]}
    ),
}
"""Cells of a row, with words that this version does not know."""


@pytest.mark.parametrize("column", LATER)
def test_words_of_a_later_version(new_record: Callable[..., ExecutionRecord], column: str) -> None:
    """Of a row with a word of a later version, all else is read."""
    record = new_record(state=ExecutionState.INTERRUPTED, ended_at=NOW, interrupt=SIGNAL)
    record = replace(record, summary=OutcomeSummary(OutcomeKind.COMPLETE, {}))
    row = list(row_of(record))
    row[COLUMNS.index(column)] = LATER[column]
    expected = {
        "state": replace(record, info=replace(record.info, state=ExecutionState.COMPLETE)),
        "interrupt": replace(record, info=replace(record.info, interrupt=None)),
        "summary": replace(record, summary=OutcomeSummary(None, {ItemStatus.DONE: 2})),
    }
    assert record_of(tuple(row)) == expected[column]


@pytest.mark.parametrize(
    ("ended_at", "summary", "state"),
    [
        (None, None, ExecutionState.RUNNING),
        (NOW, None, ExecutionState.FAILED),
        (NOW, OutcomeSummary(None, {}), ExecutionState.FAILED),
        (NOW, OutcomeSummary(OutcomeKind.BLOCK_INTERRUPTED, {}), ExecutionState.INTERRUPTED),
    ],
)
def test_states_of_a_later_version(
    new_record: Callable[..., ExecutionRecord],
    ended_at: datetime | None,
    summary: OutcomeSummary | None,
    state: ExecutionState,
) -> None:
    """A state of a later version is the nearest known one: running, or as the outcome says."""
    row = list(row_of(replace(new_record(ended_at=ended_at), summary=summary)))
    row[COLUMNS.index("state")] = LATER["state"]
    assert record_of(tuple(row)).state is state


def test_a_source_of_a_later_version(new_record: Callable[..., ExecutionRecord]) -> None:
    """An interrupt from where this version knows nothing of is left out."""
    row = list(row_of(new_record(interrupt=SIGNAL)))
    cell = row[COLUMNS.index("interrupt")]
    assert isinstance(cell, str)
    row[COLUMNS.index("interrupt")] = cell.replace("web", "telephone")
    assert record_of(tuple(row)).info.interrupt is None


def test_documents_of_a_later_version() -> None:
    """Of a document with words of a later version, all else is read."""
    items = {name: ItemDocument(ItemStatus.DONE) for name in "ab"}
    before = ending_document(OutcomeKind.COMPLETE, items=items, interrupt=SIGNAL)
    document = cast("dict[str, Any]", to_json(before))
    document["outcome"] = "half_done"
    document["interrupt"]["level"] = "nudge"
    document["items"]["a"]["status"] = "skipped"
    document["skipped"] = ["a"]
    known = unpack(zlib.compress(json.dumps(document).encode()))
    assert known == replace(
        before, outcome=OutcomeKind.ERROR, interrupt=None, items={"b": items["b"]}
    )


@pytest.mark.parametrize("data", [b"", b"no zip", pack(ending_document())[:-3]])
def test_damaged_documents(data: bytes) -> None:
    """What was not packed cannot be unpack."""
    with pytest.raises(ValueError, match=r"."):
        unpack(data)


@pytest.mark.parametrize("document", [b"[1]", b"{}", b"null", b"["])
def test_documents_are_whole(document: bytes) -> None:
    """What was packed, and is no document, is refused."""
    with pytest.raises(ValueError, match=r"."):
        unpack(zlib.compress(document))
