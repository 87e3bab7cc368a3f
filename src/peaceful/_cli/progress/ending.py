"""The end of an execution as an answer: its exit code, its document, its lines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec

from peaceful._cli.program.result import Result
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._cli.terminal.wrapping import wrapped
from peaceful._model.codec import ItemId, JsonValue, to_json
from peaceful._model.document import Ending
from peaceful._model.execution import ExecutionState
from peaceful._model.interrupt import PROCESS_SIGNALS, InterruptSource
from peaceful._model.outcome import CmdOutcome, ItemStatus, OutcomeKind, state_after
from peaceful._present.summary import (
    Summary,
    SummaryRow,
    interrupted_how,
    status_symbol,
    status_word,
    summarise,
)
from peaceful._present.text import (
    display_width,
    fitted,
    fitted_list,
    one_line,
    padded,
    short_id,
    shortened,
)

if TYPE_CHECKING:
    from peaceful._app.app import App
    from peaceful._cli.program.invocation import Invocation
    from peaceful._commands.run_request import RunRequest

STATUS_STYLES: Final[Mapping[ItemStatus, Style]] = {
    ItemStatus.DONE: Style.GOOD,
    ItemStatus.WOULD_CREATE: Style.GOOD,
    ItemStatus.WOULD_CHANGE: Style.CUT,
    ItemStatus.WOULD_REPLACE: Style.BAD,
    ItemStatus.WOULD_REMOVE: Style.BAD,
    ItemStatus.UNKNOWN: Style.CUT,
    ItemStatus.UNCHANGED: Style.FAINT,
    ItemStatus.FAILED: Style.BAD,
    ItemStatus.STOPPED: Style.CUT,
    ItemStatus.ABANDONED: Style.CUT,
    ItemStatus.NOT_STARTED: Style.FAINT,
}


@dataclass(slots=True)
class Execution:
    """A command that was run: its ending, and its outcome unless it raised."""

    title: str  # what was executed, in words
    ending: Ending
    outcome: CmdOutcome[object] | None
    stuck: bool  # a part of it still runs


def exit_code_of(ending: Ending) -> int:
    """Return the exit code of the process after an ending, unless it dies of a signal."""
    if "" in ending.errors:
        return ending.errors[""].exit_code
    match state_after(ending.document.outcome):
        case ExecutionState.COMPLETE:
            return 0
        case ExecutionState.INTERRUPTED:
            signal = ending.document.interrupt
            return (InterruptSource.SIGINT if signal is None else signal.source).exit_code
        case _:
            return 1


def dies_of(ending: Ending, *, pressed: bool) -> str | None:
    """Return the process signal that the process dies of after an ending, or None.

    Ctrl-C is meant for whatever runs the program, too, whatever came of it here: `pressed` says
    that there was one. Who sends another signal is content if everything was done.
    """
    signal = ending.document.interrupt
    interrupted = state_after(ending.document.outcome) is ExecutionState.INTERRUPTED
    if interrupted and signal is not None and signal.source in PROCESS_SIGNALS:
        return signal.source.name
    return InterruptSource.SIGINT.name if pressed else None


def answer(
    execution: Execution,
    invocation: Invocation,
    request: RunRequest,
    more: Mapping[str, JsonValue] | None = None,
) -> Result:
    """Return the answer of a command that was run, with `more` entries in its document."""
    message, errors = _message(execution, invocation, request), execution.ending.errors
    return Result(
        document={**to_json(execution.ending.document.plain()), **(more or {})},
        lines=lambda page: outcome_lines(message, page),
        exit_code=exit_code_of(execution.ending),
        # If the command failed as a whole, that one alone.
        errors={"": errors[""]} if "" in errors else errors,
        all_errors=invocation.line("executions", "show", short_id(execution.ending.execution.id)),
        stuck=execution.stuck,
    )


def command_words(request: RunRequest, app: App) -> str:
    """Return the command as it is typed, without its options."""
    return app.ensure_name if request.command == "ensure" else request.command


def words_of(request: RunRequest, app: App) -> list[str]:
    """Return the words that ask for the same again."""
    words = command_words(request, app).split()
    fast = ["--fail-fast"] if request.fail_fast else []
    if request.plan is not None:
        return [*words, "--plan", request.plan_from, *fast]
    if request.edits:
        return [*words, *request.only, *["--dry-run"] * request.dry_run]
    flags = {
        "--dry-run": request.dry_run,
        "--prune": request.prune,
        "--left": request.left,
        "--found": request.found,
    }
    words += [flag for flag, given in flags.items() if given]
    words += request.selection.words
    for item in request.replace:
        words += ["--replace", item]
    words += ["--sync", request.sync] if request.sync != "none" else []
    return words + fast


def _message(execution: Execution, invocation: Invocation, request: RunRequest) -> OutcomeMessage:
    document, only = execution.ending.document, execution.ending.only
    about_all = not only and not request.left
    items = {  # those that the command was about
        item: each
        for item, each in document.items.items()
        if about_all or item in only or each.status is not ItemStatus.NOT_STARTED
    }
    summary = summarise(
        document.outcome,
        {item: each.status for item, each in items.items()},
        seconds=(document.ended_at - document.started_at).total_seconds(),
        interrupt=document.interrupt,
        dry_run=document.dry_run,
    )
    messages = [(item, each.status, each.message) for item, each in items.items()]
    done = {item for item, each in items.items() if each.status is ItemStatus.DONE}
    # What is made anew by now is not to be replaced once more.
    rest = replace(request, replace=tuple(item for item in request.replace if item not in done))
    # If it failed as a whole, its error says how to carry on: the same would fail again.
    failed = "" in execution.ending.errors
    return OutcomeMessage(
        title=execution.title,
        summary=summary,
        carry_on="" if failed else invocation.line(*words_of(rest, invocation.app)),
        what_is_left=invocation.line("diff") if request.command == "ensure" else "",
        messages=messages if document.dry_run or request.edits else (),
        told=invocation.told if invocation.stdout.same_place(invocation.stderr) else (),
    )


class OutcomeMessage(msgspec.Struct, frozen=True):
    """The message of an outcome; `messages` say what a dry run would do, or was corrected."""

    title: str
    summary: Summary
    carry_on: str  # a command to type, or empty if none would do
    what_is_left: str = ""  # a command to type, or empty
    messages: Sequence[tuple[ItemId, ItemStatus, str]] = ()
    told: Collection[ItemId] = ()  # stand right above, with how they ended


def outcome_lines(message: OutcomeMessage, page: Page) -> list[Line]:
    """Return a few lines, however many items there are; for a dry run, one for each change."""
    summary = message.summary
    lines = [_headline(message, page), line("")]
    # Where nothing would be done, or nobody knows anything, a count says enough.
    said = [
        (item, status, status_words(item, status, text))
        for item, status, text in message.messages
        if status not in {ItemStatus.UNCHANGED, ItemStatus.NOT_STARTED}
    ]
    lines += [*message_lines(said, page), line("")] if said else []
    rows = _rows(summary.rows, message.told, page)
    lines += [*rows, line("")] if rows else []
    lines += _remarks(summary, page)
    if message.carry_on and summary.kind is not OutcomeKind.COMPLETE:
        lines += _next_steps(message, page)
    return lines[:-1] if lines[-1] == line("") else lines


def message_lines(messages: Sequence[tuple[ItemId, ItemStatus, str]], page: Page) -> list[Line]:
    """Return a line for each item: a symbol, its name, and its message."""
    names = min(max(display_width(item) for item, _, _ in messages), page.room // 2)
    lines: list[Line] = []
    for item, status, text in messages:
        symbol = status_symbol(status, ascii_only=page.ascii_only)
        name, words = fitted(item, names), fitted(text, page.room - names - 6)
        lines.append(
            line("  ", (symbol, STATUS_STYLES[status]), f" {padded(name, names)}  {words}")
        )
    return lines


def _headline(message: OutcomeMessage, page: Page) -> Line:
    how = message.summary.headline
    room = page.room - display_width(how) - 3
    if room < 20:
        return line((shortened(how, page.room), Style.STRONG))
    return line(f"{shortened(message.title, room)} · ", (how, Style.STRONG))


def _rows(rows: Sequence[SummaryRow], told: Collection[ItemId], page: Page) -> list[Line]:
    """Return a row for each status: the word, the count, and as many names as fit.

    Names that stand right above already are left out.
    """
    words = max((len(row.word) for row in rows), default=0)
    counts = max((len(f"{row.count:,}") for row in rows), default=0)
    lines: list[Line] = []
    for row in rows:
        label = f"  {padded(row.word, words)}  {padded(f'{row.count:,}', counts, right=True)}"
        # The count stands there already: what fits are names, or nothing.
        known = all(item in told for item in row.items)
        names = "" if known else fitted_list(row.items, page.width - len(label) - 3)
        lines.append(line((label, STATUS_STYLES[row.status]), f"   {names}"))
    return lines


def _remarks(summary: Summary, page: Page) -> list[Line]:
    signal = summary.interrupt
    if signal is not None and signal.source is InterruptSource.FAILURE:
        # The remark says it all; names may be long.
        return [line(shortened(f"  {summary.remark}", page.room))] if summary.remark else []
    lines: list[Line] = []
    interrupted = state_after(summary.kind) is ExecutionState.INTERRUPTED
    if interrupted and signal and signal.source is not InterruptSource.SIGINT:
        lines.append(line(shortened(f"  Interrupted {interrupted_how(signal)}", page.room)))
    if summary.remark:
        lines += [line(f"  {part}") for part in wrapped(summary.remark, page.width - 2)]
    return lines


def _next_steps(message: OutcomeMessage, page: Page) -> list[Line]:
    steps = [f"Carry on with: {message.carry_on}"]
    if message.what_is_left:
        steps.append(f"What is left: {message.what_is_left}")
    together = f"  {'        '.join(steps)}"
    if display_width(together) <= page.width:
        return [line(together)]
    # What is to be typed is not cut: a terminal wraps it, and it can still be copied.
    return [line(f"  {step}") for step in steps]


def status_words(item: ItemId, status: ItemStatus, message: str) -> str:
    """Return how an item ended, with its message; the item, which is named beside it, only once."""
    word, words = status_word(status), one_line(message).removeprefix(f"{item} ")
    return words if words.startswith(word) else f"{word}: {words}" if words else word
