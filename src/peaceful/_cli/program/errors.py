"""Errors as a person reads them: what happened, the facts, what to do; wrapped to the width."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from peaceful._cli.terminal.text import Line, Style, line
from peaceful._cli.terminal.wrapping import table, wrapped
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import ExecutionUnknown, NothingRunning, ProfileBusy
from peaceful._errors.usage import WorkspaceMissing
from peaceful._present.text import count, one_line

SHOWN = 5
"""How many errors of items are shown in full."""


def error_lines(
    error: PeacefulError, width: int, *, program: Callable[..., str] | None = None
) -> list[Line]:
    """An error as lines: a sentence after its code, then the facts below each other.

    Args:
        error: the error.
        width: columns of a line.
        program: makes the line that a command of the application is typed as.
    """
    if program and isinstance(error, ProfileBusy) and error.execution_id:
        told = told_lines(error.code, error.message, (), width)
        # What is to be typed is not wrapped: a terminal does it, and it can still be copied.
        return [*told, *(line(f"  {row}") for row in _busy_rows(error.execution_id, program))]
    return told_lines(error.code, error.message, _rows(error, program), width)


def told_lines(code: str, message: str, rows: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """An error by its parts, as one that is stored has them.

    Args:
        code: its code.
        message: its sentence; may be any text.
        rows: labels and texts; they may be any texts too.
        width: columns of a line.
    """
    head = f"Error {one_line(code)}"
    said = f"{head}: {one_line(message)}"
    first = wrapped(said, width)[0]
    rest = said[len(first) :].lstrip()
    lines = [line((first[: len(head)], Style.BAD), first[len(head) :])]
    lines += [line(f"  {part}") for part in wrapped(rest, width - 2)] if rest else []
    clean = [(one_line(label), one_line(text)) for label, text in rows]
    return [*lines, *(line(row) for row in table(clean, width))]


def errors_lines(
    errors: Sequence[PeacefulError], width: int, *, program: Callable[..., str] | None = None
) -> list[Line]:
    """Several errors, with an empty line between; of many, the first ones."""
    lines: list[Line] = []
    for error in errors[:SHOWN]:
        lines += [line(""), *error_lines(error, width, program=program)]
    if len(errors) > SHOWN:
        lines += [line(""), line(f"And {count(len(errors) - SHOWN, 'more error')}.")]
    return lines[1:]


def _rows(error: PeacefulError, program: Callable[..., str] | None) -> list[tuple[str, str]]:
    rows = [row for label, text in error.details for row in _by_line(label, text)]
    help_rows = [("what to do", error.help)] if error.help else []
    return [*rows, *((program and _to_type(error, program)) or help_rows)]


def _to_type(error: PeacefulError, program: Callable[..., str]) -> list[tuple[str, str]]:
    """What to do where that is to type a command of this program; none where it is not."""
    match error:
        case NothingRunning():
            return [("what to do", f"see what ran, and how it ended: {_list(program)}")]
        case ExecutionUnknown():
            return [("what to do", f"take an ID from: {_list(program)}")]
        case WorkspaceMissing():
            set_up = program("init")
            return [("what to do", f"set it up: {set_up}; or say where it is: --workspace DIR")]
        case _:
            return []


def _busy_rows(execution_id: str, program: Callable[..., str]) -> list[str]:
    return [
        f"watch it  {program('executions', 'show', execution_id)}",
        f"stop it   {program('interrupt', execution_id)}",
    ]


def _list(program: Callable[..., str]) -> str:
    return program("executions", "list")


def _by_line(label: str, text: str) -> list[tuple[str, str]]:
    """A text of several lines, such as the last output of a program, as rows."""
    lines = text.rstrip("\n").split("\n")
    return [(label if number == 0 else "", each) for number, each in enumerate(lines)]
