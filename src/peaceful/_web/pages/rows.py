"""Rows of items, the bar above them, and the rows of what would change."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from peaceful._commands.diff import DiffCmd
from peaceful._commands.ownership import changes_told
from peaceful._commands.status import StatusCmd
from peaceful._item.diff import Change
from peaceful._model.codec import ItemId
from peaceful._model.document import ItemDocument
from peaceful._model.events import ItemEnded, Progress, ProgressUnit, Snapshot
from peaceful._model.outcome import WENT_WRONG, ItemStatus
from peaceful._present.contrast import legible
from peaceful._present.numbers import ago, duration, time_left
from peaceful._present.summary import (
    STATUS_ORDER,
    WAITING_FOR_APPROVAL,
    LiveWord,
    amount,
    live_word,
    rate,
    status_word,
)
from peaceful._present.text import name_list, one_line
from peaceful._runtime.block import StateDiffs
from peaceful._runtime.ctx import CmdCtx
from peaceful._storage.stored_state import StateKind

_LONGEST_MESSAGE: Final = 240
_MOST_AWAITED: Final = 3
_DETERMINATE: Final = frozenset({ProgressUnit.BYTES, ProgressUnit.STEPS, ProgressUnit.PERCENT})

WIDTH: Final = 1000.0
"""Width of the bar, in units of its SVG."""

_GAP: Final = 3.0
_MOST_SEGMENTS: Final = 100
_LONGEST_STATE: Final = 300
_MOST_CHANGES: Final = 20


class DisplayStatus(enum.StrEnum):
    """The status of an item, as pages and diagrams paint it."""

    PENDING = "pending"
    """It waits for other items."""
    QUEUED = "queued"
    """It waits for nothing but room."""
    LOOKING = "looking"
    """It is looked at, to be changed afterwards or not."""
    ASKING = "asking"
    """It waits for an approval."""
    RUNNING = "running"
    FINISHING = "finishing"
    """It is in progress during an interrupt, and not only looked at."""
    DONE = "done"
    WOULD_CREATE = "would_create"
    WOULD_CHANGE = "would_change"
    WOULD_REPLACE = "would_replace"
    WOULD_REMOVE = "would_remove"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"
    FAILED = "failed"
    STOPPED = "stopped"
    """It ended at a safe point, and its partial work is recorded."""
    ABANDONED = "abandoned"
    """It was in progress, and did not get to its end."""
    NOT_STARTED = "not_started"
    """It was not started, or will not be any more."""


BY_PROGRESS: Final = (
    *(DisplayStatus(each.value) for each in STATUS_ORDER if each is not ItemStatus.NOT_STARTED),
    DisplayStatus.FINISHING,
    DisplayStatus.ASKING,
    DisplayStatus.RUNNING,
    DisplayStatus.LOOKING,
    DisplayStatus.QUEUED,
    DisplayStatus.PENDING,
    DisplayStatus.NOT_STARTED,
)
"""The order in which bars and counts show them: what is over comes first."""

IN_PROGRESS: Final = frozenset(
    {
        DisplayStatus.LOOKING,
        DisplayStatus.ASKING,
        DisplayStatus.RUNNING,
        DisplayStatus.FINISHING,
    }
)

_CHANGES_ORDER: Final = (
    DisplayStatus.QUEUED,
    DisplayStatus.PENDING,
    DisplayStatus.NOT_STARTED,
    DisplayStatus.UNCHANGED,
)


class ItemRow(msgspec.Struct, frozen=True):
    """An item in an execution, as a row.

    `aside` is the time left, or how long it took; without it, `since` is when an item in progress
    started, in ISO 8601. What is kept of a `done` item is there once the execution has ended.
    """

    item: str
    status: DisplayStatus
    word: str
    message: str = ""
    fraction: float | None = None
    aside: str = ""
    since: str = ""
    stalled: bool = False
    done: ItemDocument | None = None

    @property
    def changes(self) -> Sequence[tuple[str, ...]]:
        """How it has changed, once it is done: fields, with their values before and after."""
        return changes_shown(self._kept)

    @property
    def more_changes(self) -> int:
        """How many further changes there were."""
        left_out = 0 if self.done is None else self.done.changes_left_out or 0
        return changes_cut(self._kept) + left_out

    @property
    def _kept(self) -> Sequence[Change]:
        return [] if self.done is None else [*map(Change.of, self.done.changes or ())]

    @property
    def in_progress(self) -> bool:
        """Whether it has a bar: it works, and does not wait for a person."""
        return self.status in IN_PROGRESS and self.status is not DisplayStatus.ASKING


def rows_of(snapshot: Snapshot, only: Collection[ItemId] = ()) -> tuple[ItemRow, ...]:
    """Return the rows of an execution in the flow's order, limited to `only` if not empty.

    Other items that something went wrong with have rows, too.
    """
    running, ended = snapshot.running, snapshot.ended
    over = snapshot.ending is not None
    stopping = over or snapshot.interrupt is not None
    chosen = frozenset(only)

    def row(item: ItemId) -> ItemRow:
        if item in ended:
            return ended_row(ended[item])
        if item in snapshot.asking and not stopping:
            asked = snapshot.asking[item]
            since, word = asked.at.isoformat(), WAITING_FOR_APPROVAL
            return ItemRow(item, DisplayStatus.ASKING, word, asked.question, since=since)
        if item in running:
            word = live_word(snapshot.phases.get(item), interrupting=stopping)
            return _running_row(item, running[item], snapshot.since.get(item), word)
        names = snapshot.waits_for.get(item, ())
        awaited = [each for each in names if each not in ended and (not only or each in chosen)]
        if over:
            return ItemRow(item, DisplayStatus.NOT_STARTED, status_word(ItemStatus.NOT_STARTED))
        if stopping:
            return ItemRow(item, DisplayStatus.NOT_STARTED, LiveWord.WILL_NOT_START.value)
        if not awaited:
            return ItemRow(item, DisplayStatus.QUEUED, DisplayStatus.QUEUED.value)
        after = f"after {name_list(awaited, _MOST_AWAITED)}"
        return ItemRow(item, DisplayStatus.PENDING, LiveWord.WAITING.value, after)

    # An item that has left the flow is not among those of the flow.
    items = dict.fromkeys((*snapshot.items, *running, *ended))
    return tuple(
        row(item)
        for item in items
        if not only or item in chosen or (item in ended and ended[item].status in WENT_WRONG)
    )


def ended_row(ended: ItemEnded) -> ItemRow:
    """Return the row of an item that has ended."""
    status = ended.status
    took = duration(ended.seconds) if ended.seconds else ""
    return ItemRow(
        ended.item,
        DisplayStatus(status.value),
        status_word(status),
        one_line(ended.message or ended.shown, _LONGEST_MESSAGE),
        aside="" if status is ItemStatus.NOT_STARTED else took,
    )


def _running_row(
    item: ItemId, progress: Progress | None, at: datetime | None, live: LiveWord
) -> ItemRow:
    word = live.value
    status = DisplayStatus.RUNNING if live is LiveWord.CHANGING else DisplayStatus(word)
    since = "" if at is None else at.isoformat()
    if progress is None:
        return ItemRow(item, status, word, since=since)
    stalled = progress.stalled_for
    message, done = one_line(progress.message, _LONGEST_MESSAGE), amount(progress, " of ")
    pace = rate(progress) if stalled is None else f"last moved {ago(stalled)}"
    seconds = progress.seconds_left if stalled is None else None
    left = "" if seconds is None else time_left(seconds)
    return ItemRow(
        item,
        status,
        word,
        " · ".join(filter(None, (message, done, pace))),
        progress.fraction if progress.unit in _DETERMINATE else None,
        left,
        "" if left else since,
        stalled is not None,
    )


class Segment(msgspec.Struct, frozen=True):
    """A part of the bar; `done` is the width of it that is filled."""

    status: DisplayStatus
    x: float
    width: float
    done: float = 0.0


def segments(rows: Sequence[ItemRow]) -> tuple[Segment, ...]:
    """Return the bar over all items."""
    return tuple(_each(rows) if len(rows) <= _MOST_SEGMENTS else _alike(rows))


def _each(rows: Sequence[ItemRow]) -> Iterator[Segment]:
    wide = (WIDTH - _GAP * (len(rows) - 1)) / max(1, len(rows))
    for place, row in enumerate(rows):
        done = wide * (row.fraction or 0) if row.in_progress else 0.0
        yield Segment(row.status, round(place * (wide + _GAP), 1), round(wide, 1), round(done, 1))


def _alike(rows: Sequence[ItemRow]) -> Iterator[Segment]:
    counts = Counter(row.status for row in rows)
    room = WIDTH - _GAP * (len(counts) - 1)
    x = 0.0
    for status in BY_PROGRESS:
        if counts[status]:
            wide = room * counts[status] / len(rows)
            yield Segment(status, round(x, 1), round(wide, 1))
            x += wide + _GAP


def changes_shown(changes: Sequence[Change]) -> tuple[tuple[str, ...], ...]:
    """Return the first changes: each with its field, and its values before and after in words."""
    return tuple(
        (legible(each.field), *(one_line(word, _LONGEST_STATE) for word in each.words))
        for each in changes[:_MOST_CHANGES]
    )


def changes_cut(changes: Sequence[Change]) -> int:
    """Return how many changes are not shown."""
    return len(changes[_MOST_CHANGES:])


class ChangeRow(msgspec.Struct, frozen=True):
    """An item as it is and as it should be.

    Its status is `unchanged` if nothing differs, `queued` if something does, else `pending`. Its
    goal is empty if that is the same or not known. A change is a field, with its values before and
    after; empty if the field is absent; `more_changes` are not shown.
    """

    item: str
    status: DisplayStatus
    word: str
    current: str
    goal: str
    changes: tuple[tuple[str, ...], ...] = ()
    more_changes: int = 0


class Changes(msgspec.Struct, frozen=True):
    """The changes that a flow would make; the rows of items that differ come first.

    The remarks tell which items look after other things than before.
    """

    rows: tuple[ChangeRow, ...]
    headline: str
    remarks: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Whether the current state of any item is known."""
        return any(row.status is not DisplayStatus.PENDING for row in self.rows)


def changes_of(ctx: CmdCtx) -> Changes:
    """Return the changes that a flow would make, by stored states.

    Raise `StorageError`, or `ItemCrashed` if an item cannot compare its states.
    """
    diffs = DiffCmd.stored(ctx)
    rows = sorted(_change_rows(ctx, diffs), key=lambda row: _CHANGES_ORDER.index(row.status))
    return Changes(tuple(rows), diffs.headline, tuple(changes_told(diffs)))


def _change_rows(ctx: CmdCtx, diffs: StateDiffs) -> Iterator[ChangeRow]:
    current, goals = StatusCmd.exec(ctx, StateKind.CURRENT), StatusCmd.exec(ctx, StateKind.GOAL)
    former = {*diffs.replaced.values()}
    for item, known in current.items():
        now, goal = one_line(known.shown, _LONGEST_STATE), goals.get(item)
        to_be = one_line(goal.shown, _LONGEST_STATE) if goal and goal.stored is not None else ""
        if not known.in_flow:
            word = "left the flow" if ctx.flow.problem is None else "stored"
            word = "is replaced" if item in former else word
            yield ChangeRow(item, DisplayStatus.NOT_STARTED, word, now, "")
        elif item in diffs.unknown:
            # What it is and what it should be say themselves which of them is not known.
            yield ChangeRow(item, DisplayStatus.PENDING, "not known", now, to_be)
        elif (diff := diffs.diffs.get(item)) is None:
            yield ChangeRow(item, DisplayStatus.UNCHANGED, "as it should be", now, "")
        else:
            changes, more = changes_shown(diff.changes), changes_cut(diff.changes)
            yield ChangeRow(item, DisplayStatus.QUEUED, "differs", now, to_be, changes, more)
