"""The pipes of a child process: what it says is taken as it comes, what it reads is given."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import IO, Final

_CHUNK: Final = 16384
"""Bytes that are read at a time: as many short lines as can be told without holding up the loop."""
_LONGEST_LINE: Final = 4096
"""How many of the last bytes of a line are passed on: output may be without line breaks."""


class Tail:
    """The last bytes of an output, and its lines as they come.

    Args:
        limit: how many bytes are kept.
        on_line: is told each line that is not empty; a carriage return ends one too.

    Attributes:
        data: the last bytes.
        truncated: whether earlier ones were dropped.
    """

    def __init__(self, limit: int, on_line: Callable[[str], None] | None) -> None:
        self._limit = limit
        self._on_line = on_line
        self._line = b""
        self.data = bytearray()
        self.truncated = False

    def take(self, chunk: bytes) -> None:
        """Takes the next bytes; none mean that it was the last."""
        self.data += chunk
        if len(self.data) > self._limit:
            self.truncated = True
            del self.data[: len(self.data) - self._limit]
        if self._on_line is not None:
            self._pass_lines(chunk, self._on_line)

    def _pass_lines(self, chunk: bytes, on_line: Callable[[str], None]) -> None:
        *lines, rest = (self._line + chunk).replace(b"\r", b"\n").split(b"\n")
        if not chunk:
            lines, rest = [rest], b""
        self._line = rest[-_LONGEST_LINE:]
        for line in lines:
            if line.strip():
                on_line(line[-_LONGEST_LINE:].decode(errors="replace"))


class OutputPipe:
    """Reads what a child says.

    Args:
        pipe: the end of the pipe to read from; it is closed in the end.
        tail: takes what is read.

    Attributes:
        ended: done when the last process that could write has closed its end; what `tail` raises
            ends it too.
    """

    def __init__(self, pipe: IO[bytes], tail: Tail) -> None:
        self._pipe = pipe
        self._tail = tail
        self._loop = asyncio.get_running_loop()
        self.ended: Final[asyncio.Future[None]] = self._loop.create_future()
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_reader(pipe.fileno(), self._read)

    def close(self) -> None:
        """Reads no more."""
        if not self._pipe.closed:
            self._loop.remove_reader(self._pipe.fileno())
            self._pipe.close()
        if not self.ended.done():
            self.ended.cancel()

    def _read(self) -> None:
        try:
            chunk = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return  # Somebody else has read it, or it was a false alarm.
        try:
            self._tail.take(chunk)
        except Exception as error:  # noqa: BLE001 - what takes lines is other people's code
            self.ended.set_exception(error)
            self.ended.exception()  # Looked at, so that the loop does not report it as forgotten.
            self.close()
        else:
            if not chunk:
                self.ended.set_result(None)
                self.close()


class InputPipe:
    """Writes what a child reads. That it does not want all of it is no error.

    Args:
        pipe: the end of the pipe to write to; it is closed in the end.
        data: what to write.
    """

    def __init__(self, pipe: IO[bytes], data: bytes) -> None:
        self._pipe = pipe
        self._rest = memoryview(data)
        self._loop = asyncio.get_running_loop()
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_writer(pipe.fileno(), self._write)

    def close(self) -> None:
        """Writes no more."""
        if not self._pipe.closed:
            self._loop.remove_writer(self._pipe.fileno())
            self._pipe.close()

    def _write(self) -> None:
        try:
            written = os.write(self._pipe.fileno(), self._rest[:_CHUNK])
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.close()
            return
        self._rest = self._rest[written:]
        if not self._rest:
            self.close()
