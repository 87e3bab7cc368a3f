"""The newest executions as a table: as much of each as there is room for, and never half a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from peaceful.cli._history_words import HistoryWords, how_it_stands
from peaceful.cli._lines import Line, Style, line
from peaceful.cli._page import Page
from peaceful.cli._result import Result
from peaceful.cli._wrapping import clipped, wrapped
from peaceful.executions import ExecutionRecord
from peaceful.model import ExecutionId, ExecutionState, to_json
from peaceful.present import date_and_time, display_width, moment, one_line, padded, short_ids

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation

_STYLES: Final[Mapping[ExecutionState, Style]] = {
    ExecutionState.COMPLETE: Style.GOOD,
    ExecutionState.INTERRUPTED: Style.CUT,
    ExecutionState.INTERRUPTING: Style.CUT,
    ExecutionState.FAILED: Style.BAD,
    ExecutionState.LOST: Style.BAD,
}

_HEAD: Final = ("id", "started", "command", "profile", "by", "how it ended")

_NEIGHBOURS: Final = 50
"""How many further executions are looked at: those of about the same time have similar IDs."""

_Cells = tuple[str, ...]


def executions_list(invocation: Invocation, limit: int) -> Result:
    """The newest executions.

    Args:
        invocation: the run of the command line; its profile and flow, where given, limit the list.
        limit: how many at most.
    """
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
    """Executions as a table.

    Where there is not room for all in one line each, times of today go without their day, and
    endings without what matters least; where that is not enough, endings get lines of their own.

    Args:
        records: newest first.
        ids: what is shown of their IDs.
        words: how the application calls things.
        page: where they are shown.
    """
    if not records:
        return [line("Nothing was executed yet.")]
    styles = [_STYLES.get(record.state, Style.PLAIN) for record in records]
    head, *rows = _best_fitting(records, ids, words, page)
    shown = [line((head, Style.FAINT))]
    for row, style in zip(rows, styles, strict=True):
        shown += [line((part, style)) for part in row.split("\n")]
    return [clipped(each, page.room) for each in shown]


def _best_fitting(
    records: Sequence[ExecutionRecord],
    ids: Mapping[ExecutionId, str],
    words: HistoryWords,
    page: Page,
) -> Sequence[str]:
    """The head and a row for each execution, in the fullest form that there is room for."""

    def cells(started: Callable[[ExecutionRecord], str], *, brief: bool) -> list[_Cells]:
        return [
            (
                ids[record.id],
                started(record),
                words.command(record),
                words.place(record),
                one_line(record.info.started_by.user),
                how_it_stands(record, brief=brief),
            )
            for record in records
        ]

    def in_full(record: ExecutionRecord) -> str:
        return date_and_time(record.info.started_at, page.zone)

    def in_short(record: ExecutionRecord) -> str:
        return moment(record.info.started_at, page.zone, page.now)

    for rows in (
        cells(in_full, brief=False),
        cells(in_short, brief=False),
        cells(in_short, brief=True),
    ):
        table = _table([_HEAD, *rows])
        if max(display_width(row) for row in table) <= page.room:
            return table
    return _stacked(cells(in_short, brief=False), page.room)


def _table(rows: Sequence[_Cells]) -> list[str]:
    columns = zip(*rows, strict=True)
    widths = [max(display_width(cell) for cell in column) for column in columns]
    return [
        "  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _stacked(rows: Sequence[_Cells], room: int) -> list[str]:
    """Each with its ending in a line of its own below it."""
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
