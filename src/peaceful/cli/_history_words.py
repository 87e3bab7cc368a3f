"""What is said of an execution in a few words: what was typed, on what, how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from peaceful.executions import ExecutionRecord
from peaceful.model import ExecutionState, ItemStatus
from peaceful.present import STATUS_ORDER, counts_in_words, duration

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation


class HistoryWords(msgspec.Struct, frozen=True):
    """How an application calls things.

    Attributes:
        ensure_name: what it calls `ensure`.
        with_flow: whether it has several flows, so that they are named.
    """

    ensure_name: str = "ensure"
    with_flow: bool = True

    @classmethod
    def of(cls, invocation: Invocation) -> HistoryWords:
        """How the application of this run calls things."""
        return cls(invocation.app.ensure_name, len(invocation.app.flows) > 1)

    def command(self, record: ExecutionRecord) -> str:
        """The command, as it is typed."""
        name = record.info.command
        word = self.ensure_name if name == "ensure" else name
        return f"{word} --dry-run" if record.dry_run else word

    def place(self, record: ExecutionRecord) -> str:
        """What it was run on."""
        info = record.info
        return f"{info.profile}/{info.flow}" if self.with_flow else info.profile


def how_it_stands(record: ExecutionRecord, *, brief: bool = False) -> str:
    """How an execution ended, or that it has not, in a few words.

    Args:
        record: the execution.
        brief: whether to leave out how long it took, and of the counts what says least: what was
            unchanged; and where it did not complete, what was done.
    """
    info = record.info
    word = "killed" if info.state is ExecutionState.LOST else str(info.state)
    counts: Mapping[ItemStatus, int] = {} if record.summary is None else record.summary.counts
    known = [status for status in STATUS_ORDER if counts.get(status)]
    if brief:
        complete = info.state is ExecutionState.COMPLETE
        said = [ItemStatus.UNCHANGED] if complete else [ItemStatus.UNCHANGED, ItemStatus.DONE]
        known = [status for status in known if status not in said] or known
    told = counts_in_words({status: counts[status] for status in known})
    took = ""
    if not brief and info.ended_at is not None and info.state is not ExecutionState.LOST:
        after = "in" if info.state is ExecutionState.COMPLETE else "after"
        took = f" {after} {duration((info.ended_at - info.started_at).total_seconds())}"
    return f"{word}{took}{f': {told}' if told else ''}"
