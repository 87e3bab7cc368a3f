"""Records as rows of a table."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import UTC

import pytest
from declared_values import values_of
from ending_documents import ending_document
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._executions.records import ExecutionRecord, Machine, OutcomeSummary, ProcessIdentity
from peaceful._executions.sqlite_store import COLUMNS, packed, record_of, row_of, unpacked
from peaceful._model.document import ItemDocument, KeptDocument
from peaceful._model.execution import StartedBy
from peaceful.commands import ExecutionInfo, ExecutionState, OutcomeKind
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

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
    dry_run=st.booleans(),
    only=st.lists(text).map(tuple),
    why_not_interruptible=text,
    process=st.builds(ProcessIdentity, pids, st.none() | pids, machines),
    address=st.none() | text,
    summary=st.none() | summaries,
)
documents = values_of(KeptDocument)


@given(record=records)
def test_there_and_back(record: ExecutionRecord) -> None:
    """A record comes back from its row as it was."""
    assert record_of(row_of(record)) == record


@given(document=documents)
def test_documents(document: KeptDocument) -> None:
    """A document comes back from its packed form as it was, whatever text is in it."""
    assert unpacked(packed(document)) == document


def test_documents_of_many_items() -> None:
    """Ten thousand items that say much the same take little space."""
    items = {f"item_{n}": ItemDocument(ItemStatus.DONE, {"path": f"/x/{n}"}) for n in range(10_000)}
    assert len(packed(ending_document(items=items))) < 100_000


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("state", "a state of a later version"),
        ("started_at", "yesterday"),
        ("started_at", None),
        ("pid", "many"),
        ("only_items", "["),
        ("interrupt", '"now"'),
        ("interrupt", '{"level": "nudge"}'),
        ("process", "[]"),
        ("process", "{}"),
        ("process", '{"pid": 1, "started": 2, "machine": {"wheels": "4"}}'),
        ("summary", '{"outcome": null}'),
    ],
)
def test_damaged_rows(
    new_record: Callable[..., ExecutionRecord], column: str, cell: str | None
) -> None:
    """A row that does not describe a record is refused."""
    row = list(row_of(new_record()))
    row[COLUMNS.index(column)] = cell
    with pytest.raises(ValueError, match=r"."):
        record_of(tuple(row))


@pytest.mark.parametrize("data", [b"", b"no zip", packed(ending_document())[:-3]])
def test_damaged_documents(data: bytes) -> None:
    """What was not packed cannot be unpacked."""
    with pytest.raises(ValueError, match=r"."):
        unpacked(data)


@pytest.mark.parametrize("document", [b"[1]", b"{}", b"null", b"["])
def test_documents_are_whole(document: bytes) -> None:
    """What was packed, and is no document, is refused."""
    with pytest.raises(ValueError, match=r"."):
        unpacked(zlib.compress(document))
