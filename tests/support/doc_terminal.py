"""A terminal with a shell in it, for doing what a page says."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROWS, COLUMNS = 50, 80
_PROMPT = re.compile(r"\x1b\]7777;(\d+)\x07")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]*|\][^\x07]*)?\Z")
_CONTROL = re.compile(
    r"\x1b\[(?P<arguments>[0-9;?]*)(?P<final>[@-~])|\x1b\][^\x07]*\x07|(?P<other>[\r\n\b])"
)


class Screen:
    """What a terminal shows, as far as the sequences that programs here use."""

    def __init__(self) -> None:
        self.lines: list[str] = [""]
        self._row = 0
        self._column = 0

    def feed(self, text: str) -> None:
        """Takes what a program wrote."""
        place = 0
        for control in _CONTROL.finditer(text):
            self._write(text[place : control.start()])
            self._obey(control)
            place = control.end()
        self._write(text[place:])

    def _write(self, text: str) -> None:
        if text:
            line = self.lines[self._row].ljust(self._column)
            self.lines[self._row] = line[: self._column] + text + line[self._column + len(text) :]
            self._column += len(text)

    def _obey(self, control: re.Match[str]) -> None:
        match control["other"], control["final"]:
            case "\n", _:
                self._row += 1
                if self._row == len(self.lines):
                    self.lines.append("")
            case "\r", _:
                self._column = 0
            case "\b", _:
                self._column = max(0, self._column - 1)
            case _, "A":
                self._row = max(0, self._row - int(control["arguments"] or 1))
            case _, "K":
                keep = 0 if control["arguments"] == "2" else self._column
                self.lines[self._row] = self.lines[self._row][:keep]
            case _, "J":
                del self.lines[self._row + 1 :]
                self.lines[self._row] = self.lines[self._row][: self._column]
            case _:
                pass  # colours, modes, titles


class Terminal:
    """A shell that believes to be at a terminal.

    Args:
        folder: where it begins.
        environment: what its commands are given.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        attributes = termios.tcgetattr(theirs)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        # The first terminal that the leader of a session opens becomes that of the session.
        shell = f"exec bash --noprofile --norc --noediting 0<>{os.ttyname(theirs)} 1>&0 2>&0"
        self._shell = subprocess.Popen(
            ["sh", "-c", shell],
            cwd=folder,
            env={**environment, "PS1": r"\[\e]7777;$?\a\]", "PS2": ""},
            start_new_session=True,
        )
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._unread = ""
        self.screen = Screen()
        self.running = True
        self.status = 0
        self.finish()
        os.close(theirs)  # not before the shell has opened it

    def type(self, command: str) -> None:
        """Types a command, and the return key."""
        self.screen = Screen()
        self.running = True
        os.write(self._ours, f"{command}\n".encode())

    def press_ctrl_c(self) -> None:
        """Presses Ctrl-C."""
        os.write(self._ours, b"\x03")

    def wait_until(self, seen: Callable[[list[str]], bool], timeout: float = 30) -> bool:
        """Reads until the screen shows something; whether it came to that.

        Args:
            seen: says it of the screen's lines.
            timeout: in seconds.
        """
        deadline = time.monotonic() + timeout
        while not seen(self.screen.lines):
            if not self.running or not self._read(deadline):
                return False
        return True

    def finish(self, timeout: float = 45) -> bool:
        """Reads until the command has ended; whether it has.

        Args:
            timeout: in seconds.
        """
        deadline = time.monotonic() + timeout
        while self.running:
            if not self._read(deadline):
                return False
        return True

    def close(self) -> None:
        """Ends the shell and what runs in it, as when its window is closed."""
        if self.running:
            self.press_ctrl_c()
            self.finish(10)
        os.close(self._ours)
        self._shell.wait(10)

    def _read(self, deadline: float) -> bool:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self._ours], [], [], left)[0]:
            return False
        self._unread += self._decoder.decode(os.read(self._ours, 65536))
        prompt = _PROMPT.search(self._unread)
        if prompt is not None:
            self.screen.feed(self._unread[: prompt.start()])
            self.running, self.status = False, int(prompt[1])
            self._unread = self._unread[prompt.end() :]
            return True
        unfinished = _UNFINISHED.search(self._unread)
        end = len(self._unread) if unfinished is None else unfinished.start()
        self.screen.feed(self._unread[:end])
        self._unread = self._unread[end:]
        return True
