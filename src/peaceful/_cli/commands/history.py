"""The history of executions, in words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from peaceful._cli.program.errors import told_lines
from peaceful._cli.program.result import Result
from peaceful._cli.progress.outcome_text import message_lines, status_words
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._cli.terminal.wrapping import clipped, table, wrapped
from peaceful._errors.running import AlreadyEnded, ExecutorUnreachable
from peaceful._executions.records import ExecutionRecord
from peaceful._model.codec import to_json
from peaceful._model.execution import ExecutionState
from peaceful._model.field_types import ExecutionId
from peaceful._model.outcome import ItemStatus
from peaceful._model.snapshot import Snapshot
from peaceful._present.numbers import date_and_time, duration, moment
from peaceful._present.summary import STATUS_ORDER, counts_in_words, interrupted_how
from peaceful._present.text import (
    count,
    display_width,
    name_list,
    one_line,
    padded,
    short_ids,
    shortened,
)

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation
    from peaceful._executions.registry import Executions


class HistoryWords(msgspec.Struct, frozen=True):
    """How an application calls things.

    Attributes:
        ensure_name: what it calls `ensure`.
        with_flow: whether it has several flows, so that they are named.
    """

    ensure_name: str = "ensure"
    with_flow: bool = True

    @classmethod
    def of(cls, invocation: Invocation) -> HistoryWords:
        """How the application of this run calls things."""
        return cls(invocation.app.ensure_name, len(invocation.app.flows) > 1)

    def command(self, record: ExecutionRecord) -> str:
        """The command, as it is typed."""
        name = record.info.command
        word = self.ensure_name if name == "ensure" else name
        return f"{word} --dry-run" if record.dry_run else word

    def place(self, record: ExecutionRecord) -> str:
        """What it was run on."""
        info = record.info
        return f"{info.profile}/{info.flow}" if self.with_flow else info.profile


def how_it_stands(record: ExecutionRecord, *, brief: bool = False) -> str:
    """How an execution ended, or that it has not, in a few words.

    Args:
        record: the execution.
        brief: whether to leave out how long it took, and of the counts what says least: what was
            unchanged; and where it did not complete, what was done.
    """
    info = record.info
    word = "killed" if info.state is ExecutionState.LOST else str(info.state)
    counts: Mapping[ItemStatus, int] = {} if record.summary is None else record.summary.counts
    known = [status for status in STATUS_ORDER if counts.get(status)]
    if brief:
        complete = info.state is ExecutionState.COMPLETE
        said = [ItemStatus.UNCHANGED] if complete else [ItemStatus.UNCHANGED, ItemStatus.DONE]
        known = [status for status in known if status not in said] or known
    told = counts_in_words({status: counts[status] for status in known})
    took = ""
    if not brief and info.ended_at is not None and info.state is not ExecutionState.LOST:
        after = "in" if info.state is ExecutionState.COMPLETE else "after"
        took = f" {after} {duration((info.ended_at - info.started_at).total_seconds())}"
    return f"{word}{took}{f': {told}' if told else ''}"


def executions_show(invocation: Invocation, execution_id: str) -> Result:
    """An execution, item by item.

    Args:
        invocation: the run of the command line.
        execution_id: its ID, or the beginning of it.

    Raises:
        ExecutionUnknown: none has it, or several begin with it.
    """
    executions = invocation.executions()
    record = executions.get(execution_id)
    progress = None if record.state.ended else _progress(executions, record)
    survivors = [
        child
        for child in executions.survivors(record.info.profile)
        if child.execution_id == record.id
    ]
    stop = invocation.line("interrupt", record.id)
    words = HistoryWords.of(invocation)

    def lines(page: Page) -> Sequence[Line]:
        shown = show_lines(record, progress, words, page)
        if survivors:
            names = name_list([str(child.pid) for child in survivors], 5)
            still = count(len(survivors), "child process", "child processes")
            shown = [*shown, line(""), line(f"  {still} of it still run: pid {names}")]
        if record.interruptible:
            shown = [*shown, line(""), line(f"  Stop it with: {stop}")]
        return shown

    document = {**to_json(record.document()), "progress": to_json(progress)}
    return Result(document, lines)


def show_lines(
    record: ExecutionRecord, progress: Snapshot | None, words: HistoryWords, page: Page
) -> list[Line]:
    """An execution: who, when, how it ended; its items; what went wrong.

    Args:
        record: the execution.
        progress: how everything stands, where it runs and could be asked; else none.
        words: how the application calls things.
        page: where it is shown.
    """
    info = record.info
    title = f"{info.app} {words.command(record)} · {words.place(record)} · {info.id}"
    lines = [line((shortened(title, page.room), Style.STRONG))]
    facts = _facts(record, page)
    if progress is not None:
        facts += _progress_facts(progress)
    lines += [line(row) for row in table(facts, page.width)]
    outcome = record.outcome
    if outcome is None:
        return lines
    if outcome.items:
        items = [
            (item, each.status, status_words(each.status, each.message))
            for item, each in outcome.items.items()
        ]
        lines += [line(""), *message_lines(items, page)]
    for item, error in outcome.errors.items():
        told = (("item", item), ("what to do", error.help))
        rows = [(label, text) for label, text in told if text]
        lines += [line(""), *told_lines(error.code, error.message, rows, page.width)]
    return lines


def _facts(record: ExecutionRecord, page: Page) -> list[tuple[str, str]]:
    info = record.info
    by = info.started_by
    started = date_and_time(info.started_at, page.zone)
    rows = [("started", f"{started} by {one_line(str(by))} on {one_line(by.host)}, {by.door}")]
    if record.dry_run:
        rows.append(("dry run", "it only said what it would do"))
    if record.only:
        rows.append(("only", ", ".join(record.only)))
    ended = "" if info.ended_at is None else f"{moment(info.ended_at, page.zone, page.now)}, "
    rows.append(("ended" if info.state.ended else "now", f"{ended}{how_it_stands(record)}"))
    if info.interrupt is not None:
        at = moment(info.interrupt.requested_at, page.zone, page.now)
        rows.append(
            ("interrupted", f"{at} {interrupted_how(info.interrupt)} ({info.interrupt.level})")
        )
    return rows


def _progress(executions: Executions, record: ExecutionRecord) -> Snapshot | None:
    """How everything stands in a running execution; none where it cannot be asked."""
    try:
        return asyncio.run(executions.snapshot(record.id))
    except (AlreadyEnded, ExecutorUnreachable):
        return None


def _progress_facts(progress: Snapshot) -> list[tuple[str, str]]:
    running = [("in progress", name_list(list(progress.running), 10))] if progress.running else []
    return [
        *running,
        ("ended", f"{len(progress.ended):,}"),
        ("waiting", f"{progress.waiting:,}"),
    ]


_STYLES: Final[Mapping[ExecutionState, Style]] = {
    ExecutionState.COMPLETE: Style.GOOD,
    ExecutionState.INTERRUPTED: Style.CUT,
    ExecutionState.INTERRUPTING: Style.CUT,
    ExecutionState.FAILED: Style.BAD,
    ExecutionState.LOST: Style.BAD,
}

_HEAD: Final = ("id", "started", "command", "profile", "by", "how it ended")

_NEIGHBOURS: Final = 50
"""How many further executions are looked at: those of about the same time have similar IDs."""

_Cells = tuple[str, ...]


def executions_list(invocation: Invocation, limit: int) -> Result:
    """The newest executions.

    Args:
        invocation: the run of the command line; its profile and flow, where given, limit the list.
        limit: how many at most.
    """
    options = invocation.options
    executions = invocation.executions()
    page = executions.list(profile=options.profile, flow=options.flow, limit=limit)
    # IDs are short, but stand for no execution that is not in this list.
    others = executions.list(limit=limit + _NEIGHBOURS).records
    ids = short_ids(record.id for record in (*page.records, *others))
    words = HistoryWords.of(invocation)
    return Result(
        {"executions": [to_json(record.document()) for record in page.records]},
        lambda shown_on: list_lines(page.records, ids, words, shown_on),
    )


def list_lines(
    records: Sequence[ExecutionRecord],
    ids: Mapping[ExecutionId, str],
    words: HistoryWords,
    page: Page,
) -> Sequence[Line]:
    """Executions as a table.

    Where there is not room for all in one line each, times of today go without their day, and
    endings without what matters least; where that is not enough, endings get lines of their own.

    Args:
        records: newest first.
        ids: what is shown of their IDs.
        words: how the application calls things.
        page: where they are shown.
    """
    if not records:
        return [line("Nothing was executed yet.")]
    styles = [_STYLES.get(record.state, Style.PLAIN) for record in records]
    head, *rows = _best_fitting(records, ids, words, page)
    shown = [line((head, Style.FAINT))]
    for row, style in zip(rows, styles, strict=True):
        shown += [line((part, style)) for part in row.split("\n")]
    return [clipped(each, page.room) for each in shown]


def _best_fitting(
    records: Sequence[ExecutionRecord],
    ids: Mapping[ExecutionId, str],
    words: HistoryWords,
    page: Page,
) -> Sequence[str]:
    """The head and a row for each execution, in the fullest form that there is room for."""

    def cells(started: Callable[[ExecutionRecord], str], *, brief: bool) -> list[_Cells]:
        return [
            (
                ids[record.id],
                started(record),
                words.command(record),
                words.place(record),
                one_line(record.info.started_by.user),
                how_it_stands(record, brief=brief),
            )
            for record in records
        ]

    def in_full(record: ExecutionRecord) -> str:
        return date_and_time(record.info.started_at, page.zone)

    def in_short(record: ExecutionRecord) -> str:
        return moment(record.info.started_at, page.zone, page.now)

    for rows in (
        cells(in_full, brief=False),
        cells(in_short, brief=False),
        cells(in_short, brief=True),
    ):
        table = _table([_HEAD, *rows])
        if max(display_width(row) for row in table) <= page.room:
            return table
    return _stacked(cells(in_short, brief=False), page.room)


def _table(rows: Sequence[_Cells]) -> list[str]:
    columns = zip(*rows, strict=True)
    widths = [max(display_width(cell) for cell in column) for column in columns]
    return [
        "  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _stacked(rows: Sequence[_Cells], room: int) -> list[str]:
    """Each with its ending in a line of its own below it."""
    head, *firsts = _table([_HEAD[:-1], *(row[:-1] for row in rows)])
    endings = [row[-1] for row in rows]
    indent = max(display_width(row[0]) for row in rows) + 2
    if max(display_width(ending) for ending in endings) > room - indent:
        indent = 2
    shown = [head]
    for first, ending in zip(firsts, endings, strict=True):
        parts = wrapped(ending, room - indent)
        shown.append("\n".join([first, *(f"{' ' * indent}{part}" for part in parts)]))
    return shown
