"""What an interrupt does, and what the next one would do, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from peaceful.model import InterruptLevel, InterruptSignal, InterruptSource, ItemId
from peaceful.present._text import one_line
from peaceful.present._words import name_list

_MOST_NAMES: Final = 3

_LABELS: Final[Mapping[InterruptLevel, str]] = {
    InterruptLevel.STOP: "Interrupt",
    InterruptLevel.CANCEL: "Stop now",
    InterruptLevel.KILL: "Kill",
}

_DOORS: Final[Mapping[InterruptSource, str]] = {
    InterruptSource.SIGINT: "by Ctrl-C",
    InterruptSource.SIGTERM: "by SIGTERM",
    InterruptSource.SIGHUP: "because its terminal went away",
    InterruptSource.WEB: "from a web page",
    InterruptSource.API: "through the API",
    InterruptSource.COMMAND: "by the interrupt command",
}

STAYS_DONE: Final = "What is done stays done."
"""What nobody who interrupts has to fear."""

RESUME_REPEATS_NOTHING: Final = "Resume carries on from here and repeats nothing."
"""What the button to resume does."""


def level_label(level: InterruptLevel) -> str:
    """The words on the button that asks for a level: `Interrupt`, `Stop now`, `Kill`."""
    return _LABELS[level]


def interrupt_sentence(
    level: InterruptLevel, in_progress: Sequence[ItemId], most: int = _MOST_NAMES
) -> str:
    """What happens now that an interrupt of a level was accepted.

    Args:
        level: the level.
        in_progress: the items that are in progress.
        most: how many of them to name.
    """
    if level is InterruptLevel.STOP:
        return finishing_sentence(in_progress, most)
    if not in_progress:
        return _NOTHING_IN_PROGRESS
    one = len(in_progress) == 1
    asked = "asked to stop now" if level is InterruptLevel.CANCEL else "abandoned"
    subject = f"{name_list(in_progress, most)} {'is' if one else 'are'} {asked}"
    return f"{subject}; {_what_it_means(level, one=one)}."


def finishing_sentence(in_progress: Sequence[ItemId], most: int = _MOST_NAMES) -> str:
    """What an interrupt does first, such as `iam_role is finishing; nothing new will start.`.

    Args:
        in_progress: the items that are in progress.
        most: how many of them to name.
    """
    if not in_progress:
        return _NOTHING_IN_PROGRESS
    are = "is" if len(in_progress) == 1 else "are"
    return f"{name_list(in_progress, most)} {are} finishing; nothing new will start."


def next_press_sentence(level: InterruptLevel, in_progress: int) -> str:
    """What the next Ctrl-C would do; empty where it would do nothing.

    Args:
        level: the level that was accepted.
        in_progress: how many items are in progress.
    """
    above = level.above
    if above is None or not in_progress:
        return ""
    one = in_progress == 1
    them = "it" if one else "them"
    means = _what_it_means(above, one=one)
    if above is InterruptLevel.CANCEL:
        return f"Ctrl-C again asks {them} to stop now ({means})."
    return f"Ctrl-C again abandons {them} ({means})."


def interrupted_how(signal: InterruptSignal) -> str:
    """Through which door an interrupt came, and why: `from a web page: “wrong version”`.

    Args:
        signal: the interrupt; its reason may be any text.
    """
    reason = one_line(signal.reason or "", _LONGEST_REASON)
    return f"{_DOORS[signal.source]}: “{reason}”" if reason else _DOORS[signal.source]


_NOTHING_IN_PROGRESS: Final = "Nothing is in progress; nothing new will start."

_LONGEST_REASON: Final = 200


def _what_it_means(level: InterruptLevel, *, one: bool) -> str:
    if level is InterruptLevel.CANCEL:
        return "its own clean-up still runs" if one else "their own clean-up still runs"
    return "its child processes are killed" if one else "their child processes are killed"
