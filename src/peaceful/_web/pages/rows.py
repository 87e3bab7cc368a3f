"""Rows of items, segments of them, and what differs in them."""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from peaceful._commands.diff import DiffCmd, KnownState, StatusCmd
from peaceful._model.event import ItemEnded
from peaceful._model.field_types import ExecutionId, ItemId
from peaceful._model.outcome import ItemStatus
from peaceful._model.progress import Progress, ProgressUnit
from peaceful._model.snapshot import Snapshot
from peaceful._present.numbers import ago, duration, time_left
from peaceful._present.summary import LiveWord, amount, live_word, rate, status_word
from peaceful._present.text import name_list, one_line
from peaceful._runtime.calls import StateDiffs
from peaceful._runtime.ctx import CmdCtx
from peaceful._storage.stored_state import StateKind

_LONGEST_MESSAGE: Final = 240
_SHOWN_OF_ID: Final = len("01a20987-7d1e-7c40")
_MOST_AWAITED: Final = 3
_DETERMINATE: Final = frozenset({ProgressUnit.BYTES, ProgressUnit.STEPS, ProgressUnit.PERCENT})


class Stand(enum.StrEnum):
    """How an item stands, as pages and diagrams paint it."""

    PENDING = "pending"
    """It waits for other items."""
    QUEUED = "queued"
    """What it waits for has ended; it starts as soon as there is room."""
    RUNNING = "running"
    FINISHING = "finishing"
    """It is in progress, and an interrupt waits for it."""
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    ABANDONED = "abandoned"
    """It was in progress, and was cut."""
    NOT_STARTED = "not_started"
    """It was not started, or will not be any more."""


BY_PROGRESS: Final = (
    Stand.DONE,
    Stand.UNCHANGED,
    Stand.FAILED,
    Stand.ABANDONED,
    Stand.FINISHING,
    Stand.RUNNING,
    Stand.QUEUED,
    Stand.PENDING,
    Stand.NOT_STARTED,
)
"""All of them in the order in which bars and counts show them: what is over comes first."""

IN_PROGRESS: Final = frozenset({Stand.RUNNING, Stand.FINISHING})
"""Items that somebody waits for."""


class ItemRow(msgspec.Struct, frozen=True):
    """An item in an execution.

    Attributes:
        item: which one.
        stand: how it stands.
        word: the same, as people read it.
        message: what it does, what was done, or why it was not.
        fraction: how much of it is done, from 0 to 1; none where that is not known.
        aside: time left, or how long it took.
        since: when it started, as ISO 8601, while it is in progress and says nothing of time left.
        stalled: whether it should have moved by now.
    """

    item: str
    stand: Stand
    word: str
    message: str = ""
    fraction: float | None = None
    aside: str = ""
    since: str = ""
    stalled: bool = False

    @property
    def in_progress(self) -> bool:
        """Whether it has a bar."""
        return self.stand in IN_PROGRESS

    @property
    def percent(self) -> int | None:
        """How much of it is done, rounded down; none where that is not known."""
        return None if self.fraction is None else math.floor(self.fraction * 100)


def rows_of(snapshot: Snapshot, only: Collection[ItemId] = ()) -> tuple[ItemRow, ...]:
    """The rows of an execution, in the flow's order.

    Args:
        snapshot: how it stands.
        only: the items that it is limited to; empty where it is not.
    """
    return tuple(_rows(snapshot, frozenset(only)))


def _rows(snapshot: Snapshot, only: frozenset[ItemId]) -> Iterator[ItemRow]:
    running, ended = snapshot.running, snapshot.ended
    over = snapshot.ending is not None
    stopping = over or snapshot.interrupt is not None
    # An item that has left the flow is not among those of the flow.
    for item in dict.fromkeys((*snapshot.items, *running, *ended)):
        if only and item not in only:
            continue
        if item in ended:
            yield ended_row(ended[item])
        elif item in running:
            since = snapshot.since.get(item)
            yield _running_row(item, running[item], since, stopping=stopping)
        else:
            names = snapshot.waits_for.get(item, ())
            left = [each for each in names if each not in ended and (not only or each in only)]
            yield _waiting_row(item, left, stopping=stopping, over=over)


def ended_row(ended: ItemEnded) -> ItemRow:
    """The row of an item that has ended."""
    status = ended.status
    took = duration(ended.seconds) if ended.seconds else ""
    return ItemRow(
        ended.item,
        Stand(status.value),
        status_word(status),
        one_line(ended.message or ended.shown, _LONGEST_MESSAGE),
        aside="" if status is ItemStatus.NOT_STARTED else took,
    )


def shown_id(execution: ExecutionId) -> str:
    """The beginning of an execution's ID that pages show.

    It holds the whole of its time and some of what is random, so that no two look alike, and it can
    be typed in a terminal.
    """
    return execution[:_SHOWN_OF_ID]


def _running_row(
    item: ItemId, progress: Progress | None, at: datetime | None, *, stopping: bool
) -> ItemRow:
    stand = Stand.FINISHING if stopping else Stand.RUNNING
    word = live_word(in_progress=True, interrupting=stopping).value
    since = "" if at is None else at.isoformat()
    if progress is None:
        return ItemRow(item, stand, word, since=since)
    parts = [one_line(progress.message, _LONGEST_MESSAGE), amount(progress, " of "), rate(progress)]
    stalled = progress.stalled_for is not None
    if progress.stalled_for is not None:
        parts = [*parts[:2], f"last moved {ago(progress.stalled_for)}"]
    left = "" if progress.seconds_left is None or stalled else time_left(progress.seconds_left)
    return ItemRow(
        item,
        stand,
        word,
        " · ".join(part for part in parts if part),
        progress.fraction if progress.unit in _DETERMINATE else None,
        left,
        "" if left else since,
        stalled,
    )


def _waiting_row(item: str, awaited: list[str], *, stopping: bool, over: bool) -> ItemRow:
    if stopping:
        word = status_word(ItemStatus.NOT_STARTED) if over else LiveWord.WILL_NOT_START.value
        return ItemRow(item, Stand.NOT_STARTED, word)
    if not awaited:
        return ItemRow(item, Stand.QUEUED, Stand.QUEUED.value)
    after = f"after {name_list(awaited, _MOST_AWAITED)}"
    return ItemRow(item, Stand.PENDING, LiveWord.WAITING.value, after)


WIDTH: Final = 1000.0
"""Units that the bar is wide."""

_GAP: Final = 3.0
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the bar.

    Attributes:
        stand: how the items stand that it is for.
        x: where it begins.
        width: how wide it is.
        done: how much of it is filled, as of an item in progress.
    """

    stand: Stand
    x: float
    width: float
    done: float = 0.0


def segments(rows: Sequence[ItemRow]) -> tuple[Segment, ...]:
    """The bar over all items."""
    return tuple(_each(rows) if len(rows) <= _MOST else _alike(rows))


def _each(rows: Sequence[ItemRow]) -> Iterator[Segment]:
    wide = (WIDTH - _GAP * (len(rows) - 1)) / max(1, len(rows))
    for place, row in enumerate(rows):
        done = wide * (row.fraction or 0) if row.in_progress else 0.0
        yield Segment(row.stand, _round(place * (wide + _GAP)), _round(wide), _round(done))


def _alike(rows: Sequence[ItemRow]) -> Iterator[Segment]:
    counts = Counter(row.stand for row in rows)
    room = WIDTH - _GAP * (len(counts) - 1)
    x = 0.0
    for stand in BY_PROGRESS:
        if counts[stand]:
            wide = room * counts[stand] / len(rows)
            yield Segment(stand, _round(x), _round(wide))
            x += wide + _GAP


def _round(number: float) -> float:
    return round(number, 1)


_LONGEST = 300
_MOST_CHANGES = 20
_ORDER = (Stand.QUEUED, Stand.PENDING, Stand.NOT_STARTED, Stand.UNCHANGED)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One thing that would change.

    Attributes:
        field: which.
        before: what it is; empty where it is absent.
        after: what it should be; empty where it should be absent.
    """

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """An item, as it is and as it should be.

    Attributes:
        item: which.
        stand: `unchanged` where nothing differs, `queued` where something does, else `pending`.
        word: the same, as people read it.
        current: what it is.
        goal: what it should be; empty where that is the same, or not known.
        changes: what differs.
    """

    item: str
    stand: Stand
    word: str
    current: str
    goal: str
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What a flow would change.

    Attributes:
        rows: its items; those that differ come first.
        headline: the whole, in a few words.
    """

    rows: tuple[ChangeRow, ...]
    headline: str

    @property
    def known(self) -> bool:
        """Whether it was ever discovered how any of the items is."""
        return any(row.stand is not Stand.PENDING for row in self.rows)


def changes_of(ctx: CmdCtx) -> Changes:
    """What a flow would change, by what is stored.

    Raises:
        StorageError: what is stored cannot be read.
        ItemCrashed: an item cannot compare its states.
    """
    diffs = DiffCmd.stored(ctx)
    rows = sorted(_change_rows(ctx, diffs), key=lambda row: _ORDER.index(row.stand))
    return Changes(tuple(rows), diffs.headline)


def _change_rows(ctx: CmdCtx, diffs: StateDiffs) -> Iterator[ChangeRow]:
    current, goal = StatusCmd.exec(ctx, StateKind.CURRENT), StatusCmd.exec(ctx, StateKind.GOAL)
    for item, known in current.items():
        now = one_line(known.shown, _LONGEST)
        if not known.in_flow:
            yield ChangeRow(item, Stand.NOT_STARTED, "left the flow", now, "")
        elif item in diffs.unknown:
            # What it is and what it should be say themselves which of them is not known.
            yield ChangeRow(item, Stand.PENDING, "not known", now, _goal(goal, item))
        elif diffs.diffs.get(item) is None:
            yield ChangeRow(item, Stand.UNCHANGED, "as it should be", now, "")
        else:
            changes = tuple(_field_changes(diffs, item))
            yield ChangeRow(item, Stand.QUEUED, "differs", now, _goal(goal, item), changes)


def _goal(goal: Mapping[ItemId, KnownState], item: ItemId) -> str:
    known = goal.get(item)
    return "" if known is None or known.stored is None else one_line(known.shown, _LONGEST)


def _field_changes(diffs: StateDiffs, item: ItemId) -> Iterator[FieldChange]:
    diff = diffs.diffs[item]
    assert diff is not None
    for change in diff.changes[:_MOST_CHANGES]:
        before, after = change.words
        yield FieldChange(change.field, one_line(before, _LONGEST), one_line(after, _LONGEST))
