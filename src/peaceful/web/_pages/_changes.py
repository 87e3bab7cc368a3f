"""What a flow would change, item by item, by what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from peaceful.commands import DiffCmd, KnownState, StatusCmd
from peaceful.model import ItemId
from peaceful.present import one_line
from peaceful.runtime import CmdCtx, StateDiffs
from peaceful.storage import StateKind
from peaceful.web._pages._rows import Stand

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
    rows = sorted(_rows(ctx, diffs), key=lambda row: _ORDER.index(row.stand))
    return Changes(tuple(rows), diffs.headline)


def _rows(ctx: CmdCtx, diffs: StateDiffs) -> Iterator[ChangeRow]:
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
