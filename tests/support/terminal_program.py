"""A program on a terminal of its own: what it shows, the keys that are pressed, and how it ends."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from preloaded_programs import PreloadedProcess, can_be_preloaded, preloaded
from processes import in_a_shell
from terminal_emulator import Emulator

PATIENCE: Final = 30.0
"""Seconds that anything is waited for, on a busy machine."""

_LOCAL: Final = 3


def _started(
    words: Sequence[str], terminal: str, folder: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes] | PreloadedProcess:
    there = {**environment, "TERM": "xterm-256color"}
    if can_be_preloaded(words, environment):
        return preloaded(words[0]).start(
            words, folder=folder, environment=there, terminal=terminal, piped=False
        )
    # Whoever leads a session gets the first terminal that it opens.
    start = 'exec 0<>"$0" 1>&0 2>&0; exec "$@"'
    return subprocess.Popen(
        ["sh", "-c", start, terminal, *words], cwd=folder, env=there, start_new_session=True
    )


class OnTerminal:
    """A program that a terminal controls, as if somebody had started it there.

    Args:
        words: the program and its arguments.
        folder: where it is started.
        environment: what it is started with.
        columns: how wide the terminal is.
        height: how many rows it shows.
    """

    def __init__(
        self,
        *words: str,
        folder: Path,
        environment: Mapping[str, str],
        columns: int = 80,
        height: int = 24,
    ) -> None:
        self._keys, theirs = pty.openpty()
        self.screen = Emulator(columns, height)
        self.raw = ""
        self._set_size(columns, height)
        self.process = _started(words, os.ttyname(theirs), folder, environment)
        self._theirs: int | None = theirs
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def press(self, keys: str) -> None:
        """Presses keys, such as Ctrl-C, which is the character 3."""
        os.write(self._keys, keys.encode())

    def resize(self, columns: int, height: int) -> None:
        """Makes the terminal another size."""
        self.screen.resize(columns, height)
        self._set_size(columns, height)

    def shows(self, text: str, times: int = 1) -> None:
        """Waits until it shows a text in so many lines, at its top or already above that."""
        deadline = time.monotonic() + PATIENCE
        while sum(text in line for line in self.screen.everything) < times:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} was not shown: {self.screen.everything}"
            assert self._read(left), f"it ended without {text!r}: {self.screen.everything}"

    def let(self, seconds: float) -> bool:
        """Lets it run for some time.

        Returns:
            Whether it still runs then.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self._read(left):
            pass
        return self.process.poll() is None

    def echoes(self) -> bool:
        """Whether the terminal shows the keys that are pressed."""
        return bool(termios.tcgetattr(self._keys)[_LOCAL] & termios.ECHO)

    def hang_up(self) -> None:
        """Closes the terminal, as when its window is closed."""
        self._let_go()
        os.close(self._keys)
        self._keys = -1

    def end(self) -> int:
        """Waits for the end of the program, and reads all that it has written.

        Returns:
            The exit code, as a shell tells it.
        """
        if self._keys != -1:
            deadline = time.monotonic() + PATIENCE
            while self.process.poll() is None and self._read(deadline - time.monotonic()):
                pass
            code = in_a_shell(self.process.wait(PATIENCE))
            while self._read(0):
                pass
            assert "Traceback" not in self.raw, self.raw
            return code
        return in_a_shell(self.process.wait(PATIENCE))

    def close(self) -> None:
        """Ends it, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self._let_go()
        if self._keys != -1:
            os.close(self._keys)

    def _let_go(self) -> None:
        if self._theirs is not None:
            os.close(self._theirs)
            self._theirs = None

    def _set_size(self, columns: int, height: int) -> None:
        fcntl.ioctl(self._keys, termios.TIOCSWINSZ, struct.pack("HHHH", height, columns, 0, 0))

    def _read(self, seconds: float) -> bool:
        """Reads what there is; whether there is or will be something."""
        ready, _, _ = select.select([self._keys], [], [], min(0.1, max(0.0, seconds)))
        if not ready:
            return seconds > 0 and self.process.poll() is None
        try:
            read = os.read(self._keys, 65536)
        except OSError:
            return False  # Nobody has the terminal any more.
        text = self._decoder.decode(read)
        self.raw += text
        self.screen.feed(text)
        return True
