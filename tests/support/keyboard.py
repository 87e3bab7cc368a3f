"""A terminal that controls a program, and the keys that are pressed at it."""

from __future__ import annotations

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
    _keys: int

    @classmethod
    @contextmanager
    def of_new_terminal(cls) -> Iterator[Keyboard]:
        """The keyboard of a terminal that nobody uses yet."""
        ours, theirs = pty.openpty()
        try:
            yield cls(Path(os.ttyname(theirs)), ours)
        finally:
            os.close(theirs)
            os.close(ours)

    def ctrl_c(self) -> None:
        """Presses Ctrl-C: the terminal sends SIGINT to all that runs in the foreground."""
        os.write(self._keys, b"\x03")
