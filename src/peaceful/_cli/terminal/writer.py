"""Writers for stdout and stderr, and the capture of what items print."""

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
"""The other end of a pipe is closed, or the terminal is gone."""


class Writer:
    """Writes text to a stream, at once. May be used from any thread.

    If nobody reads any more, text is dropped: that is no failure of the command, and must not end
    it. The name of the stream is for messages, such as `standard output`.
    """

    def __init__(self, stream: TextIO | None, name: str) -> None:
        self._stream = stream
        self._name = name
        self._lock = threading.Lock()
        self.fd = _file_descriptor(stream)
        self.encoding: str = getattr(stream, "encoding", None) or "utf-8"
        self.is_terminal = self.fd is not None and os.isatty(self.fd)
        self.ascii_only = not _can_encode(self.encoding)
        self.gone = stream is None

    def write(self, text: str) -> None:
        """Write text; raise `FileInaccessible` if it fails, unless because nobody reads."""
        try:
            with self._lock:
                if not self.gone:
                    self._write(text)
        except OSError as error:
            self._give_up()
            if error.errno not in _NOBODY_READS:
                raise FileInaccessible(Path(self._name), "written", error) from error

    def size(self) -> tuple[int, int] | None:
        """Return the terminal's columns and rows; None if they are not known."""
        if self.fd is None or not self.is_terminal:
            return None
        try:
            columns, rows = os.get_terminal_size(self.fd)
        except OSError:
            return None
        return (columns, rows) if columns > 0 and rows > 0 else None

    def same_place(self, other: Writer) -> bool:
        """Return whether both write to the same file or terminal."""
        if self.fd is None or other.fd is None:
            return False
        try:
            return os.path.samestat(os.fstat(self.fd), os.fstat(other.fd))
        except OSError:
            return False  # One of them is closed.

    def in_foreground(self) -> bool:
        """Return whether this process may draw on the terminal, because no later command has it."""
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
        self.gone = True
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
    """A stream that passes whole lines to `say`, in place of another stream."""

    def __init__(self, say: Callable[[str], None], stream: TextIO | None) -> None:
        super().__init__()
        self._say = say
        self._stream = stream
        self._begun = ""
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]  # typeshed has a variable
        return getattr(self._stream, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def write(self, text: str, /) -> int:
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
        for each in lines:
            self._say(each)
        return len(text)

    def end(self) -> None:
        """Pass on an unterminated line."""
        with self._lock:
            begun, self._begun = self._begun, ""
        if begun:
            self._say(begun)


@contextmanager
def prints_shown(say: Callable[[str], None]) -> Generator[Callable[[], None]]:
    """Within the context, pass on what is printed to stdout or stderr, line by line.

    Only the outcome goes to stdout, or programs could not read it. The yielded function passes on
    unterminated lines; call it before the display closes.
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
