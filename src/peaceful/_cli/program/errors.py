"""Errors as people read them: what happened, the details, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from peaceful._cli.program.options import command_of
from peaceful._cli.terminal.text import Line, Style, line
from peaceful._cli.terminal.wrapping import table, wrapped
from peaceful._disclosure import kept
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import ProfileBusy
from peaceful._model.codec import ItemId
from peaceful._present.text import count, name_list, one_line

SHOWN: Final = 5
"""The number of different errors that are shown."""

_NAMED: Final = 10
"""The number of items that are named of those that failed alike."""

_QUOTED: Final = re.compile(r"`([^`]+)`")

_WORD: Final = re.compile(r"\w+")


class Told(NamedTuple):
    """An error by its parts, which may be any texts; each row is a label and a text."""

    code: str
    message: str
    rows: Sequence[tuple[str, str]]
    to_type: Sequence[tuple[str, str]] = ()
    """Rows of commands, which are not wrapped: a terminal does it, and they can be copied."""


def errors_lines(
    errors: Mapping[ItemId, PeacefulError],
    width: int,
    program: Callable[..., str],
    rest: str = "",
) -> list[Line]:
    """Return the lines of the errors of items; under an empty name, that of all.

    Equal ones are told once, and only the first different ones: `rest` is the command that shows
    all. `program` formats a command line of the application.
    """
    told = {item: _told(error, program) for item, error in errors.items()}
    groups = grouped(told)
    lines = [line for group in groups[:SHOWN] for line in group_lines(told, group, width, _NAMED)]
    more = sum(len(group) for group in groups[SHOWN:])
    cut = more or any(len(group) > _NAMED + 1 for group in groups)
    if cut and rest:
        said = f"And {count(more, 'more error')}. All" if more else "All"
        lines += [line(""), line(f"{said} of them: {rest}")]
    return lines[1:]


def grouped(told: Mapping[ItemId, Told]) -> list[list[ItemId]]:
    """Return items in groups of those whose errors differ in nothing but the item's own name."""
    groups: dict[Told, list[ItemId]] = {}
    for item, (code, message, rows, _) in told.items():

        def nameless(text: str, item: ItemId = item) -> str:
            return _WORD.sub(lambda word: "\0" if word[0] == item else word[0], text)

        same = tuple((label, nameless(text)) for label, text in rows)
        groups.setdefault(Told(code, nameless(message), same), []).append(item)
    return [*groups.values()]


def group_lines(
    told: Mapping[ItemId, Told], items: Sequence[ItemId], width: int, most: int | None = None
) -> list[Line]:
    """Return the lines of an error that items share, below an empty one; `most` are named."""
    first = told[items[0]]
    named = [item for item in items if item]
    if items[0] in _WORD.findall(first.message):
        named, label = named[1:], "the same"
    else:
        label = "item" if len(named) == 1 else "items"
    if named:
        first = first._replace(rows=[(label, name_list(named, most)), *first.rows])
    return [line(""), *_lines(first, width)]


def _lines(told: Told, width: int) -> list[Line]:
    head = f"Error {one_line(told.code)}"
    said = f"{head}: {one_line(told.message)}"
    first = wrapped(said, width)[0]
    rest = said[len(first) :].lstrip()
    lines = [line((first[: len(head)], Style.BAD), first[len(head) :])]
    lines += [line(f"  {part}") for part in wrapped(rest, width - 2)] if rest else []
    clean = [(one_line(label), one_line(text)) for label, text in told.rows]
    lines += [line(row) for row in table(clean, width)]
    return [*lines, *(line(f"  {label:<8}  {command}") for label, command in told.to_type)]


def _told(error: PeacefulError, program: Callable[..., str]) -> Told:
    if isinstance(error, ProfileBusy) and (busy := error.execution_id):
        watch, stop = program("executions", "show", busy), program("interrupt", busy)
        return Told(error.code, error.message, (), [("watch it", watch), ("stop it", stop)])
    return Told(error.code, error.message, _rows(error, program))


def _rows(error: PeacefulError, program: Callable[..., str]) -> list[tuple[str, str]]:
    rows = [
        (label if number == 0 else "", each)
        for label, text in error.details
        # A text may have several lines, such as the last output of a program.
        for number, each in enumerate(kept(text).rstrip("\n").split("\n"))
    ]
    to_do = advice(error, program)
    return [*rows, ("what to do", to_do)] if to_do else rows


def advice(error: PeacefulError, program: Callable[..., str]) -> str:
    """Return what to do, as `typed_commands` does."""
    return typed_commands(error.help, program)


def typed_commands(text: str, program: Callable[..., str]) -> str:
    """Return a text whose commands in backquotes are as they are typed, those of this program."""

    def typed(quoted: re.Match[str]) -> str:
        words = quoted[1].split(" ")
        return program(*words) if command_of(words) else quoted[0]

    return _QUOTED.sub(typed, text)
