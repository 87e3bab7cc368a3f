"""Statuses, interrupts, progress, differences and outcomes in words."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from peaceful._model.codec import ItemId
from peaceful._model.events import Phase, Progress, ProgressUnit
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._model.outcome import WOULD, ItemStatus, OutcomeKind
from peaceful._present.numbers import UNKNOWN_NUMBER, byte_rate, duration, size, size_pair
from peaceful._present.text import count, name_list, one_line

STATUS_ORDER: Final = tuple(ItemStatus)
"""The order in which counts are listed."""

_GOOD: Final = frozenset({ItemStatus.DONE, ItemStatus.UNCHANGED})

_SYMBOLS: Final = dict(zip(STATUS_ORDER, "✓+~±-=?✗‖!·", strict=True))

_ASCII_SYMBOLS: Final = dict(zip(STATUS_ORDER, "*+~%-=?x]!.", strict=True))

_MOST_NAMES: Final = 3

_LABELS: Final[Mapping[InterruptLevel, str]] = {
    InterruptLevel.STOP: "Interrupt",
    InterruptLevel.CANCEL: "Stop now",
    InterruptLevel.KILL: "Kill",
}

_DOORS: Final[Mapping[InterruptSource, str]] = {
    InterruptSource.SIGINT: "by Ctrl-C",
    InterruptSource.SIGTERM: "by SIGTERM",
    InterruptSource.SIGHUP: "by SIGHUP",
    InterruptSource.WEB: "from a web page",
    InterruptSource.API: "through the API",
    InterruptSource.COMMAND: "by the interrupt command",
    InterruptSource.FAILURE: "because an item failed",
}

STAYS_DONE: Final = "What is done stays done."

RESUME_REPEATS_NOTHING: Final = "Resume carries on from here and repeats nothing."

_NOTHING_IN_PROGRESS: Final = "Nothing is in progress; nothing new will start."

_LONGEST_REASON: Final = 200


WAITING_FOR_APPROVAL: Final = "waiting for an approval"
"""What an item does that asks people."""


class LiveWord(enum.StrEnum):
    """The status of an item that has not ended."""

    LOOKING = "looking"
    CHANGING = "changing"
    RUNNING = "running"
    """In progress, in a block that does not say whether it changes things."""
    FINISHING = "finishing"
    """In progress and not only looked at, with an interrupt accepted."""
    WAITING = "waiting"
    WILL_NOT_START = "will not start"
    """It was waiting when an interrupt came, or what it needs did not end well."""


def status_word(status: ItemStatus) -> str:
    """Return the word for a status, such as `done`, `not started` or `would create`."""
    return status.value.replace("_", " ")


def counted(status: ItemStatus, number: int) -> str:
    """Return how many items have a status: `3 done`, `would create 3`."""
    words = (status_word(status), f"{number:,}")
    return " ".join(words if status in WOULD else reversed(words))


def status_symbol(status: ItemStatus, *, ascii_only: bool = False) -> str:
    """Return a symbol for a status, one column wide."""
    return (_ASCII_SYMBOLS if ascii_only else _SYMBOLS)[status]


def live_word(phase: Phase | None, *, interrupting: bool) -> LiveWord:
    """Return the word for an item in progress, with its phase if that is known."""
    if phase is Phase.LOOKING:
        return LiveWord.LOOKING
    if interrupting:
        return LiveWord.FINISHING
    return LiveWord.RUNNING if phase is None else LiveWord.CHANGING


def waiting_word(*, interrupting: bool) -> LiveWord:
    """Return the word for an item that has not started."""
    return LiveWord.WILL_NOT_START if interrupting else LiveWord.WAITING


def counts_in_words(counts: Mapping[ItemStatus, int]) -> str:
    """Return the number of items by status: `3 done, 1 failed`; empty if there are none."""
    known = (status for status in STATUS_ORDER if counts.get(status))
    return ", ".join(counted(status, counts[status]) for status in known)


def level_label(level: InterruptLevel) -> str:
    """Return the label of the button that requests a level: `Interrupt`, `Stop now`, `Kill`."""
    return _LABELS[level]


def interrupt_sentence(
    level: InterruptLevel,
    in_progress: Sequence[ItemId],
    looking: Collection[ItemId] = (),
    most: int = _MOST_NAMES,
) -> str:
    """Return what happens now that an interrupt was accepted, with up to `most` items' names.

    `looking` are the items that are only looked at.
    """
    if level is InterruptLevel.STOP:
        return _stop_sentence(in_progress, frozenset(looking), most)
    if not in_progress:
        return _NOTHING_IN_PROGRESS
    one = len(in_progress) == 1
    asked = "asked to stop now" if level is InterruptLevel.CANCEL else "abandoned"
    subject = f"{name_list(in_progress, most)} {'is' if one else 'are'} {asked}"
    return f"{subject}; {_what_it_means(level, one=one)}."


def _stop_sentence(in_progress: Sequence[ItemId], looking: Collection[ItemId], most: int) -> str:
    """Return what STOP does, such as `iam_role is finishing; nothing new will start.`."""
    if not in_progress:
        return _NOTHING_IN_PROGRESS
    finishing = [item for item in in_progress if item not in looking]
    looked_at = len(in_progress) - len(finishing)
    if not finishing:
        return f"{name_list(in_progress, most)} {_are_looked_at(looked_at)}; nothing is changed."
    are, their = ("is", "its") if len(finishing) == 1 else ("are", "their")
    doing = f"{name_list(finishing, most)} {are} finishing"
    if looked_at:
        doing += f" {their} change; {looked_at:,} {_are_looked_at(looked_at)}"
    return f"{doing}; nothing new will start."


def _are_looked_at(number: int) -> str:
    return f"{'is' if number == 1 else 'are'} only being looked at"


def next_press_sentence(level: InterruptLevel, in_progress: int) -> str:
    """Return what the next Ctrl-C would do; empty if nothing."""
    above = level.above
    if above is None or not in_progress:
        return ""
    them = "it" if in_progress == 1 else "them"
    does = f"asks {them} to stop now" if above is InterruptLevel.CANCEL else f"abandons {them}"
    return f"Ctrl-C again {does} ({_what_it_means(above, one=in_progress == 1)})."


def interrupted_how(signal: InterruptSignal) -> str:
    """Return the source and the reason of an interrupt: `from a web page: “wrong version”`."""
    reason = one_line(signal.reason or "", _LONGEST_REASON)
    if reason and signal.source is InterruptSource.FAILURE:
        return f"because {reason}"
    return f"{_DOORS[signal.source]}: “{reason}”" if reason else _DOORS[signal.source]


def _what_it_means(level: InterruptLevel, *, one: bool) -> str:
    what = "own clean-up still runs"
    if level is not InterruptLevel.CANCEL:
        what = "child processes are killed"
    return f"{'its' if one else 'their'} {what}"


def percent(progress: Progress) -> str:
    """Return the fraction that is done: `62 %`; empty if the total is unknown.

    Rounded down, so that 100 % means the end.
    """
    fraction = progress.fraction
    if fraction is None:
        return ""
    # 29 of 100 is 28.999999999999996 hundredths.
    return f"{100 if fraction == 1 else min(99, math.floor(fraction * 100 + 1e-9))} %"


def amount(progress: Progress, between: str = "/") -> str:
    """Return what is done, in its unit: `3.1/5.0 MB`, `3/10 steps`; empty for others."""
    done, total = progress.done, progress.total
    match progress.unit:
        case ProgressUnit.BYTES:
            return size(done) if total is None else size_pair(done, total, between)
        case ProgressUnit.STEPS if total is not None and total <= 1:
            return ""
        case ProgressUnit.STEPS:
            whole = "" if total is None else f"{between}{_whole(total)}"
            noun = "step" if (done if total is None else total) == 1 else "steps"
            return f"{_whole(done)}{whole} {noun}"
        case ProgressUnit.PERCENT | ProgressUnit.UNKNOWN:
            return ""


def rate(progress: Progress) -> str:
    """Return the rate: `1.2 MB/s`, `0.4 steps/s`; empty if that says nothing."""
    if progress.rate is None or not math.isfinite(progress.rate):
        return ""
    match progress.unit:
        case ProgressUnit.BYTES:
            return byte_rate(progress.rate)
        case ProgressUnit.STEPS if progress.total is None or progress.total > 1:
            decimals = 1 if progress.rate < 10 else 0
            return f"{progress.rate:,.{decimals}f} steps/s"
        case ProgressUnit.STEPS | ProgressUnit.PERCENT | ProgressUnit.UNKNOWN:
            return ""


def _whole(number: float) -> str:
    return f"{math.floor(number):,}" if math.isfinite(number) else UNKNOWN_NUMBER


def differences(differing: int, same: int, unknown: int, *, profiles: bool = False) -> str:
    """Return how many items differ: `2 items of 6 differ, 1 not known`, `nothing differs`.

    They differ from what they should be; or between two `profiles`, which may differ otherwise.
    """
    rest = f", {unknown:,} not known" if unknown else ""
    if differing:
        verb = "differs" if differing == 1 else "differ"
        return f"{count(differing, 'item')} of {differing + same + unknown:,} {verb}{rest}"
    if unknown:
        return f"{same:,} {'the same' if profiles else 'as it should be'}{rest}"
    return "no item differs" if profiles else "nothing differs"


class SummaryRow(msgspec.Struct, frozen=True):
    """The items with one status, in the flow's order; at least one."""

    status: ItemStatus
    items: tuple[ItemId, ...]

    @property
    def word(self) -> str:
        """The status, in a word."""
        return status_word(self.status)

    @property
    def count(self) -> int:
        return len(self.items)


class Summary(msgspec.Struct, frozen=True):
    """The end of a command in words, the same for every interface.

    Attributes:
        rows: by status; statuses without items are left out.
        interrupt: the accepted interrupt, or `None`.
        dry_run: whether it is the end of a dry run, which did nothing.
    """

    kind: OutcomeKind
    seconds: float
    rows: tuple[SummaryRow, ...]
    interrupt: InterruptSignal | None = None
    dry_run: bool = False

    @property
    def headline(self) -> str:
        """The outcome in a few words: `interrupted after 4.2 s`, `complete in 3.9 s`."""
        took = duration(self.seconds)
        match self.kind:
            case OutcomeKind.COMPLETE:
                return f"complete in {took}"
            case OutcomeKind.BLOCK_INTERRUPTED | OutcomeKind.EXECUTION_INTERRUPTED:
                return f"interrupted after {took}"
            case OutcomeKind.ITEM_ERROR | OutcomeKind.ERROR:
                also = ", interrupted too" if self.interrupt and not self._by_failure else ""
                return f"failed after {took}{also}"

    @property
    def remark(self) -> str:
        """A further sentence, or empty."""
        if self.kind is OutcomeKind.COMPLETE and self.interrupt:
            done = "looked at" if self.dry_run else "done"
            return f"The interrupt changed nothing: everything was {done}."
        if self.interrupt and self._by_failure:
            return f"Nothing more was started, {interrupted_how(self.interrupt)}."
        return ""

    @property
    def _by_failure(self) -> bool:
        return self.interrupt is not None and self.interrupt.source is InterruptSource.FAILURE

    @property
    def total(self) -> int:
        """The number of items."""
        return sum(row.count for row in self.rows)

    def sentence(self, *, reached_goal: bool, most: int = 3) -> str:
        """Return the outcome in sentences: `4 of 6 are as they should be. s3_object was …`.

        Args:
            reached_goal: whether a done item is now as it should be, which is so after `ensure` and
                `clean`; otherwise it is only called done.
            most: how many names to give for each status.
        """
        if not self.rows:
            return ""
        good = sum(row.count for row in self.rows if row.status in _GOOD)
        one = good == 1
        so = f"as {'it' if one else 'they'} should be" if reached_goal else "done"
        if self.dry_run:
            are, so = "would stay", f"as {'it is' if one else 'they are'}"
        else:
            are = "is" if one else "are"
        sentences = [f"{good:,} of {self.total:,} {are} {so}."]
        sentences += [
            _sentence(row, most, dry_run=self.dry_run)
            for row in self.rows
            if row.status not in _GOOD
        ]
        return " ".join(sentences)


def summarise(
    kind: OutcomeKind,
    statuses: Mapping[ItemId, ItemStatus],
    *,
    seconds: float,
    interrupt: InterruptSignal | None = None,
    dry_run: bool = False,
) -> Summary:
    """Return the summary of an outcome, such as one in the history."""
    by_status: dict[ItemStatus, list[ItemId]] = {status: [] for status in STATUS_ORDER}
    for item, status in statuses.items():
        by_status[status].append(item)
    rows = (SummaryRow(status, tuple(items)) for status, items in by_status.items() if items)
    return Summary(kind, seconds, tuple(rows), interrupt, dry_run)


def _sentence(row: SummaryRow, most: int, *, dry_run: bool) -> str:
    names = name_list(row.items, most)
    if row.status in WOULD:
        return f"It {row.word} {names}."
    if row.status is ItemStatus.UNKNOWN and not dry_run:
        return f"{names} {'is' if row.count == 1 else 'are'} not known yet."
    if row.status is ItemStatus.UNKNOWN:
        return f"What it would do to {names} is unknown."
    was = "was" if row.count == 1 else "were"
    return f"{names} failed." if row.status is ItemStatus.FAILED else f"{names} {was} {row.word}."
