"""How an item stands or ended: a word, and a symbol beside it that nothing depends on."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from peaceful.model import ItemStatus


class LiveWord(enum.StrEnum):
    """How an item stands that has not ended, in a word."""

    RUNNING = "running"
    """It is in progress."""
    FINISHING = "finishing"
    """It is in progress, and an interrupt waits for it."""
    WAITING = "waiting"
    """It is not its turn yet."""
    WILL_NOT_START = "will not start"
    """It was not its turn yet when an interrupt came, or what it needs did not end well."""


STATUS_ORDER: Final = (
    ItemStatus.DONE,
    ItemStatus.UNCHANGED,
    ItemStatus.FAILED,
    ItemStatus.ABANDONED,
    ItemStatus.NOT_STARTED,
)
"""The order in which endings are counted up."""

_SYMBOLS: Final[Mapping[ItemStatus, str]] = {
    ItemStatus.DONE: "✓",
    ItemStatus.UNCHANGED: "=",
    ItemStatus.FAILED: "✗",
    ItemStatus.ABANDONED: "!",
    ItemStatus.NOT_STARTED: "·",
}

_ASCII_SYMBOLS: Final[Mapping[ItemStatus, str]] = {
    ItemStatus.DONE: "+",
    ItemStatus.UNCHANGED: "=",
    ItemStatus.FAILED: "x",
    ItemStatus.ABANDONED: "!",
    ItemStatus.NOT_STARTED: ".",
}


def status_word(status: ItemStatus) -> str:
    """The word for how an item ended: `done`, `unchanged`, `failed`, `abandoned`, `not started`."""
    return status.value.replace("_", " ")


def status_symbol(status: ItemStatus, *, ascii_only: bool = False) -> str:
    """One column that stands for how an item ended.

    Args:
        status: how it ended.
        ascii_only: whether the place it is shown at has ASCII only.
    """
    return (_ASCII_SYMBOLS if ascii_only else _SYMBOLS)[status]


def live_word(*, in_progress: bool, interrupting: bool) -> LiveWord:
    """The word for an item that has not ended.

    Args:
        in_progress: whether it has started.
        interrupting: whether an interrupt was accepted.
    """
    if in_progress:
        return LiveWord.FINISHING if interrupting else LiveWord.RUNNING
    return LiveWord.WILL_NOT_START if interrupting else LiveWord.WAITING


def counts_in_words(counts: Mapping[ItemStatus, int]) -> str:
    """How many items ended in which way: `3 done, 1 failed`; empty where none did.

    Args:
        counts: by ending, how many; endings that are not in it are not told.
    """
    known = (status for status in STATUS_ORDER if counts.get(status))
    return ", ".join(f"{counts[status]:,} {status_word(status)}" for status in known)
