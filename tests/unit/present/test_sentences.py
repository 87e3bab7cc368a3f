"""What an interrupt does and how a command ended, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._model.outcome import Timings, outcome_kind
from peaceful._present.summary import (
    STATUS_ORDER,
    Summary,
    SummaryRow,
    counts_in_words,
    interrupt_sentence,
    interrupted_how,
    level_label,
    next_press_sentence,
    summarise,
)
from peaceful.commands import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    ExecutionInterrupted,
    ItemError,
    ItemId,
    ItemResult,
    OutcomeKind,
)
from peaceful.errors import ItemFailure
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

STOP, CANCEL, KILL = InterruptLevel
(
    DONE, CREATE, CHANGE, REPLACE, REMOVE, UNCHANGED, UNKNOWN, FAILED, STOPPED, ABANDONED,
    NOT_STARTED,
) = ItemStatus  # fmt: skip
START = datetime(2025, 3, 9, 14, 2, 11, tzinfo=UTC)
SIGNAL = InterruptSignal(STOP, InterruptSource.SIGINT, START)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "Nothing is in progress; nothing new will start."),
        (["iam_role"], "iam_role is finishing; nothing new will start."),
        (
            ["app_download", "iam_role"],
            "app_download and iam_role are finishing; nothing new will start.",
        ),
        (list("abcdefg"), "a, b, c and 4 more are finishing; nothing new will start."),
    ],
)
def test_what_a_first_interrupt_does(names: list[str], sentence: str) -> None:
    """The first interrupt says what finishes, and that nothing new starts."""
    assert interrupt_sentence(STOP, names) == sentence


@pytest.mark.parametrize(
    ("names", "looking", "sentence"),
    [
        ("a", "a", "a is only being looked at; nothing is changed."),
        ("ab", "ab", "a and b are only being looked at; nothing is changed."),
        (
            "ab",
            "b",
            "a is finishing its change; 1 is only being looked at; nothing new will start.",
        ),
        (
            "abcde",
            "ade",
            (
                "b and c are finishing their change; 3 are only being looked at; "
                "nothing new will start."
            ),
        ),
    ],
)
def test_what_a_first_interrupt_does_to_what_is_looked_at(
    names: str, looking: str, sentence: str
) -> None:
    """Only what is being changed finishes its change; the rest is told apart, and counted."""
    assert interrupt_sentence(STOP, list(names), list(looking)) == sentence
    assert interrupt_sentence(CANCEL, list(names), list(looking)) == (
        interrupt_sentence(CANCEL, list(names))
    )


@pytest.mark.parametrize(
    ("level", "names", "sentence"),
    [
        (CANCEL, "a", "a is asked to stop now; its own clean-up still runs."),
        (CANCEL, "ab", "a and b are asked to stop now; their own clean-up still runs."),
        (CANCEL, "", "Nothing is in progress; nothing new will start."),
        (KILL, "a", "a is abandoned; its child processes are killed."),
        (KILL, "ab", "a and b are abandoned; their child processes are killed."),
        (KILL, "", "Nothing is in progress; nothing new will start."),
    ],
)
def test_what_a_higher_level_does(level: InterruptLevel, names: str, sentence: str) -> None:
    """Higher levels say what happens to what is in progress."""
    assert interrupt_sentence(level, list(names)) == sentence


@pytest.mark.parametrize(
    ("level", "in_progress", "sentence"),
    [
        (STOP, 2, "Ctrl-C again asks them to stop now (their own clean-up still runs)."),
        (STOP, 1, "Ctrl-C again asks it to stop now (its own clean-up still runs)."),
        (CANCEL, 2, "Ctrl-C again abandons them (their child processes are killed)."),
        (CANCEL, 1, "Ctrl-C again abandons it (its child processes are killed)."),
        (STOP, 0, ""),
        (KILL, 2, ""),
    ],
)
def test_what_the_next_press_would_do(
    level: InterruptLevel, in_progress: int, sentence: str
) -> None:
    """Each level says what the next press would do, where it would do something."""
    assert next_press_sentence(level, in_progress) == sentence


def test_levels_have_labels_and_one_above() -> None:
    """The ladder has three steps, and a word for the button of each."""
    assert [level_label(level) for level in InterruptLevel] == ["Interrupt", "Stop now", "Kill"]
    assert [level.above for level in InterruptLevel] == [CANCEL, KILL, None]


@pytest.mark.parametrize(
    ("source", "reason", "words"),
    [
        (InterruptSource.SIGINT, None, "by Ctrl-C"),
        (InterruptSource.SIGTERM, "", "by SIGTERM"),
        (InterruptSource.SIGHUP, None, "by SIGHUP"),
        (InterruptSource.WEB, "wrong version", "from a web page: “wrong version”"),
        (InterruptSource.API, None, "through the API"),
        (InterruptSource.COMMAND, "\x1b[2J\n", "by the interrupt command"),
        (InterruptSource.COMMAND, "a\n\x1b[2Jb", "by the interrupt command: “a b”"),
    ],
)
def test_where_an_interrupt_came_from(
    source: InterruptSource, reason: str | None, words: str
) -> None:
    """An interrupt says its door, and its reason made safe for one line."""
    assert interrupted_how(InterruptSignal(STOP, source, START, reason)) == words


STATUSES: dict[ItemId, ItemStatus] = {
    "app_download": DONE,
    "iam_policy": DONE,
    "iam_role": DONE,
    "instance_profile": NOT_STARTED,
    "s3_bucket": UNCHANGED,
    "s3_object": NOT_STARTED,
}


def outcomes(
    items: Mapping[ItemId, ItemStatus], interrupt: InterruptSignal | None
) -> list[CmdOutcome[object]]:
    """One outcome of each kind."""
    ends = (
        ("ensure",),
        {item: ItemResult(status) for item, status in items.items()},
        interrupt,
        Timings(START, START + timedelta(seconds=4.2)),
    )
    return [
        Complete(*ends, value=1),
        BlockInterrupted(*ends, blocks_not_processed=(), value=None),
        ExecutionInterrupted(*ends, blocks_not_processed=(), value=None),
        ItemError(*ends, blocks_not_processed=(), value=None, errors={"x": ItemFailure("x")}),
    ]


def summary_of(outcome: CmdOutcome[object]) -> Summary:
    """The summary of what a command returned."""
    statuses = {item: result.status for item, result in outcome.items.items()}
    kind, seconds = outcome_kind(outcome), outcome.timings.seconds
    return summarise(kind, statuses, seconds=seconds, interrupt=outcome.interrupt)


def test_the_headline_says_how_it_ended_and_when() -> None:
    """An ending is a word and a time; a failure tells that it was interrupted too."""
    headlines = [summary_of(outcome).headline for outcome in outcomes({}, None)]
    assert headlines == [
        "complete in 4.2 s",
        "interrupted after 4.2 s",
        "interrupted after 4.2 s",
        "failed after 4.2 s",
    ]
    assert summarise(OutcomeKind.ERROR, {}, seconds=65).headline == "failed after 1 min 05 s"
    interrupted = summary_of(outcomes({}, SIGNAL)[3])
    assert interrupted.headline == "failed after 4.2 s, interrupted too"


def test_an_interrupt_that_changed_nothing_is_remarked_upon() -> None:
    """Only where all was done in spite of an interrupt is there more to say."""
    remarks = [summary_of(outcome).remark for outcome in outcomes(STATUSES, SIGNAL)]
    assert remarks == ["The interrupt changed nothing: everything was done.", "", "", ""]
    assert summary_of(outcomes(STATUSES, None)[0]).remark == ""


def test_the_rows_count_the_items_by_ending() -> None:
    """Each ending that happened has a row with its items in the flow's order."""
    summary = summary_of(outcomes(STATUSES, SIGNAL)[1])
    assert [(row.word, row.count, row.items) for row in summary.rows] == [
        ("done", 3, ("app_download", "iam_policy", "iam_role")),
        ("unchanged", 1, ("s3_bucket",)),
        ("not started", 2, ("instance_profile", "s3_object")),
    ]
    assert summary.total == 6


@pytest.mark.parametrize(
    ("statuses", "reached_goal", "sentence"),
    [
        (
            STATUSES,
            True,
            "4 of 6 are as they should be. instance_profile and s3_object were not started.",
        ),
        (STATUSES, False, "4 of 6 are done. instance_profile and s3_object were not started."),
        ({"a": DONE, "b": FAILED}, True, "1 of 2 is as it should be. b failed."),
        (
            {"a": ABANDONED, "b": FAILED, "c": FAILED},
            False,
            "0 of 3 are done. b and c failed. a was abandoned.",
        ),
        ({"a": UNCHANGED}, True, "1 of 1 is as it should be."),
        ({}, True, ""),
    ],
)
def test_the_whole_in_sentences(
    statuses: dict[ItemId, ItemStatus],
    reached_goal: bool,
    sentence: str,
) -> None:
    """The sentences say how many are well and name those that are not."""
    summary = summarise(OutcomeKind.BLOCK_INTERRUPTED, statuses, seconds=1)
    assert summary.sentence(reached_goal=reached_goal) == sentence


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(ItemStatus).filter(lambda each: each is not DONE),
    )
)
def test_a_dry_run_never_says_that_anything_was_done(statuses: dict[ItemId, ItemStatus]) -> None:
    """Its sentences say what would be done, and its counts have the word before the number."""
    summary = summarise(OutcomeKind.COMPLETE, statuses, seconds=1, interrupt=SIGNAL, dry_run=True)
    counts = counts_in_words({row.status: row.count for row in summary.rows})
    for text in (summary.sentence(reached_goal=False), summary.remark, counts):
        assert " done" not in text
    for row in summary.rows:
        assert not row.word.startswith("would") or f"{row.word} {row.count}" in counts


def test_a_dry_run_in_sentences() -> None:
    """What stays as it is comes first, then what would be done to which items."""
    statuses = {"a": CREATE, "b": CREATE, "c": CHANGE, "d": REPLACE, "e": REMOVE, "f": UNKNOWN}
    summary = summarise(OutcomeKind.COMPLETE, {**statuses, "g": UNCHANGED}, seconds=1, dry_run=True)
    assert summary.sentence(reached_goal=False) == (
        "1 of 7 would stay as it is. It would create a and b. It would change c. "
        "It would replace d. It would remove e. What it would do to f is unknown."
    )


def test_what_discover_does_not_know_yet() -> None:
    """It is not said to be as it should be, nor what would be done to it."""
    summary = summarise(OutcomeKind.COMPLETE, {"a": UNCHANGED, "f": UNKNOWN}, seconds=1)
    assert summary.sentence(reached_goal=False) == "1 of 2 is done. f is not known yet."


def test_a_summary_of_nothing() -> None:
    """Where there are no items, there is nothing to say of them."""
    summary = summarise(OutcomeKind.COMPLETE, {}, seconds=0)
    assert (summary.rows, summary.total, summary.sentence(reached_goal=True)) == ((), 0, "")


@given(
    st.dictionaries(st.text("abc_漢", min_size=1, max_size=30), st.sampled_from(ItemStatus)),
)
def test_a_summary_holds_every_item_once(statuses: dict[ItemId, ItemStatus]) -> None:
    """Rows come in one order, and hold each item once."""
    summary = summarise(OutcomeKind.COMPLETE, statuses, seconds=1)
    assert summary.rows == tuple(
        SummaryRow(status, items)
        for status in STATUS_ORDER
        if (items := tuple(item for item in statuses if statuses[item] is status))
    )
    assert summary.total == len(statuses)


def test_ten_thousand_items_end_in_a_few_lines() -> None:
    """However many items there are, the sentences stay short."""
    statuses = {f"item_{number}": STATUS_ORDER[number % 5] for number in range(10_000)}
    summary = summarise(OutcomeKind.ITEM_ERROR, statuses, seconds=1)
    assert len(summary.sentence(reached_goal=True)) < 400
