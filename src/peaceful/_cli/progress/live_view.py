"""The picture of a running execution: a bar for each item, and a line for the whole."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from peaceful._cli.progress.ending import STATUS_STYLES, status_words
from peaceful._cli.terminal.text import Line, Span, Style, line
from peaceful._cli.terminal.wrapping import clipped, wrapped
from peaceful._model.codec import ItemId
from peaceful._model.events import (
    BlockStarted,
    Event,
    ExecutionEnded,
    ItemEnded,
    Progress,
    Snapshot,
)
from peaceful._model.execution import ExecutionInfo
from peaceful._model.interrupt import (
    CANCEL_AFTER,
    PROCESS_SIGNALS,
    STOP_TIMEOUT,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
)
from peaceful._model.outcome import ItemStatus, OutcomeKind
from peaceful._present.estimates import seconds_left
from peaceful._present.numbers import duration, estimate, time_left
from peaceful._present.summary import (
    WAITING_FOR_APPROVAL,
    LiveWord,
    amount,
    counts_in_words,
    interrupt_sentence,
    interrupted_how,
    level_label,
    next_press_sentence,
    percent,
    rate,
    status_symbol,
    status_word,
    summarise,
    waiting_word,
)
from peaceful._present.text import display_width, fitted, one_line, padded, shortened

KEPT = 60
"""The number of the last endings that are kept: more than a terminal shows."""

_MEASURED = 1000
"""The number of names that are measured for the width of their column; the rest may be cut."""

_MANY: Final = 500
_ESTIMATED_EVERY: Final = 1.0
"""The number of items above which the time left is estimated once in so many seconds."""

_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_SPINNER: Final = "|/-\\"
_ASKS: Final = "?"

_SMALL: Final = 8
"""Lines of a terminal in which each sentence gets only one."""

_KEYS: Final = ("Ctrl-C to interrupt safely", "Ctrl-C interrupts", "Ctrl-C")

_BAR: Final = (6, 20)
"""The fewest and the most columns of a bar."""

_WORDS: Final = 8
"""The fewest columns in which words say anything."""

_WIDEST: Final = 100
"""The most columns of a picture: further apart, the eye loses the line."""

_ENDINGS_SHOWN: Final = 12
"""The most endings that keep a line; the rest is counted."""


class ProgressView:
    """The snapshot of an execution, and counts and endings of its newest block with items."""

    def __init__(self) -> None:
        self.block: str = ""
        self.name_width: int = 0
        self.counts: Counter[ItemStatus] = Counter()
        self.ended: deque[ItemEnded] = deque()  # newest last; failures are kept longest
        self.pressed: bool = False
        self.snapshot = Snapshot()
        self._estimate: tuple[datetime, float | None] | None = None

    @property
    def total(self) -> int:
        """The number of items of the block."""
        return len(self.snapshot.block_items)

    @property
    def running(self) -> Mapping[ItemId, Progress | None]:
        """The items in progress; none once the execution has ended."""
        return self.snapshot.running if self.snapshot.ending is None else {}

    @property
    def waiting(self) -> int:
        """The number of items of the block that have not started."""
        return max(0, self.total - self.counts.total() - len(self.running))

    def add(self, event: Event) -> None:
        """Add an event, at constant cost."""
        self.snapshot.add(event)
        match event:
            case ItemEnded(status=status):
                self.counts[status] += 1
                self._keep(event)
            case BlockStarted(items=[_, *_] as items):
                self.block = event.block
                self._estimate = None
                self.name_width = max(display_width(item) for item in items[:_MEASURED])
                self.counts.clear()
                self.ended.clear()
            case _:
                pass

    def seconds_left(self, now: datetime) -> float | None:
        """Return the estimate for the whole; of very many items, it is not made for each frame."""
        if self._estimate is not None and self.total > _MANY:
            at, estimated = self._estimate
            if abs((now - at).total_seconds()) < _ESTIMATED_EVERY:
                return estimated
        self._estimate = (now, seconds_left(self.snapshot, now))
        return self._estimate[1]

    def _keep(self, ending: ItemEnded) -> None:
        if len(self.ended) == KEPT:
            oldest_fine = next(
                (each for each in self.ended if each.status is not ItemStatus.FAILED), self.ended[0]
            )
            self.ended.remove(oldest_fine)
        self.ended.append(ending)


def _words(*words: str) -> str:
    return " ".join(words)


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How progress is shown, and to whom."""

    title: Callable[[ExecutionInfo], str]
    typed: Callable[..., str] = _words
    """Returns a command line, by its words, as it is typed."""
    answers: bool = False
    """True if somebody can answer by keys."""
    main_block: str = ""
    """The block that needs no name, because it is what the command is about."""
    ctrl_c: bool = True
    """True if somebody could press it: only then it is said what that would do."""
    stop_timeout: float = STOP_TIMEOUT
    """Seconds from a signal that nobody has pressed to KILL."""
    closing: bool = False
    """True if the picture says how the execution ended."""
    vanishing: bool = False
    """True if it is erased at the end, because the answer says all that it does."""
    color: bool = True


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One moment of a picture; `tick` numbers the frames, which moves the spinner."""

    width: int
    height: int
    now: datetime
    tick: int
    ascii_only: bool = False


def interrupt_lines(
    signal: InterruptSignal,
    in_progress: Sequence[ItemId],
    looking: Sequence[ItemId],
    look: Look,
    *,
    pressed: bool,
) -> list[str]:
    """Return what an interrupt does to the items in progress, and what comes next.

    `looking` are those that are only looked at; `pressed` says that somebody has pressed Ctrl-C.
    """
    by_key = look.ctrl_c and signal.source is InterruptSource.SIGINT
    nobody_pressed = not look.ctrl_c and signal.source is InterruptSource.SIGINT
    how = "" if by_key else f" ({'by SIGINT' if nobody_pressed else interrupted_how(signal)})"
    lines = [f"Interrupting{how}: {interrupt_sentence(signal.level, in_progress, looking)}"]
    if by_key or (look.ctrl_c and pressed):
        lines.append(next_press_sentence(signal.level, len(in_progress)))
    elif signal.source in PROCESS_SIGNALS and in_progress:
        subject = "it is" if len(in_progress) == 1 else "they are"
        cancel = duration(look.stop_timeout * CANCEL_AFTER)
        kill = duration(look.stop_timeout)
        if signal.level is InterruptLevel.STOP:
            lines.append(
                f"{cancel} after the signal {subject} asked to stop, and after {kill} abandoned."
            )
        elif signal.level is InterruptLevel.CANCEL:
            lines.append(f"{kill} after the first signal {subject} abandoned.")
    return [each for each in lines if each]


def ending_words(started_at: datetime, ending: ExecutionEnded) -> str:
    """Return how an execution ended, in a few words: `interrupted after 4.2 s`."""
    seconds = (ending.at - started_at).total_seconds()
    kind = ending.outcome or OutcomeKind.ERROR
    return summarise(kind, {}, seconds=seconds, interrupt=ending.interrupt).headline


def block_words(block: str) -> str:
    """Return the name of a block as words: `SyncCheck` is `sync check`."""
    return "".join(
        f" {letter.lower()}" if letter.isupper() and place else letter.lower()
        for place, letter in enumerate(block)
    )


def item_ending_words(ended: ItemEnded) -> str:
    """Return what was done to an item; else the word for its status, with the reason."""
    match ended.status:
        case ItemStatus.DONE:
            return one_line(ended.message or ended.shown) or status_word(ended.status)
        case ItemStatus.UNCHANGED:
            return status_word(ended.status)
        case _:
            return status_words(ended.item, ended.status, ended.message)


class Picture:
    """One picture: bars of items, their endings, and a footer."""

    def __init__(self, view: ProgressView, look: Look, frame: Frame) -> None:
        self._view = view
        self._look = look
        self._frame = frame
        self._width = max(1, min(frame.width, _WIDEST))
        room = max(1, self._width - 4)
        self._names = min(view.name_width, max(8, room * 2 // 5), room)
        self._room = room - self._names - 2  # to the right of the names
        signs = _ASCII_SPINNER if frame.ascii_only else _SPINNER
        self._spinner = signs[frame.tick % len(signs)]
        self._dot = status_symbol(ItemStatus.NOT_STARTED, ascii_only=frame.ascii_only)
        self.told: frozenset[ItemId] = frozenset()
        """The items whose endings have a line."""

    def lines(self) -> list[Line]:
        """Return the lines, as many and as wide as there is room for."""
        view, snapshot = self._view, self._view.snapshot
        assert snapshot.execution is not None, "what is shown has begun"
        footer = self._footer(snapshot.execution)[: max(1, self._frame.height)]
        rows = max(0, self._frame.height - len(footer))
        running, ended = len(view.running), view.counts.total()

        # From what matters most to what matters least: some of what runs, that there is more to
        # come, what it is about, air between the parts, and at last what has ended.
        waiting = view.waiting > 0 and snapshot.ending is None and rows > min(running, 2)
        rows -= waiting
        titled = rows > min(running, 3)
        rows -= titled
        airy = rows >= min(running, 6) + 2 + bool(ended)
        rows -= 2 * airy
        for_ended = ended > 0 and rows > 3  # A line for them, if it only counts.
        running_lines = self._running_lines(min(rows - for_ended, running))
        body = [*self._ended_lines(rows - len(running_lines)), *running_lines]
        if waiting:
            word = waiting_word(interrupting=snapshot.interrupt is not None)
            body.append(line((f"  {self._dot} {view.waiting:,} {word}", Style.FAINT)))

        gap = [line("")] if airy else []
        title = shortened(self._look.title(snapshot.execution), self._width)
        head = [line((title, Style.STRONG))] if titled else []
        parts = [part for part in (head, body, footer) if part]
        lines = [each for part in parts for each in (*gap, *part)][len(gap) :]
        return [clipped(each, self._width) for each in lines]

    def _footer(self, execution: ExecutionInfo) -> list[Line]:
        """Return the progress of the whole; or what an interrupt does; or how it all ended."""
        snapshot, width = self._view.snapshot, self._width - 2
        if snapshot.ending is not None:
            words = ending_words(execution.started_at, snapshot.ending)
            return [line(f"  {words}")] if self._look.closing else []
        if snapshot.interrupt is None:
            return [*self._question(execution), line(f"  {self._counts(width)}")]
        most = 1 if self._frame.height < _SMALL else 3
        sentences = interrupt_lines(
            snapshot.interrupt.signal,
            tuple(self._view.running),
            snapshot.looking,
            self._look,
            pressed=self._view.pressed,
        )
        if any(len(wrapped(each, width)) > most for each in sentences):
            level = snapshot.interrupt.signal.level
            sentences[0] = f"{level_label(level)}: {len(self._view.running):,} left"
            if level.above is not None and sentences[-1].startswith("Ctrl-C"):
                sentences[-1] = f"Ctrl-C: {level_label(level.above).lower()}"
        return [
            line("  ", (part, Style.CUT))
            for sentence in sentences
            for part in wrapped(sentence, width, most)
        ]

    def _question(self, execution: ExecutionInfo) -> list[Line]:
        """Return what the first item asks that waits, whole, and how to answer it."""
        asking = self._view.snapshot.asking
        if not asking or self._view.snapshot.ending is not None:
            return []
        item, asked = next(iter(asking.items()))
        width = self._width - 2
        more = f" ({len(asking) - 1:,} more ask)" if len(asking) > 1 else ""
        if self._look.answers:
            how = "y Enter approves, n Enter refuses"
        else:
            how = f"Answer it with: {self._look.typed('approve', execution.id, item)}"
        said = ((f"{item} asks: {asked.question}", Style.CUT), (f"{how}{more}", Style.PLAIN))
        return [line("  ", (part, style)) for text, style in said for part in wrapped(text, width)]

    def _counts(self, width: int) -> str:
        """Return progress, time left and the key that interrupts, as far as they fit."""
        view = self._view
        count = f"{view.counts.total():,} of {view.total:,}" if view.total else ""
        if count and view.block != self._look.main_block:
            count = f"{block_words(view.block)}: {count}"
        seconds = view.seconds_left(self._frame.now)
        left = "" if seconds is None else f"about {estimate(seconds)} left"
        keys = _KEYS if self._look.ctrl_c else ("",)
        forms = [
            " · ".join(part for part in parts if part)
            for parts in ((count, left, keys[0]), *((count, key) for key in keys))
        ]
        fitting = (form for form in forms if display_width(form) <= width)
        return next(fitting, forms[-1]) or "starting"

    def _running_lines(self, rows: int) -> list[Line]:
        if rows <= 0:
            return []
        # Those that wait for a person come first.
        asking = self._view.snapshot.asking
        running = sorted(self._view.running, key=lambda item: item not in asking)
        shown = running if len(running) <= rows else running[: rows - 1]
        lines = [self._running_line(item) for item in shown]
        if len(shown) < len(running):
            lines.append(line(f"  {self._spinner} {len(running) - len(shown):,} more running"))
        return lines

    def _running_line(self, item: ItemId) -> Line:
        """Return an item in progress: its bar if the amount of work is known, else its message.

        What is done with it comes first, if its block says so: `looking`, `changing`.
        """
        snapshot = self._view.snapshot
        asked = snapshot.asking.get(item)
        since = snapshot.since[item] if asked is None else asked.at
        elapsed = duration((self._frame.now - since).total_seconds())
        if asked is not None:
            beside = self._room - display_width(elapsed) - 2
            fits = len(WAITING_FOR_APPROVAL) <= beside
            words = WAITING_FOR_APPROVAL if fits else LiveWord.WAITING.value
            return self._words_line((_ASKS, Style.CUT), item, words, elapsed)
        progress = self._view.running[item] or Progress()
        phase = snapshot.phases.get(item)
        word = "" if phase is None else phase.value
        if progress.stalled_for is None and progress.fraction is not None:
            left = time_left(progress.seconds_left) if progress.seconds_left else elapsed
            return self._bar_line(item, progress, word, left)
        if progress.stalled_for is not None:
            words = f"no sign of progress for {duration(progress.stalled_for)}"
        else:
            parts = (one_line(progress.message), amount(progress), rate(progress))
            words = ", ".join(part for part in parts if part)
        words = f"{word}: {words}" if word and words else word or words
        return self._words_line((self._spinner, Style.PLAIN), item, words, elapsed)

    def _words_line(self, symbol: Span, item: ItemId, words: str, right: str) -> Line:
        """Return a line with words, and something at the right edge if there is room for it."""
        name = self._name(item)
        beside = self._room - display_width(right) - 2
        if display_width(words) > beside and beside < _WORDS:
            return line("  ", symbol, f" {name}  {fitted(words, self._room)}")
        words = padded(fitted(words, beside), beside)
        return line("  ", symbol, f" {name}  {words}  ", (right, Style.FAINT))

    def _bar_line(self, item: ItemId, progress: Progress, phase: str, left: str) -> Line:
        """Return a line with a bar and the richest set of figures that leave room for it."""
        begin, room = f"  {self._spinner} {self._name(item)}  ", self._room
        share = padded(percent(progress), 5, right=True)
        if phase:
            beside = room - len(phase) - 2
            if beside < _BAR[0] + 2 + display_width(share):
                # Which of the two it is says more than a bar.
                words = f"{phase}: {percent(progress)}"
                return line(begin, words if len(words) <= room else percent(progress))
            begin, room = f"{begin}{phase}  ", beside
        for figures, right in (
            ((share, amount(progress), rate(progress)), left),
            ((share, amount(progress)), left),
            ((share,), left),
            ((share,), ""),
        ):
            words = "  ".join(figure for figure in figures if figure)
            taken = display_width(words) + (display_width(right) + 2 if right else 0)
            bar = min(_BAR[1], room - taken - 2)
            if bar >= _BAR[0]:
                space = " " * (room - bar - taken - 2)
                tail = f"  {words}{space}  " if right else f"  {words}"
                return line(begin, *self._bar(progress, bar), tail, (right, Style.FAINT))
        return line(begin, percent(progress))

    def _bar(self, progress: Progress, width: int) -> tuple[Span, Span]:
        halves = int((progress.fraction or 0) * width * 2)
        whole, half = ("#", "") if self._frame.ascii_only else ("━", "╸")
        filled = whole * (halves // 2) + half * (halves % 2)
        return (filled, Style.GOOD), (" " * (width - len(filled)), Style.PLAIN)

    def _name(self, item: ItemId) -> str:
        return padded(fitted(item, self._names), self._names)

    def _ended_lines(self, rows: int) -> list[Line]:
        view = self._view
        if rows <= 0 or not view.ended:
            return []
        shown = _kept(view, rows)
        lines: list[Line] = []
        if len(shown) < view.counts.total():
            shown = _kept(view, min(rows - 1, _ENDINGS_SHOWN))
            hidden = view.counts - Counter(each.status for each in shown)
            lines.append(line((f"  {self._dot} before: {counts_in_words(hidden)}", Style.FAINT)))
        self.told = frozenset(each.item for each in shown)
        for each in shown:
            sign = status_symbol(each.status, ascii_only=self._frame.ascii_only)
            symbol, seconds = (sign, STATUS_STYLES[each.status]), duration(each.seconds)
            lines.append(self._words_line(symbol, each.item, item_ending_words(each), seconds))
        return lines


def _kept(view: ProgressView, most: int) -> list[ItemEnded]:
    """Return the endings that keep a line, in order: failures first of all, then the newest."""
    if most <= 0:
        return []
    ended = list(view.ended)
    failed = [each for each in ended if each.status is ItemStatus.FAILED][-most:]
    others = [each for each in ended if each.status is not ItemStatus.FAILED]
    room = most - len(failed)
    kept = {each.item for each in [*failed, *(others[-room:] if room else [])]}
    return [each for each in ended if each.item in kept]
