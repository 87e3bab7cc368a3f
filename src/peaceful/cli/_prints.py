"""What items, loggers and warnings print while an execution runs: shown beside its progress."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO


class Prints(io.TextIOBase):
    """A stream whose lines are handed on, whole ones only.

    Args:
        say: told of each line.
        stream: what it stands for, or none.
    """

    def __init__(self, say: Callable[[str], None], stream: TextIO | None) -> None:
        super().__init__()
        self._say = say
        self._stream = stream
        self._begun = ""
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]  # typeshed has a variable
        """That of the stream that it stands for."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """That of the stream that it stands for.

        Raises:
            OSError: there is none.
        """
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def write(self, text: str, /) -> int:
        """Takes text in."""
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
        for each in lines:
            self._say(each)
        return len(text)

    def end(self) -> None:
        """Hands on what was begun and not ended."""
        with self._lock:
            begun, self._begun = self._begun, ""
        if begun:
            self._say(begun)


@contextmanager
def prints_shown(say: Callable[[str], None]) -> Generator[Callable[[], None]]:
    """Within the context, what is printed to stdout or stderr is handed on, line by line.

    Nothing but the outcome goes to stdout, or programs that read it could not.

    Yields:
        What hands on lines that were begun and not ended, before there is no room for them.
    """
    streams = Prints(say, sys.stdout), Prints(say, sys.stderr)

    def end() -> None:
        for stream in streams:
            stream.end()

    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        try:
            yield end
        finally:
            end()
