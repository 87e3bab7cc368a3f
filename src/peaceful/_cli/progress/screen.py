"""The progress display on a screen, which a thread draws again while it changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from peaceful._cli.program.errors import typed_commands
from peaceful._cli.progress.live_view import Frame, Look, Picture, ProgressView
from peaceful._cli.terminal.text import Line, coloured, plain
from peaceful._cli.terminal.writer import Writer
from peaceful._model.clock import Clock
from peaceful._model.codec import ItemId
from peaceful._model.events import Event, ExecutionEnded, InterruptRequested, Warned
from peaceful._model.interrupt import InterruptSignal, InterruptSource
from peaceful._present.text import display_width, one_line
from peaceful.interrupt import SendResult

_BEGIN: Final = "\x1b[?2026h\x1b[?7l"
"""Synchronized output; no line wrap, because a character may be wider than it should be."""

_END: Final = "\x1b[?7h\x1b[?2026l"

_ERASE_LINE: Final = "\x1b[2K"
_ERASE_BELOW: Final = "\x1b[J"

_SLOWEST: Final = 0.1
"""Seconds between two frames while nothing happens: elapsed times move on."""

_FASTEST: Final = 1 / 15
"""The least seconds between two frames."""

_FRAME_ENDS: Final = 0.5
"""Seconds that a frame has to end."""

_USUAL_SIZE: Final = (80, 24)


class Show:
    """A sink that shows progress on stderr. Every method may be called from any thread."""

    draws: bool = False
    """True if it draws a picture, which keys that are echoed would spoil."""

    before_close: Callable[[], object] = staticmethod(lambda: None)
    """Called when there are no more events, but output can still be shown."""

    left: bool = False
    """True if it has left lines for people, from which what comes next has to stand apart."""

    told: Collection[ItemId] = ()
    """The items of which it has left the ending, with what was done, above what comes next."""

    def receive(self, events: Sequence[Event]) -> None:
        """Show events."""

    def close(self) -> None:
        """End the output."""
        self.before_close()

    def say(self, text: str) -> None:
        """Show a line that something else wrote: an item that prints, a logger, a warning."""

    def pressed(self, signal: InterruptSignal, result: SendResult) -> None:
        """Take note of a process signal; if it was accepted, an event comes too."""

    def still(self) -> AbstractContextManager[None]:
        """Draw nothing within the context; afterwards, draw anew below what others have written."""
        return nullcontext()


class Screen:
    """The lines on the terminal, and the control sequences that change them."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []
        self._size = (0, 0)

    def change(
        self, lines: Sequence[tuple[str, str]], size: tuple[int, int], above: Sequence[str] = ()
    ) -> str:
        """Return what to write to show the picture; each line is given plain and as written.

        Lines `above` stay above the picture for good.
        """
        after = list(lines)
        same_size = size == self._size
        if same_size and not above and after == self._lines:
            return ""
        # In a terminal that has become narrower, lines that were wider take several rows.
        rows = sum(_rows(text, size[0]) for text, _ in self._lines)
        parts = [_BEGIN, f"\x1b[{rows}A\r" if rows else "\r"]
        if above or not same_size:
            parts.append(_ERASE_BELOW)
            parts += [f"{text}\n" for text in above]
            before: list[tuple[str, str]] = []
        else:
            before = self._lines
        for number, (text, written) in enumerate(after):
            unchanged = number < len(before) and before[number] == (text, written)
            parts.append("\n" if unchanged else f"{_ERASE_LINE}{written}\n")
        if len(before) > len(after):
            parts.append(_ERASE_BELOW)
        parts.append(_END)
        self._lines, self._size = after, size
        return "".join(parts)

    def forget(self) -> None:
        """Draw the next picture below what is on the terminal, which is not known any more."""
        self._lines = []


def _rows(text: str, columns: int) -> int:
    """Return how many rows a line takes in a terminal of so many columns."""
    if text.isascii() or display_width(text) <= columns:
        return max(1, -(-len(text) // max(1, columns)))
    rows, used = 1, 0
    for character in text:
        width = display_width(character)
        if used + width > columns:
            # A wide character is not split: it begins the next row.
            rows, used = rows + 1, 0
        used += width
    return rows


class BarSink(Show):
    """A sink that draws the progress of an execution, in a thread of its own."""

    draws = True

    def __init__(self, writer: Writer, look: Look, clock: Clock) -> None:
        self._writer = writer
        self._look = look
        self._clock = clock
        self._view = ProgressView()
        self._screen = Screen()
        self._said: list[str] = []
        self._tick = 0
        self._spoken = False
        self._lock = threading.Lock()
        # A signal handler takes it, too, perhaps in the middle of a frame of the same thread.
        self._drawing = threading.RLock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def receive(self, events: Sequence[Event]) -> None:
        """Add events, which are drawn a little later."""
        with self._lock:
            for event in events:
                self._view.add(event)
        for event in events:
            if isinstance(event, Warned):
                self.say(f"warning: {typed_commands(event.text, self._look.typed)}")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="peaceful-picture", daemon=True)
            self._thread.start()
        if any(isinstance(event, (InterruptRequested, ExecutionEnded)) for event in events):
            self._wake.set()

    def close(self) -> None:
        """Draw the last frame, which stays unless it is to vanish."""
        self.before_close()
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self.draw()
            self._screen.forget()

    def say(self, text: str) -> None:
        """Print a line above the picture, where it stays."""
        if self._thread is None or self._closed.is_set():
            self.left = self._spoken = True
            self._writer.write(f"{one_line(text)}\n")
            return
        with self._lock:
            self._said.append(one_line(text))

    def pressed(self, signal: InterruptSignal, result: SendResult) -> None:
        """Show what the next press would do."""
        if signal.source is InterruptSource.SIGINT:
            self._view.pressed = True
            self._wake.set()

    @contextmanager
    def still(self) -> Generator[None]:
        # Not waited for for ever: the terminal may take nothing in the middle of a frame.
        held = self._drawing.acquire(timeout=_FRAME_ENDS)
        try:
            yield
        finally:
            self._screen.forget()
            if held:
                self._drawing.release()

    def draw(self) -> None:
        """Draw one frame."""
        with self._drawing:
            columns, rows = self._writer.size() or _USUAL_SIZE
            with self._lock:
                said, self._said = self._said, []
                lines = self._picture(columns, rows)
            self._spoken |= bool(said)
            self.left = self._spoken or bool(lines)
            show = coloured if self._look.color else plain
            drawn = [(plain(each), show(each)) for each in lines]
            self._writer.write(self._screen.change(drawn, (columns, rows), said))

    def _picture(self, columns: int, rows: int) -> list[Line]:
        snapshot = self._view.snapshot
        if snapshot.execution is None or (self._look.vanishing and snapshot.ending is not None):
            self.told = ()
            return []
        self._tick += 1
        frame = Frame(
            width=columns,
            height=rows - 1,  # below it, the cursor
            now=self._clock.now(),
            tick=self._tick,
            ascii_only=self._writer.ascii_only,
        )
        picture = Picture(self._view, self._look, frame)
        lines = picture.lines()
        self.told = picture.told
        return lines

    def _run(self) -> None:
        while not self._closed.is_set():
            if self._writer.in_foreground():
                self.draw()
            if not self._closed.wait(_FASTEST):
                self._wake.wait(_SLOWEST - _FASTEST)
                self._wake.clear()
