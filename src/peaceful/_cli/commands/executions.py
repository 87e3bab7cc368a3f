"""The history of executions, and interrupting one from another terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from peaceful._cli.program.errors import Told, group_lines, grouped, typed_commands
from peaceful._cli.program.result import Result, text_answer
from peaceful._cli.progress.ending import message_lines, status_words
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._cli.terminal.wrapping import clipped, table, wrapped
from peaceful._errors.running import AlreadyEnded, ExecutorUnreachable, NothingRunning
from peaceful._errors.usage import NameUnknown, UsageError
from peaceful._executions.records import ExecutionRecord, InterruptReceipt
from peaceful._model.codec import to_json
from peaceful._model.document import ItemDocument
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
    fitted,
    name_list,
    one_line,
    padded,
    short_id,
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

_ITEMS: Final = 24
"""The most columns of the items that a command was limited to."""

_HEAD: Final = ("id", "started", "command", "profile", "by", "how it ended")

_MEANS = {
    InterruptLevel.STOP: "what is in progress finishes, nothing new starts",
    InterruptLevel.CANCEL: "what is in progress is asked to stop, then cancelled",
    InterruptLevel.KILL: "what is in progress is abandoned, its child processes are killed",
}


class HistoryWords(msgspec.Struct, frozen=True):
    """The name of an application's `ensure`, whether to name flows, and how commands are typed."""

    ensure_name: str = "ensure"
    with_flow: bool = True
    typed: Callable[..., str] = lambda *words: " ".join(words)

    @classmethod
    def of(cls, invocation: Invocation) -> HistoryWords:
        several = len(invocation.app.flows) > 1
        return cls(invocation.app.ensure_name, several, invocation.line)

    def command(self, record: ExecutionRecord) -> str:
        """Return the command, as it is typed, without items."""
        name = record.info.command
        word = self.ensure_name if name == "ensure" else name
        # A plan is always one.
        return f"{word} --dry-run" if record.info.dry_run and name != "plan" else word

    def command_on_items(self, record: ExecutionRecord) -> str:
        """Return the command with the items that it was limited to."""
        command, items = self.command(record), fitted(",".join(record.only), _ITEMS)
        # Some commands are about nothing but the items that they name.
        option = " --only " if " " not in record.info.command else " "
        return f"{command}{option}{items}" if items else command

    def place(self, record: ExecutionRecord) -> str:
        """Return the profile, and the flow if flows are named."""
        info = record.info
        return f"{info.profile}/{info.flow}" if self.with_flow and info.flow else info.profile


def state_in_words(record: ExecutionRecord, *, brief: bool = False) -> str:
    """Return the state of an execution in a few words.

    What it was not to work on is left out, and not merely not started. `brief` does not tell that,
    nor the duration and the least important counts: what was unchanged; and if it did not complete,
    what was done.
    """
    info = record.info
    word = "killed" if info.state is ExecutionState.LOST else str(info.state)
    counts: dict[ItemStatus, int] = {} if record.summary is None else {**record.summary.counts}
    left_out = max(0, sum(counts.values()) - len(record.only)) if record.only else 0
    left_out = min(left_out, counts.get(ItemStatus.NOT_STARTED, 0))
    if left_out:
        counts[ItemStatus.NOT_STARTED] -= left_out
    known = [status for status in STATUS_ORDER if counts.get(status)]
    if brief:
        complete = info.state is ExecutionState.COMPLETE
        said = [ItemStatus.UNCHANGED] if complete else [ItemStatus.UNCHANGED, ItemStatus.DONE]
        known = [status for status in known if status not in said] or known
    in_words = counts_in_words({status: counts[status] for status in known})
    if left_out and not brief:
        in_words = ", ".join(part for part in (in_words, f"{left_out:,} left out") if part)
    took = ""
    if not brief and info.ended_at is not None and info.state is not ExecutionState.LOST:
        after = "in" if info.state is ExecutionState.COMPLETE else "after"
        took = f" {after} {duration((info.ended_at - info.started_at).total_seconds())}"
    return f"{word}{took}{f': {in_words}' if in_words else ''}"


def executions_show(invocation: Invocation, execution_id: str) -> Result:
    """Show an execution, item by item, by its ID or a part of it that is enough."""
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
    kept = outcome or progress
    answers = () if kept is None else kept.approvals
    facts += [(each.item or "its plan", approval_words(each, page)) for each in answers]
    lines += [line(row) for row in table(facts, page.width)]
    if outcome is None:
        return lines
    if outcome.warnings:
        label = "warning" if info.flow else "note"
        warned = [(label, one_line(typed_commands(text, words.typed))) for text in outcome.warnings]
        lines += [line(row) for row in table(warned, page.width)]
    if outcome.items:
        items = [
            (item, each.status, status_words(item, each.status, each.message))
            for item, each in outcome.items.items()
        ]
        lines.append(line(""))
        for shown, each in zip(message_lines(items, page), outcome.items.values(), strict=True):
            lines += [shown, *_changes_lines(each, page)]
    told = {
        item: Told(each.code, each.message, [("what to do", to_do)] if to_do else [])
        for item, each in outcome.errors.items()
        for to_do in [typed_commands(each.help, words.typed)]
    }
    return [
        *lines,
        *(line for group in grouped(told) for line in group_lines(told, group, page.width)),
    ]


def approval_words(approval: Approval, page: Page) -> str:
    """Return who approved or refused what, and when."""
    return f"{approval}, {moment(approval.at, page.zone, page.now)}, to: {approval.question}"


def _changes_lines(item: ItemDocument, page: Page) -> Iterator[Line]:
    """Yield how an item has changed; the message of a dry run says how it would."""
    if item.status is not ItemStatus.DONE:
        return
    # They load what runs flows, which a list of executions does without.
    from peaceful._cli.commands.states import change_lines
    from peaceful._item.diff import LISTED, Change

    changes, more = item.changes or (), item.changes_left_out or 0
    for each in changes[:LISTED]:
        yield from change_lines(Change.of(each), page)
    more += len(changes[LISTED:])
    if more:
        yield line(f"    and {count(more, 'more change')}")


def _facts(record: ExecutionRecord, page: Page) -> list[tuple[str, str]]:
    info = record.info
    by = info.started_by
    started = date_and_time(info.started_at, page.zone)
    rows = [("started", f"{started} by {one_line(str(by))} on {one_line(by.host)}, {by.door}")]
    if record.info.dry_run:
        rows.append(("dry run", "it only said what it would do"))
    if record.only:
        rows.append(("only", str(record.chosen)))
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
    if not page.records:
        _check_known(invocation)  # Of what is gone by now, the history tells all the same.
    words = HistoryWords.of(invocation)
    return Result(
        {"executions": [to_json(record.document()) for record in page.records]},
        lambda shown_on: list_lines(page.records, words, shown_on),
    )


def list_lines(
    records: Sequence[ExecutionRecord], words: HistoryWords, page: Page
) -> Sequence[Line]:
    """Return executions as a table.

    If there is no room for all in one line each, times of today go without their day, and endings
    without the least important; if that is not enough, endings get lines of their own.
    """
    if not records:
        return [line("Nothing was executed yet.")]

    def cells(*, short: bool, brief: bool) -> list[tuple[str, ...]]:
        return [
            (
                short_id(record.id),
                moment(record.info.started_at, page.zone, page.now)
                if short
                else date_and_time(record.info.started_at, page.zone),
                words.command_on_items(record),
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
    """Interrupt an execution, by its ID or a part of it; by default, the only one that runs."""
    executions = invocation.executions()
    receipt = executions.interrupt(
        _chosen(invocation, executions, execution_id, "interrupt").id,
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
    record = _chosen(invocation, executions, execution_id, "answer")
    by = started_by("command")
    reply = Reply(not refuse, Answerer(by.door, by.user, by.host), comment or "")
    approval = asyncio.run(executions.answer(record.id, item, reply))
    document = {"execution_id": record.id, **to_json(approval)}
    if not approval.item:
        ensure = invocation.line(invocation.app.ensure_name, "--plan", record.id)
        then = f" To carry it out: {ensure}" if approval.approved else ""
        return text_answer(document, f"The plan was {approval}.{then}")
    watch = invocation.line("executions", "show", record.id)
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


def _check_known(invocation: Invocation) -> None:
    """Raise `NameUnknown` if there is no such profile or flow as the options choose."""
    for kind, name, known in (
        ("profile", invocation.options.profile, invocation.workspace().profiles()),
        ("flow", invocation.options.flow, invocation.app.flows),
    ):
        if name is not None and name not in known:
            raise NameUnknown(kind, name, known)


def _chosen(
    invocation: Invocation, executions: Executions, execution_id: str | None, what: str
) -> ExecutionRecord:
    """Return the execution with an ID, or the only one that runs, to do `what` to it.

    Raises for one that the options do not admit.
    """
    options = invocation.options
    wanted = {"profile": options.profile, "flow": options.flow}

    def admitted(record: ExecutionRecord) -> bool:
        return all(value in (None, getattr(record.info, name)) for name, value in wanted.items())

    if execution_id is not None:
        record = executions.get(execution_id)
        if not admitted(record):
            raise UsageError(
                f"Execution {execution_id} is that of another profile or flow: "
                f"{_what(record.info)}.",
                help="name it without --profile and --flow, if it is the right one",
            )
        return record
    match [record for record in executions.running() if admitted(record)]:
        case []:
            _check_known(invocation)
            raise NothingRunning(what)
        case [only]:
            return only
        case several:
            raise UsageError(
                f"{len(several)} executions are running; say which one to {what}.",
                details=tuple((each.id, _what(each.info)) for each in several),
                help="give one of these IDs, or its last 8 digits",
            )


def _what(info: ExecutionInfo) -> str:
    what = f"{info.profile}, {info.flow}" if info.flow else info.profile
    return f"{info.command} of {what}, by {info.started_by}"
