"""Writers for stdout and stderr, and what items print meanwhile."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Final, TextIO

from peaceful._errors.running import FileInaccessible

_NOBODY_READS: Final = frozenset({errno.EPIPE, errno.EIO, errno.ENXIO, errno.ECONNRESET})
"""The other end of a pipe is closed; the terminal is gone."""


class Writer:
    """Writes text to a stream, at once.

    Where nobody reads any more, what is written is dropped: that is no failure of the command, and
    must not end it. May be used from any thread.

    Args:
        stream: where to write; none where the process was started without it.
        name: what it is called, such as `standard output`.

    Attributes:
        is_terminal: whether a person looks at it.
        fd: its file descriptor, or none where it has none.
        encoding: how characters become bytes.
        ascii_only: whether it cannot show more than ASCII.
    """

    def __init__(self, stream: TextIO | None, name: str) -> None:
        self._stream = stream
        self._name = name
        self._lock = threading.Lock()
        self.fd = _file_descriptor(stream)
        self.encoding: str = getattr(stream, "encoding", None) or "utf-8"
        self.is_terminal = self.fd is not None and os.isatty(self.fd)
        self.ascii_only = not _can_encode(self.encoding)
        self._gone = stream is None

    @property
    def gone(self) -> bool:
        """Whether nobody reads any more."""
        return self._gone

    def write(self, text: str) -> None:
        """Writes text.

        Raises:
            FileInaccessible: it cannot be written for another reason than that nobody reads it.
        """
        try:
            with self._lock:
                if not self._gone:
                    self._write(text)
        except OSError as error:
            self._give_up()
            if error.errno not in _NOBODY_READS:
                raise FileInaccessible(Path(self._name), "written", error) from error

    def size(self) -> tuple[int, int] | None:
        """The terminal's columns and rows; none where there is no terminal, or it does not say."""
        if self.fd is None or not self.is_terminal:
            return None
        try:
            columns, rows = os.get_terminal_size(self.fd)
        except OSError:
            return None
        return (columns, rows) if columns > 0 and rows > 0 else None

    def same_place(self, other: Writer) -> bool:
        """Whether what is written to the other one comes out at the same place."""
        if self.fd is None or other.fd is None:
            return False
        try:
            return os.path.samestat(os.fstat(self.fd), os.fstat(other.fd))
        except OSError:
            return False  # One of them is closed.

    def in_foreground(self) -> bool:
        """Whether the terminal is this process's to draw on, and not that of a later command."""
        if self.fd is None:
            return True
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            # Not this process's own terminal: there is no foreground that it could be in.
            return True

    def _write(self, text: str) -> None:
        assert self._stream is not None
        if self.fd is None:
            self._stream.write(text)
            self._stream.flush()
            return
        with contextlib.suppress(ValueError):
            # What others have written to the stream comes first; it may be closed.
            self._stream.flush()
        rest = memoryview(text.encode(self.encoding, errors="replace"))
        while rest:
            try:
                rest = rest[os.write(self.fd, rest) :]
            except BlockingIOError:
                # Somebody who shares the terminal has made it non-blocking.
                select.select([], [self.fd], [])

    def _give_up(self) -> None:
        self._gone = True
        if self.fd is not None:
            # What Python itself flushes when it ends must go somewhere.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fd)
            os.close(nowhere)


def _file_descriptor(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):
        return None


def _can_encode(encoding: str) -> bool:
    try:
        "✓✗·━╸⠹…→".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


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
