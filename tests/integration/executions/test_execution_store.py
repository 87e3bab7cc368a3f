"""What every store of executions does. A new one is added to the fixture `store`."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from ending_documents import ending_document
from msgspec.structs import replace

from peaceful import ItemStatus
from peaceful._executions.records import (
    ExecutionFilter,
    ExecutionRecord,
    ExecutionStore,
    RecordPage,
)
from peaceful._model.document import ItemDocument
from peaceful._model.execution import Answerer, Approval, Asked, Selection
from peaceful.commands import ExecutionState, OutcomeKind
from peaceful.errors import AlreadyEnded, ExecutionUnknown
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

NewRecord = Callable[..., ExecutionRecord]
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
END = START + timedelta(minutes=5)
STOP = InterruptSignal(InterruptLevel.STOP, InterruptSource.WEB, START, "lunch")
DOCUMENT = ending_document(
    items={"a": ItemDocument(ItemStatus.DONE, message="größer ✓")}, ended_at=END
)
CUT = ending_document(OutcomeKind.BLOCK_INTERRUPTED, ended_at=END, interrupt=STOP)


def ended(store: ExecutionStore, record: ExecutionRecord) -> ExecutionRecord:
    """The record of an execution that was inserted and completed."""
    assert store.insert(record) == record
    return store.finish(record.id, DOCUMENT)


def ids(records: Iterable[ExecutionRecord]) -> list[str]:
    """Their IDs."""
    return [record.id for record in records]


def test_empty(store: ExecutionStore) -> None:
    """In the beginning there is nothing, and asking does not fail."""
    assert store.page(ExecutionFilter(), limit=10) == RecordPage(())
    assert store.unended() == ()
    for unknown in ("e1", "", "  ", "größe", "\udcff", "%"):
        with pytest.raises(ExecutionUnknown):
            store.get(unknown)


def test_inserted(store: ExecutionStore, new_record: NewRecord) -> None:
    """What was inserted is found as it was."""
    record = replace(new_record(), only=("a", "b"), address="unix:x")
    record = replace(record, info=replace(record.info, dry_run=True))
    assert store.insert(record) == record
    assert store.get(record.id) == record
    assert store.unended() == (record,)


def test_one_at_a_time(store: ExecutionStore, new_record: NewRecord) -> None:
    """While an execution of a profile has not ended, another one is not inserted."""
    first, second = new_record(), new_record(flow="other")
    store.insert(first)
    assert store.insert(second) == first
    with pytest.raises(ExecutionUnknown):
        store.get(second.id)
    store.interrupting(first.id, STOP)
    assert store.insert(second).id == first.id
    assert ids(store.unended()) == [first.id]


def test_other_profiles(store: ExecutionStore, new_record: NewRecord) -> None:
    """Executions of different profiles, and of different applications, run side by side."""
    records = [new_record(), new_record(profile="live"), new_record(app="bank")]
    for record in records:
        assert store.insert(record) == record
    assert ids(store.unended()) == ids(reversed(records))


@pytest.mark.parametrize("lost", [False, True])
def test_next(store: ExecutionStore, new_record: NewRecord, lost: bool) -> None:
    """Once an execution has ended, or was found lost, the next one is inserted."""
    first, second = new_record(), new_record()
    if lost:
        store.insert(first)
        store.mark_lost(first.id, END)
    else:
        ended(store, first)
    assert store.insert(second) == second


def test_ids_once(store: ExecutionStore, new_record: NewRecord) -> None:
    """An ID is never used twice."""
    record = new_record()
    store.insert(record)
    with pytest.raises(ValueError, match=record.id):
        store.insert(record)
    store.finish(record.id, DOCUMENT)
    with pytest.raises(ValueError, match=record.id):
        store.insert(record)


def test_interrupting(store: ExecutionStore, new_record: NewRecord) -> None:
    """An interrupt is kept, the first at each level; after the end it is refused."""
    record = new_record()
    store.insert(record)
    after = store.interrupting(record.id, STOP)
    assert (after.state, after.info.interrupt) == (ExecutionState.INTERRUPTING, STOP)
    assert store.interrupting(record.id, dataclasses.replace(STOP, requested_at=END)) == after
    kill = dataclasses.replace(STOP, level=InterruptLevel.KILL)
    assert store.interrupting(record.id, kill).info.interrupt == kill
    assert store.get(record.id).info.interrupt == kill
    store.finish(record.id, CUT)
    with pytest.raises(AlreadyEnded):
        store.interrupting(record.id, kill)


def test_finish(store: ExecutionStore, new_record: NewRecord) -> None:
    """An ending is written once, with its document and its interrupt."""
    record = new_record()
    store.insert(record)
    after = store.finish(record.id, CUT)
    assert after == store.get(record.id)
    assert (after.state, after.info.ended_at) == (ExecutionState.INTERRUPTED, END)
    assert after.info.interrupt == STOP
    assert after.outcome == CUT
    with pytest.raises(AlreadyEnded, match=r"has already ended: interrupted"):
        store.finish(record.id, DOCUMENT)
    assert store.get(record.id) == after


def test_lost(store: ExecutionStore, new_record: NewRecord) -> None:
    """An execution is marked as lost while it has no ending; its own ending overrules that."""
    record = new_record()
    store.insert(record)
    lost = store.mark_lost(record.id, START)
    assert (lost.state, lost.info.ended_at) == (ExecutionState.LOST, START)
    assert store.mark_lost(record.id, END) == lost
    after = store.finish(record.id, DOCUMENT)
    assert store.mark_lost(record.id, START) == after
    assert store.get(record.id).state is ExecutionState.COMPLETE


def test_the_first_answer_about_a_plan_counts(store: ExecutionStore, new_record: NewRecord) -> None:
    """It is kept with the ending, of which nothing else changes; without a plan there is none."""
    by = Answerer("web", "bob")
    yes, no = (Approval("", "?", said, by, END, function="plan") for said in (True, False))
    other = ended(store, new_record())
    assert store.approve(other.id, yes) == other
    record = store.insert(new_record())
    record = store.finish(record.id, replace(DOCUMENT, plan={"at": "noon"}))
    assert store.approve(record.id, yes).plan_approval == yes
    assert store.approve(record.id, no).plan_approval == yes
    kept = replace(record.outcome or DOCUMENT, approvals=(yes,))
    assert store.get(record.id) == replace(record, outcome=kept)
    running = replace(new_record(), asked=Asked(Selection(exclude=("a",)), "e1"))
    assert store.insert(running) == running
    assert store.approve(running.id, yes) == running
    assert store.get(running.id).asked == running.asked


def test_unknown(store: ExecutionStore) -> None:
    """What is not there cannot be changed."""
    with pytest.raises(ExecutionUnknown):
        store.interrupting("e9", STOP)
    with pytest.raises(ExecutionUnknown):
        store.finish("e9", DOCUMENT)
    with pytest.raises(ExecutionUnknown):
        store.mark_lost("e9", END)
    with pytest.raises(ExecutionUnknown):
        store.approve("e9", Approval("", "?", True, Answerer("web"), END, function="plan"))


def test_prefixes(store: ExecutionStore, new_record: NewRecord) -> None:
    """An execution is found by a beginning of its ID that no other has, in any case."""
    for name in ("abc1", "abc2", "abd", "ab"):
        ended(store, new_record(id=name))
    assert store.get("abd").outcome == DOCUMENT
    assert store.get(" ABC1 ").id == "abc1"
    assert store.get("abd").id == "abd"
    assert store.get("ab").id == "ab"
    with pytest.raises(ExecutionUnknown, match=r"(?s)Several.*abc2, abc1"):
        store.get("abc")
    for nothing in ("b", "abc3", "a%", "a_c1", "abc1\x00"):
        with pytest.raises(ExecutionUnknown, match="no execution"):
            store.get(nothing)


def test_the_end_of_an_id(store: ExecutionStore, new_record: NewRecord) -> None:
    """An execution is found by as much of the end of its ID as people are shown."""
    for name in ("0193a5c2-00005f3a91bc", "0193a5c2-00005f3a91bd"):
        ended(store, new_record(id=name))
    found = store.get("5F3A91BC")
    assert (found.id, found.outcome) == ("0193a5c2-00005f3a91bc", DOCUMENT)
    for nothing in ("f3a91bc", "05f3a91bc", "_f3a91bc"):
        with pytest.raises(ExecutionUnknown, match="no execution"):
            store.get(nothing)


def test_unique_prefix(store: ExecutionStore, new_record: NewRecord) -> None:
    """What is found by a beginning has its outcome, too."""
    ended(store, new_record(id="abc1"))
    assert store.get("a").outcome == DOCUMENT


def test_many_alike(store: ExecutionStore, new_record: NewRecord) -> None:
    """Of very many that begin alike, the newest are named."""
    for number in range(25):
        ended(store, new_record(id=f"a{number:02}"))
    with pytest.raises(ExecutionUnknown) as caught:
        store.get("a")
    assert "a24" in str(caught.value)
    assert "a14" not in str(caught.value)


def test_pages(store: ExecutionStore, new_record: NewRecord) -> None:
    """All executions come newest first, page after page, without their documents."""
    all_of_them = [ended(store, new_record()) for _ in range(7)]
    seen: list[ExecutionRecord] = []
    page = store.page(ExecutionFilter(), limit=3)
    seen += page.records
    while page.cursor is not None:
        # What comes meanwhile is newer than the page, and not repeated or missed.
        ended(store, new_record())
        page = store.page(ExecutionFilter(), limit=3, cursor=page.cursor)
        seen += page.records
    assert seen == [replace(record, outcome=None) for record in reversed(all_of_them)]


def test_last_page(store: ExecutionStore, new_record: NewRecord) -> None:
    """A page that ends with the oldest has no cursor."""
    for _ in range(3):
        ended(store, new_record())
    assert store.page(ExecutionFilter(), limit=3).cursor is None


def test_filters(store: ExecutionStore, new_record: NewRecord) -> None:
    """Conditions hold together."""
    a = ended(store, new_record(profile="one", flow="x"))
    b = ended(store, new_record(profile="one", flow="y"))
    c = ended(store, new_record(profile="two", flow="x"))
    d = store.insert(new_record(profile="two", flow="x"))

    def found(wanted: ExecutionFilter) -> list[str]:
        return ids(store.page(wanted, limit=10).records)

    assert found(ExecutionFilter(profile="one")) == [b.id, a.id]
    assert found(ExecutionFilter(flow="x")) == [d.id, c.id, a.id]
    assert found(ExecutionFilter(profile="two", flow="x")) == [d.id, c.id]
    running = (ExecutionState.RUNNING, ExecutionState.INTERRUPTING)
    assert found(ExecutionFilter(states=running)) == [d.id]
    assert found(ExecutionFilter(profile="two", states={ExecutionState.COMPLETE})) == [c.id]
    assert found(ExecutionFilter(profile="three")) == []


def test_a_clock_that_is_set_back(forgetful_store: ExecutionStore, new_record: NewRecord) -> None:
    """What was inserted last is the newest, whatever the clock said: IDs begin with the time."""
    store = forgetful_store
    records = [ended(store, new_record(id=name)) for name in ("e5", "e9", "e1", "e3")]
    newest = [record.id for record in reversed(records)]
    first = store.page(ExecutionFilter(), limit=2)
    assert ids(first.records) == newest[:2]
    rest = store.page(ExecutionFilter(), limit=9, cursor=first.cursor)
    assert ids(rest.records) == newest[2:]
    store.insert(new_record(id="e0"))
    assert ids(store.page(ExecutionFilter(), limit=9).records) == ["e0", *newest[:3]]


def test_bounded(forgetful_store: ExecutionStore, new_record: NewRecord) -> None:
    """The newest endings of each profile are kept; what has not ended is never forgotten."""
    store = forgetful_store
    other = ended(store, new_record(profile="other"))
    long_running = store.insert(new_record(app="bank"))
    records = [ended(store, new_record()) for _ in range(6)]
    last = store.insert(new_record())
    kept = ids(store.page(ExecutionFilter(), limit=99).records)
    expected = [last, *reversed(records[-3:]), long_running, other]
    assert kept == ids(expected)
    with pytest.raises(ExecutionUnknown):
        store.get(records[0].id)


def test_threads(store: ExecutionStore, new_record: NewRecord) -> None:
    """Of many threads that insert for one profile at once, one wins, and all agree on it."""
    records = [new_record() for _ in range(8)]
    barrier = threading.Barrier(8)
    winners: list[str] = []

    def insert(record: ExecutionRecord) -> None:
        barrier.wait()
        winners.append(store.insert(record).id)

    threads = [threading.Thread(target=insert, args=(record,)) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 8
    assert set(winners) == set(ids(store.unended()))
    assert len(store.unended()) == 1


def test_one_ending_of_many_threads(store: ExecutionStore, new_record: NewRecord) -> None:
    """Of many threads that write an ending at once, exactly one does."""
    record = new_record()
    store.insert(record)
    barrier = threading.Barrier(6)
    written: list[int] = []

    def finish(number: int) -> None:
        barrier.wait()
        try:
            store.finish(record.id, ending_document(command=f"{number}"))
        except AlreadyEnded:
            return
        written.append(number)

    threads = [threading.Thread(target=finish, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(written) == 1
    assert store.get(record.id).outcome == ending_document(command=f"{written[0]}")
