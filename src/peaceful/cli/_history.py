"""An execution of the past, or one that runs: who, when, how it ended, item by item."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
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
from peaceful.model import ItemId, ItemStatus, JsonValue
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
    lines = [line((shortened(title, page.room), Style.STRONG))]
    facts = _facts(record, page)
    if isinstance(progress, Mapping):
        facts += _progress_facts(progress)
    lines += [line(row) for row in table(facts, page.width)]
    outcome = record.outcome or {}
    items = _items(outcome)
    if items:
        lines += [line(""), *message_lines(items, page)]
    errors = outcome.get("errors")
    for item, error in errors.items() if isinstance(errors, Mapping) else ():
        if isinstance(error, Mapping):
            told = (("item", item), ("what to do", str(error.get("help") or "")))
            rows = [(label, text) for label, text in told if text]
            code, message = str(error.get("code")), str(error.get("message"))
            lines += [line(""), *told_lines(code, message, rows, page.width)]
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


def _items(outcome: Mapping[str, JsonValue]) -> list[tuple[ItemId, ItemStatus, str]]:
    items = outcome.get("items")
    rows: list[tuple[ItemId, ItemStatus, str]] = []
    for item, each in items.items() if isinstance(items, Mapping) else ():
        if isinstance(each, Mapping) and each.get("status") in set(ItemStatus):
            status = ItemStatus(str(each["status"]))
            rows.append((item, status, status_words(status, str(each.get("message") or ""))))
    return rows


def _progress(executions: Executions, record: ExecutionRecord) -> JsonValue:
    """How everything stands in a running execution; none where it cannot be asked."""
    try:
        return asyncio.run(executions.snapshot(record.id))
    except (AlreadyEnded, ExecutorUnreachable):
        return None


def _progress_facts(progress: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    running, ended, waiting = (progress.get(name) for name in ("running", "ended", "waiting"))
    rows: list[tuple[str, str]] = []
    if isinstance(running, Mapping) and running:
        rows.append(("in progress", name_list(list(running), 10)))
    if isinstance(ended, Mapping):
        rows.append(("ended", f"{len(ended):,}"))
    rows.append(("waiting", f"{waiting:,}" if isinstance(waiting, int) else "?"))
    return rows
