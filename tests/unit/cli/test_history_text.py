"""Stored states, differences and executions of the past, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ending_documents import ending_document
from execution_events import START, ExecutionEvents
from msgspec.structs import replace

from peaceful import Change, ItemStatus, StateDiff
from peaceful._cli.commands.executions import (
    HistoryWords,
    list_lines,
    receipt_lines,
    show_lines,
    state_in_words,
)
from peaceful._cli.commands.states import (
    diffs_document,
    diffs_lines,
    states_document,
    states_lines,
)
from peaceful._cli.terminal.text import Line, Page, plain
from peaceful._commands.status import KnownState
from peaceful._errors.json import ErrorJson
from peaceful._executions.records import (
    ExecutionRecord,
    InterruptReceipt,
    Machine,
    ProcessIdentity,
    mark_finished,
    mark_interrupted,
    mark_lost,
)
from peaceful._model.document import ItemDocument, KeptDocument
from peaceful._model.events import Phase, Snapshot
from peaceful.commands import OutcomeKind, StateDiffs, StoredState
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

TODAY = START + timedelta(hours=1)
PAGE = Page(90, UTC, TODAY)
PROCESS = ProcessIdentity(4711, 5, Machine("here"))
WORDS = HistoryWords("deploy", with_flow=False)
RUNNING = ExecutionRecord(ExecutionEvents.info, PROCESS)
SIGNAL = InterruptSignal(InterruptLevel.STOP, InterruptSource.SIGINT, START)
DOCUMENT = ending_document(
    OutcomeKind.ITEM_ERROR,
    items={
        "iam_role": ItemDocument(ItemStatus.FAILED, message="AccessDenied"),
        "s3_bucket": ItemDocument(ItemStatus.UNCHANGED),
    },
    errors={"iam_role": ErrorJson("AWS-ACCESS", "no", "mend")},
)


def shown(lines: object) -> list[str]:
    """Lines without their colours."""
    assert isinstance(lines, (list, tuple))
    typed: list[Line] = list(lines)
    return [plain(each) for each in typed]


def ended(document: KeptDocument) -> ExecutionRecord:
    """An execution that failed after an interrupt."""
    at = START + timedelta(seconds=4.2)
    return mark_finished(RUNNING, replace(document, interrupt=SIGNAL, ended_at=at))


def listed(width: int, *, limited: bool = True, now: datetime = TODAY) -> list[str]:
    """Three executions, as they are listed where there are so many columns."""
    records = [ended(DOCUMENT), RUNNING, mark_lost(RUNNING, START)]
    page = Page(width, UTC, now, limited=limited)
    return shown(list_lines(records, WORDS, page))


IN_FULL = [
    "id        started              command  profile         by    how it ended",
    (
        "00000001  2025-03-09 14:02:11  deploy   internal_dev_a  root  failed after 4.2 s: "
        "1 unchanged, 1 failed"
    ),
    "00000001  2025-03-09 14:02:11  deploy   internal_dev_a  root  running",
    "00000001  2025-03-09 14:02:11  deploy   internal_dev_a  root  killed",
]


def test_list() -> None:
    """Executions in columns: the ends of IDs, when, what, on what, by whom, how it ended."""
    assert listed(120) == IN_FULL
    assert shown(list_lines([], WORDS, PAGE)) == ["Nothing was executed yet."]


def test_list_without_limit() -> None:
    """In a file or a pipe, nothing is cut or left out."""
    assert listed(80, limited=False) == IN_FULL


def test_list_with_less_room() -> None:
    """Times of today go without their day first, then endings without what says least."""
    assert listed(95)[1] == (
        "00000001  14:02:11  deploy   internal_dev_a  root  failed after 4.2 s: "
        "1 unchanged, 1 failed"
    )
    assert listed(80)[:2] == [
        "id        started   command  profile         by    how it ended",
        "00000001  14:02:11  deploy   internal_dev_a  root  failed: 1 failed",
    ]


def test_list_in_little_room() -> None:
    """Where a line is not enough, an ending has lines of its own; it is never cut."""
    tomorrow = TODAY + timedelta(days=1)
    assert listed(75, now=tomorrow)[:3] == [
        "id        started              command  profile         by",
        "00000001  2025-03-09 14:02:11  deploy   internal_dev_a  root",
        "          failed after 4.2 s: 1 unchanged, 1 failed",
    ]
    assert listed(24)[:4] == [
        "id        started   comm",
        "00000001  14:02:11  depl",
        "  failed after 4.2 s: 1",
        "  unchanged, 1 failed",
    ]


def test_state_in_words() -> None:
    """An ending is told with its time and its counts."""
    assert state_in_words(ended(DOCUMENT)) == "failed after 4.2 s: 1 unchanged, 1 failed"
    assert state_in_words(ended(ending_document(OutcomeKind.ERROR))) == "failed after 4.2 s"
    assert state_in_words(mark_lost(RUNNING, START)) == "killed"


def test_what_was_left_out() -> None:
    """Of an execution that was limited to items, it is said, and the others are left out."""
    limited = replace(ended(DOCUMENT), only=("iam_role", "app"))
    items = {ItemStatus.FAILED: 1, ItemStatus.NOT_STARTED: 5}
    assert limited.summary is not None
    limited = replace(limited, summary=replace(limited.summary, counts=items))
    assert state_in_words(limited) == "failed after 4.2 s: 1 failed, 1 not started, 4 left out"
    assert state_in_words(limited, brief=True) == "failed: 1 failed, 1 not started"
    assert WORDS.command_on_items(limited) == "deploy --only iam_role,app"
    edit = replace(limited.info, command="states forget")
    assert WORDS.command_on_items(replace(limited, info=edit)) == "states forget iam_role,app"
    assert "left out" not in state_in_words(ended(DOCUMENT))


def test_show() -> None:
    """An execution item by item, with what interrupted it and what went wrong."""
    assert shown(show_lines(ended(DOCUMENT), None, WORDS, PAGE)) == [
        "envman deploy · internal_dev_a · 0193a5c2-7c1b-7000-8000-000000000001",
        "  started      2025-03-09 14:02:11 by root (pid 4711) on host, terminal",
        "  ended        14:02:15, failed after 4.2 s: 1 unchanged, 1 failed",
        "  interrupted  14:02:11 by Ctrl-C (stop)",
        "",
        "  ✗ iam_role   failed: AccessDenied",
        "  = s3_bucket  unchanged",
        "",
        "Error AWS-ACCESS: no",
        "  item        iam_role",
        "  what to do  mend",
    ]


def test_show_while_it_runs() -> None:
    """An execution that runs is shown with how everything stands, if it can be asked."""
    record = ExecutionRecord(
        replace(mark_interrupted(RUNNING, SIGNAL).info, dry_run=True),
        PROCESS,
        only=("iam_role", "s3_bucket"),
    )
    progress = Snapshot(
        running={"iam_role": None}, ended={"a": ExecutionEvents().ends("a")}, waiting=3
    )
    lines = shown(show_lines(record, progress, HistoryWords(), PAGE))
    assert lines[0].startswith("envman ensure --dry-run · internal_dev_a/deploy · ")
    assert lines[2:] == [
        "  dry run      it only said what it would do",
        "  only         iam_role, s3_bucket",
        "  now          interrupting",
        "  interrupted  14:02:11 by Ctrl-C (stop)",
        "  in progress  iam_role",
        "  ended        1",
        "  waiting      3",
    ]
    assert "  waiting      0" in shown(show_lines(record, Snapshot(), WORDS, PAGE))
    progress = Snapshot(
        running=dict.fromkeys("abc"),
        phases={"a": Phase.LOOKING, "b": Phase.CHANGING, "c": Phase.LOOKING},
    )
    lines = shown(show_lines(record, progress, WORDS, PAGE))
    assert lines[6:8] == ["  changing     b", "  looking      a and c"]


def test_receipt() -> None:
    """Who interrupts learns what it does, and whether somebody else was first."""
    first = InterruptReceipt(
        execution_id="0193a5c2", level=InterruptLevel.STOP, requested_at=START, changed=True
    )
    assert shown(receipt_lines(first, "envman executions show 0193a5c2", PAGE)) == [
        "Execution 0193a5c2 is interrupted: what is in progress finishes, nothing new starts.",
        "  Watch it with: envman executions show 0193a5c2",
    ]
    again = InterruptReceipt(
        execution_id="0193a5c2", level=InterruptLevel.KILL, requested_at=START, changed=False
    )
    text = " ".join(shown(receipt_lines(again, "x", PAGE)))
    assert "was interrupted already, at 14:02:11: what is in progress is abandoned" in text


DIFFS = StateDiffs(
    {
        "same": None,
        "role": StateDiff(
            (
                Change("name", "a", "b"),
                Change("policy", None, "long " * 20),
                Change("tag", "old", None),
            )
        ),
    },
    {"new": "not known yet: what it is"},
)


def test_differences() -> None:
    """Items that differ with each change, below each other; those that cannot be compared."""
    assert shown(diffs_lines("envman diff · 1 item of 3 differs", DIFFS, PAGE)) == [
        "envman diff · 1 item of 3 differs",
        "",
        "  role",
        "    name: a → b",
        "    + policy: long long long long long long long long long long long lo...",
        "    - tag: old",
        "",
        "  new: not known yet: what it is",
    ]
    assert diffs_document(DIFFS)["unknown"] == {"new": "not known yet: what it is"}
    diffs = diffs_document(DIFFS)["diffs"]
    assert isinstance(diffs, dict)
    assert diffs["same"] is None
    assert diffs["role"]["name"] == {"before": "a", "after": "b"}


def known(*, since: datetime | None = None, in_flow: bool = True) -> KnownState:
    """A state that is stored."""
    stored = StoredState("texts.Text", 1, {"content": "x"}, None, START, since)
    return KnownState(stored, "content=x", in_flow=in_flow)


def stopped(partial: str) -> KnownState:
    """A partial state of an item that stopped at a safe point."""
    stored = StoredState("texts.Text", 1, {"content": "h"}, None, START, START, stopped=True)
    return KnownState(stored, "in other words", in_flow=True, stopped_at=partial)


def test_states_without_limit() -> None:
    """In a file or a pipe, a state is not cut; on a terminal, it is."""
    stored = StoredState("texts.Text", 1, {}, None, START, None)
    states = {"a": KnownState(stored, "x" * 500, in_flow=True)}
    page = Page(80, UTC, TODAY, limited=False)
    assert shown(states_lines("title", states, "", page))[-1] == f"  a  {'x' * 500}"
    assert len(shown(states_lines("title", states, "", Page(80, UTC, TODAY)))[-1]) == 80


def test_states() -> None:
    """Each item with its state in a few words; what is not known is told of."""
    states = {
        "a": known(),
        "bb": known(since=START),
        "half": stopped("content=h"),
        "gone": known(in_flow=False),
        "new": KnownState(None, "not discovered yet", in_flow=True),
        "old": replace(known(), note="upgraded from version 1 to 2"),
    }
    assert shown(states_lines("title", states, "envman discover", PAGE)) == [
        "title",
        "",
        "  a     content=x",
        "  bb    in progress since 14:02:11, not known what it is now",
        "  half  in progress since 14:02:11, stopped at: content=h",
        "  gone  content=x (no longer in the flow)",
        "  new   not discovered yet",
        "  old   content=x",
        "",
        "  1 state is not known. Find out with: envman discover",
    ]
    assert states_document(states) == {
        "states": {
            "a": {"content": "x"},
            "bb": {"content": "x"},
            "half": {"content": "h"},
            "gone": {"content": "x"},
            "new": None,
            "old": {"content": "x"},
        },
        "in_progress_since": dict.fromkeys(("bb", "half"), "2025-03-09T14:02:11Z"),
        "stopped": ["half"],
        "not_in_flow": ["gone"],
        "notes": {"old": "upgraded from version 1 to 2"},
    }
    assert shown(states_lines("title", {}, "", PAGE))[-1] == "  The flow has no items."
