"""An outcome document in a few numbers, for lists of executions."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from peaceful.model import ItemStatus, OutcomeDocument, OutcomeKind


class OutcomeSummary(msgspec.Struct, frozen=True):
    """How an execution ended, without its items.

    Attributes:
        outcome: the outcome in a word; none where an earlier version did not know it.
        counts: how many items ended in which way; ways that none ended in are left out.
    """

    outcome: OutcomeKind | None
    counts: Mapping[ItemStatus, int]


def summary_of(document: OutcomeDocument) -> OutcomeSummary:
    """Return the summary of the document of a command."""
    return OutcomeSummary(document.outcome, document.counts)
