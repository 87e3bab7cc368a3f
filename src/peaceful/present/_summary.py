"""How a command ended, in a headline and a few rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from peaceful.model import (
    InterruptSignal,
    ItemId,
    ItemStatus,
    OutcomeKind,
)
from peaceful.present._statuses import STATUS_ORDER, status_word
from peaceful.present._times import duration
from peaceful.present._words import name_list

_GOOD = frozenset({ItemStatus.DONE, ItemStatus.UNCHANGED})


class SummaryRow(msgspec.Struct, frozen=True):
    """The items that ended in one way.

    Attributes:
        status: how.
        items: which, in the flow's order; at least one.
    """

    status: ItemStatus
    items: tuple[ItemId, ...]

    @property
    def word(self) -> str:
        """How they ended, in a word."""
        return status_word(self.status)

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.items)


class Summary(msgspec.Struct, frozen=True):
    """How a command ended: the same words for every door.

    Attributes:
        kind: the outcome.
        seconds: how long the command ran.
        rows: the items by how they ended; ways in which none ended are left out.
        interrupt: the latched interrupt, or none.
    """

    kind: OutcomeKind
    seconds: float
    rows: tuple[SummaryRow, ...]
    interrupt: InterruptSignal | None = None

    @property
    def headline(self) -> str:
        """The whole in a few words: `interrupted after 4.2 s`, `complete in 3.9 s`."""
        took = duration(self.seconds)
        match self.kind:
            case OutcomeKind.COMPLETE:
                return f"complete in {took}"
            case OutcomeKind.BLOCK_INTERRUPTED | OutcomeKind.EXECUTION_INTERRUPTED:
                return f"interrupted after {took}"
            case OutcomeKind.ITEM_ERROR | OutcomeKind.ERROR:
                also = ", interrupted too" if self.interrupt else ""
                return f"failed after {took}{also}"

    @property
    def remark(self) -> str:
        """What else is to be said; mostly nothing."""
        if self.kind is OutcomeKind.COMPLETE and self.interrupt:
            return "The interrupt changed nothing: everything was done."
        return ""

    @property
    def total(self) -> int:
        """How many items there are."""
        return sum(row.count for row in self.rows)

    def sentence(self, *, reached_goal: bool, most: int = 3) -> str:
        """The whole in sentences: `4 of 6 are as they should be. s3_object was not started.`.

        Args:
            reached_goal: whether an item that is done is now as it should be, which is so after
                `ensure` and `clean`; otherwise it is only said to be done.
            most: how many names to give of each ending.
        """
        if not self.rows:
            return ""
        good = sum(row.count for row in self.rows if row.status in _GOOD)
        one = good == 1
        are = "is" if one else "are"
        so = f"as {'it' if one else 'they'} should be" if reached_goal else "done"
        sentences = [f"{good:,} of {self.total:,} {are} {so}."]
        sentences += [_sentence(row, most) for row in self.rows if row.status not in _GOOD]
        return " ".join(sentences)


def summarised(
    kind: OutcomeKind,
    statuses: Mapping[ItemId, ItemStatus],
    *,
    seconds: float,
    interrupt: InterruptSignal | None = None,
) -> Summary:
    """The summary of an ending that is known by its parts, such as one in the history.

    Args:
        kind: the outcome.
        statuses: how each item ended, in the flow's order.
        seconds: how long the command ran.
        interrupt: the latched interrupt, or none.
    """
    return Summary(kind, seconds, _rows(statuses.items()), interrupt)


def _rows(statuses: Iterable[tuple[ItemId, ItemStatus]]) -> tuple[SummaryRow, ...]:
    by_status: dict[ItemStatus, list[ItemId]] = {status: [] for status in STATUS_ORDER}
    for item, status in statuses:
        by_status[status].append(item)
    return tuple(SummaryRow(status, tuple(items)) for status, items in by_status.items() if items)


def _sentence(row: SummaryRow, most: int) -> str:
    names = name_list(row.items, most)
    was = "was" if row.count == 1 else "were"
    return f"{names} failed." if row.status is ItemStatus.FAILED else f"{names} {was} {row.word}."
