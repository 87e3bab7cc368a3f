"""What was executed, when, by whom, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from peaceful.cli._errors import told_lines
from peaceful.cli._lines import Line, Style, line
from peaceful.cli._outcome_text import message_lines
from peaceful.cli._page import Page
from peaceful.cli._result import Result
from peaceful.cli._wrapping import clipped, table
from peaceful.errors import ExecutionEnded, ExecutorUnreachable
from peaceful.executions import ExecutionRecord
from peaceful.model import ExecutionState, ItemId, ItemStatus, JsonValue
from peaceful.present import (
    STATUS_ORDER,
    count,
    date_and_time,
    display_width,
    duration,
    interrupted_how,
    moment,
    name_list,
    one_line,
    padded,
    short_ids,
    shortened,
    status_word,
)

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation
    from peaceful.executions import Executions

_STYLES: Mapping[ExecutionState, Style] = {
    ExecutionState.COMPLETE: Style.GOOD,
    ExecutionState.INTERRUPTED: Style.CUT,
    ExecutionState.INTERRUPTING: Style.CUT,
    ExecutionState.FAILED: Style.BAD,
    ExecutionState.LOST: Style.BAD,
}


@dataclass(frozen=True, slots=True)
class HistoryWords:
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


def executions_list(invocation: Invocation, limit: int) -> Result:
    """The newest executions.

    Args:
        invocation: the run of the command line; its profile and flow, where given, limit the list.
        limit: how many at most.
    """
    options = invocation.options
    executions = invocation.contexts().executions
    page = executions.list(profile=options.profile, flow=options.flow, limit=limit)
    words = HistoryWords.of(invocation)
    return Result(
        {"executions": [record.to_json() for record in page.records]},
        lambda shown_on: list_lines(page.records, words, shown_on),
    )


def list_lines(
    records: Sequence[ExecutionRecord], words: HistoryWords, page: Page
) -> Sequence[Line]:
    """Executions as a table.

    Args:
        records: newest first.
        words: how the application calls things.
        page: where they are shown.
    """
    if not records:
        return [line("Nothing was executed yet.")]
    ids = short_ids(record.id for record in records)
    rows = [
        (
            ids[record.id],
            date_and_time(record.info.started_at, page.zone),
            words.command(record),
            words.place(record),
            how_it_stands(record),
            one_line(record.info.started_by.user),
        )
        for record in records
    ]
    head = ("id", "started", "command", "profile", "ended", "by")
    widths = [max(display_width(row[place]) for row in (head, *rows)) for place in range(len(head))]
    too_wide = sum(widths) + 2 * len(widths) - 2 - page.width
    if too_wide > 0:
        # The longest cells are those that can best be shortened.
        ended = head.index("ended")
        widths[ended] = max(_ENDED, widths[ended] - too_wide)
    lines = [line((_row(head, widths), Style.FAINT))]
    lines += [
        line((_row(row, widths), _STYLES.get(record.state, Style.PLAIN)))
        for row, record in zip(rows, records, strict=True)
    ]
    return [clipped(each, page.width) for each in lines]


_ENDED: Final = 20
"""Columns that are left at least to how an execution ended."""


def executions_show(invocation: Invocation, execution_id: str) -> Result:
    """An execution, item by item.

    Args:
        invocation: the run of the command line.
        execution_id: its ID, or the beginning of it.

    Raises:
        ExecutionUnknown: none has it, or several begin with it.
    """
    executions = invocation.contexts().executions
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

    return Result({**record.to_json(), "progress": progress}, lines)


def show_lines(
    record: ExecutionRecord, progress: JsonValue, words: HistoryWords, page: Page
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
    lines = [line((shortened(title, page.width), Style.STRONG))]
    lines += [line(row) for row in table(_facts(record, page), page.width)]
    if isinstance(progress, Mapping):
        lines += _progress_lines(progress, page)
    outcome = record.outcome or {}
    items = _items(outcome)
    if items:
        lines += [line(""), *message_lines(items, page)]
    errors = outcome.get("errors")
    for item, error in errors.items() if isinstance(errors, Mapping) else ():
        if isinstance(error, Mapping):
            facts = (("item", item), ("what to do", str(error.get("help") or "")))
            rows = [(label, text) for label, text in facts if text]
            code, message = str(error.get("code")), str(error.get("message"))
            lines += [line(""), *told_lines(code, message, rows, page.width)]
    return lines


def how_it_stands(record: ExecutionRecord) -> str:
    """How an execution ended, or that it has not, in a few words."""
    info = record.info
    told = ""
    if record.summary is not None:
        counts = record.summary.counts
        known = [status for status in STATUS_ORDER if counts.get(status)]
        told = ", ".join(f"{counts[status]:,} {status_word(status)}" for status in known)
    took = ""
    if info.ended_at is not None and info.state is not ExecutionState.LOST:
        took = f" in {duration((info.ended_at - info.started_at).total_seconds())}"
    word = "killed" if info.state is ExecutionState.LOST else str(info.state)
    return f"{word}{took}{f': {told}' if told else ''}"


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    fitting = (
        padded(shortened(cell, width), width) for cell, width in zip(cells, widths, strict=True)
    )
    return "  ".join(fitting).rstrip()


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


def _items(outcome: Mapping[str, JsonValue]) -> list[tuple[ItemId, ItemStatus, str]]:
    items = outcome.get("items")
    rows: list[tuple[ItemId, ItemStatus, str]] = []
    for item, each in items.items() if isinstance(items, Mapping) else ():
        if isinstance(each, Mapping) and each.get("status") in set(ItemStatus):
            status = ItemStatus(str(each["status"]))
            message = one_line(str(each.get("message") or ""))
            rows.append((item, status, f"{status_word(status)}{f': {message}' if message else ''}"))
    return rows


def _progress(executions: Executions, record: ExecutionRecord) -> JsonValue:
    """How everything stands in a running execution; none where it cannot be asked."""
    try:
        return asyncio.run(executions.snapshot(record.id))
    except (ExecutionEnded, ExecutorUnreachable):
        return None


def _progress_lines(progress: Mapping[str, JsonValue], page: Page) -> list[Line]:
    running, ended, waiting = (progress.get(name) for name in ("running", "ended", "waiting"))
    rows: list[tuple[str, str]] = []
    if isinstance(running, Mapping) and running:
        rows.append(("in progress", name_list(list(running), 10)))
    if isinstance(ended, Mapping):
        rows.append(("ended", f"{len(ended):,}"))
    rows.append(("waiting", f"{waiting:,}" if isinstance(waiting, int) else "?"))
    return [line(row) for row in table(rows, page.width)]
