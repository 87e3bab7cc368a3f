"""An outcome document in a few numbers, for lists of executions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from peaceful.model import ItemStatus, JsonValue, OutcomeKind


@dataclass(frozen=True, slots=True)
class OutcomeSummary:
    """How an execution ended, without its items.

    Attributes:
        outcome: the outcome in a word; none where the document has a word that is not known here.
        counts: how many items ended in which way; ways that none ended in are left out.
    """

    outcome: OutcomeKind | None
    counts: Mapping[ItemStatus, int]


def summary_of(document: Mapping[str, JsonValue]) -> OutcomeSummary:
    """The summary of the JSON document of a command.

    Words that are not known are left out: a later version may have written them.
    """
    outcome = document.get("outcome")
    items = document.get("items")
    counts: Counter[ItemStatus] = Counter()
    if isinstance(items, Mapping):
        words = (item.get("status") for item in items.values() if isinstance(item, Mapping))
        counts.update(ItemStatus(word) for word in words if word in _STATUSES)
    kind = OutcomeKind(outcome) if outcome in _OUTCOMES else None
    return OutcomeSummary(kind, dict(counts))


_STATUSES = tuple(ItemStatus)
_OUTCOMES = tuple(OutcomeKind)
