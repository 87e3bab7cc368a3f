"""Progress as a living picture on a terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from peaceful.cli._board import Board
from peaceful.cli._frame import Frame
from peaceful.cli._lines import Line, coloured, plain
from peaceful.cli._picture import picture
from peaceful.cli._screen import Screen
from peaceful.cli._writer import Writer
from peaceful.interrupt import SendResult
from peaceful.model import (
    Clock,
    Event,
    ExecutionEnded,
    ExecutionInfo,
    InterruptRequested,
    InterruptSignal,
    InterruptSource,
)
from peaceful.present import one_line

_SLOWEST: Final = 0.1
"""Seconds between two pictures while nothing happens: the time that something takes moves on."""

_FASTEST: Final = 1 / 15
"""Seconds between two pictures at least."""

_USUAL_SIZE: Final = (80, 24)


class BarLook(msgspec.Struct, frozen=True):
    """What a picture says beside what happens.

    Attributes:
        title: what is executed, in words, once it is known.
        main_block: the block that needs no name.
        ctrl_c: whether Ctrl-C interrupts.
        closing: whether the picture tells the ending.
        vanishing: whether it is erased at the end, because what comes then tells all that it does.
        color: whether it has colours.
    """

    title: Callable[[ExecutionInfo], str]
    main_block: str = ""
    ctrl_c: bool = True
    closing: bool = False
    vanishing: bool = False
    color: bool = True


class BarSink:
    """Draws a picture of an execution, and draws it again as it changes, in a thread of its own.

    Args:
        writer: the terminal.
        look: what the picture says beside what happens.
        clock: tells the time.
    """

    def __init__(self, writer: Writer, look: BarLook, clock: Clock) -> None:
        self._writer = writer
        self._look = look
        self._clock = clock
        self._board = Board()
        self._screen = Screen()
        self._said: list[str] = []
        self._tick = 0
        self._left = False
        self._spoken = False
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def draws(self) -> bool:
        """Yes."""
        return True

    @property
    def left(self) -> bool:
        """Whether there is a picture, or a line above it."""
        return self._left

    def receive(self, events: Sequence[Event]) -> None:
        """Takes events in; they are drawn a little later."""
        with self._lock:
            for event in events:
                self._board.add(event)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="peaceful-picture", daemon=True)
            self._thread.start()
        if any(isinstance(event, (InterruptRequested, ExecutionEnded)) for event in events):
            self._wake.set()

    def close(self) -> None:
        """Draws the last picture, which stays unless it is to vanish."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self.draw()
            self.redraw()

    def say(self, text: str) -> None:
        """Puts a line above the picture, where it stays."""
        if self._thread is None or self._closed.is_set():
            self._left = self._spoken = True
            self._writer.write(f"{one_line(text)}\n")
            return
        with self._lock:
            self._said.append(one_line(text))

    def pressed(self, signal: InterruptSignal, result: SendResult) -> None:
        """Says what the next press would do, now that there was one."""
        if signal.source is InterruptSource.SIGINT:
            self._board.pressed = True
            self._wake.set()

    def redraw(self) -> None:
        """From now on draws below what is there: something else has written to the terminal."""
        with self._drawing:
            self._screen.forget()

    def draw(self) -> None:
        """Draws the picture as it is now."""
        with self._drawing:
            columns, rows = self._writer.size() or _USUAL_SIZE
            with self._lock:
                said, self._said = self._said, []
                lines = self._picture(columns, rows)
            self._spoken |= bool(said)
            self._left = self._spoken or bool(lines)
            show = coloured if self._look.color else plain
            drawn = [(plain(each), show(each)) for each in lines]
            self._writer.write(self._screen.change(drawn, (columns, rows), said))

    def _picture(self, columns: int, rows: int) -> list[Line]:
        board = self._board
        if board.execution is None or (self._look.vanishing and board.ending is not None):
            return []
        self._tick += 1
        frame = Frame(
            width=columns,
            height=rows - 1,  # below it, the cursor
            now=self._clock.now(),
            tick=self._tick,
            title=self._look.title(board.execution),
            main_block=self._look.main_block,
            ctrl_c=self._look.ctrl_c,
            closing=self._look.closing,
            ascii_only=self._writer.ascii_only,
        )
        return picture(board, frame)

    def _run(self) -> None:
        while not self._closed.is_set():
            if self._writer.in_foreground():
                self.draw()
            if not self._closed.wait(_FASTEST):
                self._wake.wait(_SLOWEST - _FASTEST)
                self._wake.clear()
