"""Writers for stdout and stderr, and the capture of what items print."""

from __future__ import annotations

import codecs
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

from peaceful._disclosure import masked
from peaceful._errors.running import FileInaccessible

_NOBODY_READS: Final = frozenset({errno.EPIPE, errno.EIO, errno.ENXIO, errno.ECONNRESET})
"""The other end of a pipe is closed, or the terminal is gone."""


_STDOUT: Final = 1
_STDERR: Final = 2

_LONGEST_LINE: Final = 65536
"""How much of a line is kept until its end comes."""

_LAST_WORDS: Final = 0.2
"""Seconds for what was written before the end."""


def in_foreground(fd: int) -> bool:
    """Return whether this process is in the foreground of a terminal, or it is not its own."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        # It is not the controlling terminal, so there is no job control to heed.
        return True


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
        return self.fd is None or in_foreground(self.fd)

    def flush_stream(self) -> None:
        """Write out what others have written to the stream."""
        with contextlib.suppress(ValueError):  # It may be closed.
            if self._stream is not None:
                self._stream.flush()

    def _write(self, text: str) -> None:
        assert self._stream is not None
        if self.fd is None:
            self._stream.write(text)
            self._stream.flush()
            return
        # What others have written to the stream comes first.
        self.flush_stream()
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
            _lead_nowhere(self.fd)


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
    """A stream that passes whole lines to `say`, without known secrets, in place of another one."""

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
            self._pass_on(each)
        if len(self._begun) > _LONGEST_LINE:
            self.end()
        return len(text)

    def end(self) -> None:
        """Pass on an unterminated line."""
        with self._lock:
            begun, self._begun = self._begun, ""
        if begun:
            self._pass_on(begun)

    def _pass_on(self, line: str) -> None:
        # Such as a full disk: that is no failure of whoever prints.
        with contextlib.suppress(FileInaccessible):
            self._say(masked(line))


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


@contextmanager
def stdout_kept(stdout: Writer, say: Callable[[str], None]) -> Generator[None]:
    """Within the context, keep stdout for its writer, whatever else writes to the descriptor.

    Such as `os.write(1, …)`, a C library, or a process that has inherited it. That goes to `say`,
    line by line. It does not go straight to stderr: nobody may read that, which must not fail
    whoever writes, and there may be secrets in it.
    """
    if stdout.fd != _STDOUT:
        yield
        return
    _flush(stdout)
    stdout.fd = real = os.dup(_STDOUT)
    _kept.add(real)
    reader = _LineReader(_STDOUT, say)
    try:
        yield
    finally:
        _flush(stdout)
        os.dup2(real, _STDOUT)
        _kept.discard(real)
        os.close(real)
        stdout.fd = _STDOUT
        reader.end()


_kept: Final[set[int]] = set()
"""The descriptors of stdout while it is kept for its writer."""


def _after_fork() -> None:
    # Else whoever reads stdout would wait for a process that an item has left running, too.
    for descriptor in _kept:
        _lead_nowhere(descriptor)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def hold_closed() -> None:
    """Let the descriptors of streams that are closed lead nowhere.

    Else a file that is opened would get one, and what is written to the stream.
    """
    for descriptor in (0, _STDOUT, _STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            _lead_nowhere(descriptor)


def _lead_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere == descriptor:
        os.set_inheritable(descriptor, True)
    else:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _flush(stdout: Writer) -> None:
    """Write out what others have written to streams, with `printf` of a C library included."""
    with contextlib.suppress(OSError, ValueError):
        stdout.flush_stream()
        if sys.__stdout__ is not None:
            sys.__stdout__.flush()
    ctypes = sys.modules.get("ctypes")  # Else Python code can hardly have called one.
    if ctypes is not None and os.name == "posix":
        ctypes.CDLL(None).fflush(None)


class _LineReader:
    """Lets a descriptor lead to a pipe, and passes on what is written there, line by line."""

    def __init__(self, descriptor: int, say: Callable[[str], None]) -> None:
        self._lines = Prints(say, None)
        self._reading, writing = os.pipe()
        os.dup2(writing, descriptor)
        os.close(writing)
        self._thread = threading.Thread(target=self._read, name="peaceful-stdout", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Pass on what is left; the descriptor leads elsewhere by now."""
        self._thread.join(_LAST_WORDS)
        if self._thread.is_alive():
            # Processes that items have left running write to it, too. Their next line would end
            # them where nobody reads it.
            with contextlib.suppress(OSError, AttributeError):
                to = [(os.POSIX_SPAWN_DUP2, self._reading, 0), (os.POSIX_SPAWN_DUP2, _STDERR, 1)]
                os.posix_spawnp("cat", ["cat"], os.environ, file_actions=to, setpgroup=0)

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while chunk := os.read(self._reading, _LONGEST_LINE):
            self._lines.write(decoder.decode(chunk))
        self._lines.end()
        os.close(self._reading)
