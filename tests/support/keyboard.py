"""A terminal that controls a program, and the keys that are pressed at it."""

from __future__ import annotations

import io
import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Keyboard:
    """The keyboard of a terminal.

    Attributes:
        terminal: the terminal; the first program that is started with it is controlled by it.
    """

    terminal: Path
    _keys: io.FileIO

    @classmethod
    @contextmanager
    def of_new_terminal(cls) -> Iterator[Keyboard]:
        """The keyboard of a terminal that nobody uses yet."""
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "r+b", buffering=0) as keys, os.fdopen(theirs, "r+b", buffering=0):
            yield cls(Path(os.ttyname(theirs)), keys)

    def ctrl_c(self) -> None:
        """Presses Ctrl-C: the terminal sends SIGINT to all that runs in the foreground."""
        self._keys.write(b"\x03")

    def hang_up(self) -> None:
        """Closes the terminal, as closing its window does, or a connection that breaks."""
        self._keys.close()
