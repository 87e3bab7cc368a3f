"""An execution of the past, or one that runs: who, when, how it ended, item by item."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from peaceful.cli._errors import told_lines
from peaceful.cli._history_words import HistoryWords, how_it_stands
from peaceful.cli._lines import Line, Style, line
from peaceful.cli._outcome_text import message_lines, status_words
from peaceful.cli._page import Page
from peaceful.cli._result import Result
from peaceful.cli._wrapping import table
from peaceful.errors import AlreadyEnded, ExecutorUnreachable
from peaceful.executions import ExecutionRecord
from peaceful.model import Snapshot, to_json
from peaceful.present import (
    count,
    date_and_time,
    interrupted_how,
    moment,
    name_list,
    one_line,
    shortened,
)

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation
    from peaceful.executions import Executions


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
