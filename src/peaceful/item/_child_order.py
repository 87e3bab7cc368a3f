"""What to run as a child process, and how one ended."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

TAIL_LINES: Final = 12
"""How many of the last lines of output an error shows."""


class ChildResult(msgspec.Struct, frozen=True):
    """How a child process ended.

    Attributes:
        command: what was run.
        exit_status: the exit code, or the negated number of the signal that ended it.
        stdout: the last bytes of its standard output.
        stderr: the last bytes of its standard error.
        truncated: whether earlier output was dropped.
    """

    command: tuple[str, ...]
    exit_status: int
    stdout: bytes
    stderr: bytes
    truncated: bool

    @property
    def text(self) -> str:
        """The standard output as text, without the last line break."""
        return self.stdout.decode(errors="replace").removesuffix("\n")

    @property
    def tail(self) -> str:
        """The last lines of its output, the error output first choice, for an error message."""
        output = self.stderr.strip() or self.stdout.strip()
        return "\n".join(output.decode(errors="replace").splitlines()[-TAIL_LINES:])


class ChildOrder(msgspec.Struct, frozen=True):
    """What to run, and how. See `ItemCtx.run` for what the attributes mean.

    Attributes:
        words: the program and its arguments.
        cwd: its folder.
        env: its environment.
        stdin: what it reads.
        on_line: is told of each line of its output.
        capture: how many of the last bytes of each output are kept.
        terminal: whether it needs the terminal itself.
        check: whether ending with an error raises.
    """

    words: tuple[str, ...]
    cwd: Path | None
    env: Mapping[str, str] | None
    stdin: bytes | None
    on_line: Callable[[str], None] | None
    capture: int
    terminal: bool
    check: bool

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError("there is no program to run")
        if self.capture < 0:
            raise ValueError(f"capture must not be negative, as {self.capture} is")
        if self.terminal and (self.stdin is not None or self.on_line is not None):
            raise ValueError("what has the terminal itself takes neither stdin nor on_line")

    @property
    def shown(self) -> str:
        """The command as it would be typed."""
        return shlex.join(self.words)
