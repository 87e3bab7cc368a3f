"""Errors as people read them: what happened, the details, what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from peaceful._cli.terminal.text import Line, Style, line
from peaceful._cli.terminal.wrapping import table, wrapped
from peaceful._disclosure import kept
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import ExecutionUnknown, NotAsked, NothingRunning, ProfileBusy
from peaceful._errors.usage import WorkspaceMissing
from peaceful._present.text import count, one_line

SHOWN = 5
"""The number of errors that are shown in full."""


def error_lines(error: PeacefulError, width: int, program: Callable[..., str]) -> list[Line]:
    """Return the lines of an error; `program` formats a command line of the application."""
    if isinstance(error, ProfileBusy) and (busy := error.execution_id):
        # Commands to type are not wrapped: a terminal does it, and they can still be copied.
        return [
            *lines_of_parts(error.code, error.message, (), width),
            line(f"  watch it  {program('executions', 'show', busy)}"),
            line(f"  stop it   {program('interrupt', busy)}"),
        ]
    return lines_of_parts(error.code, error.message, _rows(error, program), width)


def lines_of_parts(
    code: str, message: str, rows: Sequence[tuple[str, str]], width: int
) -> list[Line]:
    """Return the lines of an error by its parts, which may be any texts."""
    head = f"Error {one_line(code)}"
    said = f"{head}: {one_line(message)}"
    first = wrapped(said, width)[0]
    rest = said[len(first) :].lstrip()
    lines = [line((first[: len(head)], Style.BAD), first[len(head) :])]
    lines += [line(f"  {part}") for part in wrapped(rest, width - 2)] if rest else []
    clean = [(one_line(label), one_line(text)) for label, text in rows]
    return [*lines, *(line(row) for row in table(clean, width))]


def errors_lines(
    errors: Sequence[PeacefulError], width: int, program: Callable[..., str]
) -> list[Line]:
    """Return the lines of several errors, with an empty line between; of many, the first ones."""
    lines: list[Line] = []
    for error in errors[:SHOWN]:
        lines += [line(""), *error_lines(error, width, program)]
    if len(errors) > SHOWN:
        lines += [line(""), line(f"And {count(len(errors) - SHOWN, 'more error')}.")]
    return lines[1:]


def _rows(error: PeacefulError, program: Callable[..., str]) -> list[tuple[str, str]]:
    rows = [
        (label if number == 0 else "", each)
        for label, text in error.details
        # A text may have several lines, such as the last output of a program.
        for number, each in enumerate(kept(text).rstrip("\n").split("\n"))
    ]
    advice = _advice(error, program)
    return [*rows, ("what to do", advice)] if advice else rows


def _advice(error: PeacefulError, program: Callable[..., str]) -> str:
    """Return what to do: if it is to type a command, that of this program."""
    match error:
        case NothingRunning():
            return f"see what ran, and how it ended: {program('executions', 'list')}"
        case ExecutionUnknown():
            return f"take an ID from: {program('executions', 'list')}"
        case NotAsked():
            return f"see what it does now: {program('executions', 'show', error.execution_id)}"
        case WorkspaceMissing():
            return f"set it up: {program('init')}; or say where it is: --workspace DIR"
        case _:
            return error.help
