"""The history of executions, and interrupting one from another terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from peaceful._cli.program.errors import lines_of_parts
from peaceful._cli.program.result import Result
from peaceful._cli.progress.ending import message_lines, status_words
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._cli.terminal.wrapping import clipped, table, wrapped
from peaceful._errors.running import AlreadyEnded, ExecutorUnreachable, NothingRunning
from peaceful._errors.usage import UsageError
from peaceful._executions.records import ExecutionRecord, InterruptReceipt
from peaceful._model.codec import ExecutionId, to_json
from peaceful._model.events import Phase, Snapshot
from peaceful._model.execution import Answerer, Approval, ExecutionInfo, ExecutionState, Reply
from peaceful._model.interrupt import InterruptLevel, InterruptSource
from peaceful._model.outcome import ItemStatus
from peaceful._present.numbers import date_and_time, duration, moment
from peaceful._present.summary import (
    STATUS_ORDER,
    WAITING_FOR_APPROVAL,
    counts_in_words,
    interrupted_how,
)
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


_STYLES: Final[Mapping[ExecutionState, Style]] = {
    ExecutionState.COMPLETE: Style.GOOD,
    ExecutionState.INTERRUPTED: Style.CUT,
    ExecutionState.INTERRUPTING: Style.CUT,
    ExecutionState.FAILED: Style.BAD,
    ExecutionState.LOST: Style.BAD,
}

_HEAD: Final = ("id", "started", "command", "profile", "by", "how it ended")

_NEIGHBOURS: Final = 50
"""The number of older executions that must differ in their IDs: near ones are similar."""

_MEANS = {
    InterruptLevel.STOP: "what is in progress finishes, nothing new starts",
    InterruptLevel.CANCEL: "what is in progress is asked to stop, then cancelled",
    InterruptLevel.KILL: "what is in progress is abandoned, its child processes are killed",
}


class HistoryWords(msgspec.Struct, frozen=True):
    """The name of an application's `ensure`, and whether to name flows."""

    ensure_name: str = "ensure"
    with_flow: bool = True

    @classmethod
    def of(cls, invocation: Invocation) -> HistoryWords:
        return cls(invocation.app.ensure_name, len(invocation.app.flows) > 1)

    def command(self, record: ExecutionRecord) -> str:
        """Return the command, as it is typed."""
        name = record.info.command
        word = self.ensure_name if name == "ensure" else name
        # A plan is always one.
        return f"{word} --dry-run" if record.info.dry_run and name != "plan" else word

    def place(self, record: ExecutionRecord) -> str:
        """Return the profile, and the flow if flows are named."""
        info = record.info
        return f"{info.profile}/{info.flow}" if self.with_flow and info.flow else info.profile


def state_in_words(record: ExecutionRecord, *, brief: bool = False) -> str:
    """Return the state of an execution in a few words.

    `brief` leaves out the duration and the least important counts: what was unchanged; and if it
    did not complete, what was done.
    """
    info = record.info
    word = "killed" if info.state is ExecutionState.LOST else str(info.state)
    counts: Mapping[ItemStatus, int] = {} if record.summary is None else record.summary.counts
    known = [status for status in STATUS_ORDER if counts.get(status)]
    if brief:
        complete = info.state is ExecutionState.COMPLETE
        said = [ItemStatus.UNCHANGED] if complete else [ItemStatus.UNCHANGED, ItemStatus.DONE]
        known = [status for status in known if status not in said] or known
    in_words = counts_in_words({status: counts[status] for status in known})
    took = ""
    if not brief and info.ended_at is not None and info.state is not ExecutionState.LOST:
        after = "in" if info.state is ExecutionState.COMPLETE else "after"
        took = f" {after} {duration((info.ended_at - info.started_at).total_seconds())}"
    return f"{word}{took}{f': {in_words}' if in_words else ''}"


def executions_show(invocation: Invocation, execution_id: str) -> Result:
    """Show an execution, item by item, by its ID or the beginning of it."""
    executions = invocation.executions()
    record = executions.get(execution_id)
    progress = None if record.state.ended else _progress(executions, record)
    children = executions.survivors(record.info.profile)
    survivors = [child for child in children if child.execution_id == record.id]
    stop = invocation.line("interrupt", record.id)
    words = HistoryWords.of(invocation)

    def lines(page: Page) -> Sequence[Line]:
        shown = show_lines(record, progress, words, page)
        if survivors:
            names = name_list([str(child.pid) for child in survivors], 5)
            still = count(len(survivors), "child process", "child processes")
            shown = [*shown, line(""), line(f"  {still} of it still run: pid {names}")]
        if progress is not None and progress.asking:
            answer = invocation.line("approve", record.id, next(iter(progress.asking)))
            shown = [*shown, line(""), line(f"  Approve it with: {answer}")]
        if record.interruptible:
            shown = [*shown, line(""), line(f"  Stop it with: {stop}")]
        return shown

    document = {**to_json(record.document()), "progress": to_json(progress)}
    return Result(document, lines)


def show_lines(
    record: ExecutionRecord, progress: Snapshot | None, words: HistoryWords, page: Page
) -> list[Line]:
    """Return who started an execution and when, how it ended, its items, and its errors."""
    info = record.info
    title = f"{info.app} {words.command(record)} · {words.place(record)} · {info.id}"
    lines = [line((shortened(title, page.room), Style.STRONG))]
    facts = _facts(record, page)
    if progress is not None:
        for item, asked in progress.asking.items():
            since = moment(asked.at, page.zone, page.now)
            facts.append((item, f"{WAITING_FOR_APPROVAL} since {since}: {asked.question}"))
        for phase in (None, *reversed(Phase)):
            names = [
                each
                for each in progress.running
                if each not in progress.asking and progress.phases.get(each) is phase
            ]
            if names:
                facts.append((phase or "in progress", name_list(names, 10)))
        facts += [("ended", f"{len(progress.ended):,}"), ("waiting", f"{progress.waiting:,}")]
    outcome = record.outcome
    told = outcome or progress
    answers = () if told is None else told.approvals
    facts += [(each.item, approval_words(each, page)) for each in answers]
    lines += [line(row) for row in table(facts, page.width)]
    if outcome is None:
        return lines
    if outcome.warnings:
        label = "warning" if info.flow else "note"
        warned = [(label, one_line(text)) for text in outcome.warnings]
        lines += [line(row) for row in table(warned, page.width)]
    if outcome.items:
        items = [
            (item, each.status, status_words(each.status, each.message))
            for item, each in outcome.items.items()
        ]
        lines += [line(""), *message_lines(items, page)]
    for item, error in outcome.errors.items():
        rows = [("item", item)] if item else []
        rows += [("what to do", error.help)] if error.help else []
        lines += [line(""), *lines_of_parts(error.code, error.message, rows, page.width)]
    return lines


def approval_words(approval: Approval, page: Page) -> str:
    """Return who approved or refused what, and when."""
    return f"{approval}, {moment(approval.at, page.zone, page.now)}, to: {approval.question}"


def _facts(record: ExecutionRecord, page: Page) -> list[tuple[str, str]]:
    info = record.info
    by = info.started_by
    started = date_and_time(info.started_at, page.zone)
    rows = [("started", f"{started} by {one_line(str(by))} on {one_line(by.host)}, {by.door}")]
    if record.info.dry_run:
        rows.append(("dry run", "it only said what it would do"))
    if record.only:
        rows.append(("only", ", ".join(record.only)))
    ended = "" if info.ended_at is None else f"{moment(info.ended_at, page.zone, page.now)}, "
    rows.append(("ended" if info.state.ended else "now", f"{ended}{state_in_words(record)}"))
    if info.interrupt is not None:
        at = moment(info.interrupt.requested_at, page.zone, page.now)
        rows.append(
            ("interrupted", f"{at} {interrupted_how(info.interrupt)} ({info.interrupt.level})")
        )
    return rows


def _progress(executions: Executions, record: ExecutionRecord) -> Snapshot | None:
    """Return the snapshot of a running execution; None if it cannot be asked."""
    try:
        return asyncio.run(executions.snapshot(record.id))
    except (AlreadyEnded, ExecutorUnreachable):
        return None


def executions_list(invocation: Invocation, limit: int) -> Result:
    """List the newest executions; of a profile and a flow, if the options choose them."""
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
    """Return executions as a table, with the shown forms of their IDs.

    If there is no room for all in one line each, times of today go without their day, and endings
    without the least important; if that is not enough, endings get lines of their own.
    """
    if not records:
        return [line("Nothing was executed yet.")]

    def cells(*, short: bool, brief: bool) -> list[tuple[str, ...]]:
        return [
            (
                ids[record.id],
                moment(record.info.started_at, page.zone, page.now)
                if short
                else date_and_time(record.info.started_at, page.zone),
                words.command(record),
                words.place(record),
                one_line(record.info.started_by.user),
                state_in_words(record, brief=brief),
            )
            for record in records
        ]

    forms = ((False, False), (True, False), (True, True))
    tables = (_table([_HEAD, *cells(short=short, brief=brief)]) for short, brief in forms)
    fitting = (rows for rows in tables if max(display_width(row) for row in rows) <= page.room)
    head, *rows = next(fitting, None) or _stacked(cells(short=True, brief=False), page.room)
    shown = [line((head, Style.FAINT))]
    for record, row in zip(records, rows, strict=True):
        style = _STYLES.get(record.state, Style.PLAIN)
        shown += [line((part, style)) for part in row.split("\n")]
    return [clipped(each, page.room) for each in shown]


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    columns = zip(*rows, strict=True)
    widths = [max(display_width(cell) for cell in column) for column in columns]
    return [
        "  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _stacked(rows: Sequence[tuple[str, ...]], room: int) -> list[str]:
    """Return rows with each ending on lines of its own."""
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


def interrupt(
    invocation: Invocation, execution_id: str | None, level: str, reason: str | None
) -> Result:
    """Interrupt an execution, by the beginning of its ID; by default, the only one that runs."""
    executions = invocation.executions()
    receipt = executions.interrupt(
        _only_one(executions, "interrupt").id if execution_id is None else execution_id,
        level=InterruptLevel(level),
        source=InterruptSource.COMMAND,
        reason=reason,
    )
    watch = invocation.line("executions", "show", receipt.execution_id)
    return Result(to_json(receipt), lambda page: receipt_lines(receipt, watch, page))


def approve(
    invocation: Invocation,
    execution_id: str | None,
    item: str | None,
    refuse: bool,
    comment: str | None,
) -> Result:
    """Answer what an item asks; by default, the only one that waits, of the only execution."""
    from peaceful._runtime.ctx import started_by  # it loads what runs flows

    executions = invocation.executions()
    record = executions.get(execution_id) if execution_id else _only_one(executions, "answer")
    by = started_by("command")
    reply = Reply(not refuse, Answerer(by.door, by.user, by.host), comment or "")
    approval = asyncio.run(executions.answer(record.id, item, reply))
    watch = invocation.line("executions", "show", record.id)
    document = {"execution_id": record.id, **to_json(approval)}
    return Result(document, lambda page: approval_lines(approval, watch, page))


def approval_lines(approval: Approval, watch: str, page: Page) -> Sequence[Line]:
    """Return what was answered, and the command that watches the execution."""
    done = "goes on" if approval.approved else "fails"
    said = f"{approval.item} {done}. It asked: {approval.question}"
    return [*(line(part) for part in wrapped(said, page.width)), line(f"  Watch it with: {watch}")]


def receipt_lines(receipt: InterruptReceipt, watch: str, page: Page) -> Sequence[Line]:
    """Return what was accepted, in a sentence, and the command that watches the execution."""
    since = moment(receipt.requested_at, page.zone, page.now)
    how = "is interrupted" if receipt.changed else f"was interrupted already, at {since}"
    accepted = f"Execution {receipt.execution_id} {how}: {_MEANS[receipt.level]}."
    return [
        *(line(part) for part in wrapped(accepted, page.width)),
        line(f"  Watch it with: {watch}"),
    ]


def _only_one(executions: Executions, what: str) -> ExecutionRecord:
    """Return the only execution that runs, to do `what` to it."""
    match executions.running():
        case ():
            raise NothingRunning(what)
        case (only,):
            return only
        case several:
            raise UsageError(
                f"{len(several)} executions are running; say which one to {what}.",
                details=tuple((each.id, _what(each.info)) for each in several),
                help="give one of these IDs, or the beginning of it",
            )


def _what(info: ExecutionInfo) -> str:
    what = f"{info.profile}, {info.flow}" if info.flow else info.profile
    return f"{info.command} of {what}, by {info.started_by}"
