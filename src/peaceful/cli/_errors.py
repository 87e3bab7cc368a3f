"""Errors as a person reads them: what happened, the facts, what to do; wrapped to the width."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from peaceful.cli._lines import Line, Style, line
from peaceful.cli._wrapping import table, wrapped
from peaceful.errors import PeacefulError, ProfileBusy
from peaceful.present import count, one_line

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
    first, *rest = wrapped(f"{head}: {one_line(message)}", width)
    lines = [line((first[: len(head)], Style.BAD), first[len(head) :])]
    lines += [line(f"  {part}") for each in rest for part in wrapped(each, width - 2)]
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
    if isinstance(error, ProfileBusy) and error.execution_id and program:
        return [
            ("watch it", program("executions", "show", error.execution_id)),
            ("stop it", program("interrupt", error.execution_id)),
        ]
    rows = [row for label, text in error.details for row in _by_line(label, text)]
    return [*rows, ("what to do", error.help)] if error.help else rows


def _by_line(label: str, text: str) -> list[tuple[str, str]]:
    """A text of several lines, such as the last output of a program, as rows."""
    lines = text.rstrip("\n").split("\n")
    return [(label if number == 0 else "", each) for number, each in enumerate(lines)]
