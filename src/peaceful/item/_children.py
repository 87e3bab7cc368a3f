"""Child processes of items: in a group of their own, with captured output, on the ladder of levels."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from peaceful.errors import ChildFailed, ItemFailure
from peaceful.item._process_group import group_gone, signal_group
from peaceful.model import InterruptLevel

CAPTURED: Final = 1024 * 1024
"""How many of the last bytes of an output are kept unless said otherwise."""
TAIL_LINES: Final = 12
"""How many of the last lines of output an error shows."""
EXECUTION_VARIABLE: Final = "PEACEFUL_EXECUTION_ID"
"""The environment variable by which children of an execution are found after it was killed."""
_AFTER_SIGTERM: Final = 5.0
"""Seconds that a cancelled item's children have between SIGTERM and SIGKILL."""


@dataclass(frozen=True, slots=True)
class ChildResult:
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


class Children:
    """The running process groups of one execution."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._level: InterruptLevel | None = None

    def raise_to(self, level: InterruptLevel) -> None:
        """Passes an interrupt on: CANCEL ends children by SIGTERM, KILL by SIGKILL.

        Safe to call from any thread and from a signal handler.
        """
        if level is InterruptLevel.STOP:
            return
        self._level = level
        for group in tuple(self._groups):
            signal_group(group, _SIGNAL_AT[level])

    def kill_all(self) -> None:
        """Ends every child that is left, at once."""
        self.raise_to(InterruptLevel.KILL)

    async def all_gone(self, timeout: float) -> bool:
        """Waits until no child is left.

        Args:
            timeout: in seconds.

        Returns:
            Whether that came about in time.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                for group in tuple(self._groups):
                    await group_gone(group)
        return not any(self._groups)

    def added(self, group: int) -> None:
        """A child was started as the leader of the group. It joins the present level at once."""
        self._groups.add(group)
        if self._level is not None:
            signal_group(group, _SIGNAL_AT[self._level])

    def removed(self, group: int) -> None:
        """The last process of the group is gone."""
        self._groups.discard(group)


_SIGNAL_AT: Final = {
    InterruptLevel.CANCEL: signal.SIGTERM,
    InterruptLevel.KILL: signal.SIGKILL,
}


class _Tail:
    """The last bytes of a stream, and its lines as they come."""

    def __init__(self, limit: int, on_line: Callable[[str], None] | None) -> None:
        self._limit = limit
        self._on_line = on_line
        self._line = b""
        self.data = bytearray()
        self.truncated = False

    async def read_from(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(65536):
            self.data += chunk
            if len(self.data) > self._limit:
                self.truncated = True
                del self.data[: len(self.data) - self._limit]
            if self._on_line is not None:
                self._pass_lines(chunk, self._on_line)

    def _pass_lines(self, chunk: bytes, on_line: Callable[[str], None]) -> None:
        *lines, rest = (self._line + chunk).replace(b"\r", b"\n").split(b"\n")
        # Output without line breaks must not be kept whole.
        self._line = rest[-4096:]
        for line in lines:
            if line.strip():
                on_line(line.decode(errors="replace"))


async def run_child(
    command: Sequence[str | os.PathLike[str]],
    *,
    children: Children,
    execution_id: str,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: bytes | None,
    on_line: Callable[[str], None] | None,
    capture: int,
    terminal: bool,
    check: bool,
) -> ChildResult:
    """Runs a child to the end of its whole process group. See `ItemCtx.run` for the arguments."""
    words = tuple(os.fspath(word) for word in command)
    environment = {**(os.environ if env is None else env), EXECUTION_VARIABLE: execution_id}
    captured = None if terminal else asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=cwd,
            env=environment,
            stdin=captured
            if stdin is not None
            else (None if terminal else asyncio.subprocess.DEVNULL),
            stdout=captured,
            stderr=captured,
            process_group=None if terminal else 0,
        )
    except OSError as error:
        raise ItemFailure(
            f"{words[0]} could not be started: {error.strerror or error}.",
            details=(("command", shlex.join(words)), ("folder", str(cwd or Path.cwd()))),
            help="check that the program is installed, and that it and its folder may be used",
        ) from error
    out, err = _Tail(capture, on_line), _Tail(capture, on_line)
    if terminal:
        await process.wait()
    else:
        await _until_group_ends(process, (out, err), stdin, children)
    assert process.returncode is not None
    result = ChildResult(
        words, process.returncode, bytes(out.data), bytes(err.data), out.truncated or err.truncated
    )
    if check and result.exit_status != 0:
        raise ChildFailed(shlex.join(words), result.exit_status, result.tail)
    return result


async def _until_group_ends(
    process: asyncio.subprocess.Process,
    tails: tuple[_Tail, _Tail],
    stdin: bytes | None,
    children: Children,
) -> None:
    group = process.pid
    children.added(group)
    readers = asyncio.gather(
        *(
            tail.read_from(stream)
            for tail, stream in zip(tails, (process.stdout, process.stderr), strict=True)
            if stream is not None
        ),
        _feed(process, stdin),
        process.wait(),
        return_exceptions=False,
    )
    try:
        await readers
        await group_gone(group)
    except BaseException:
        readers.cancel()
        await _end_group(group)
        with suppress(ProcessLookupError):
            await process.wait()
        raise
    finally:
        children.removed(group)


async def _feed(process: asyncio.subprocess.Process, stdin: bytes | None) -> None:
    if stdin is not None and process.stdin is not None:
        with suppress(BrokenPipeError, ConnectionResetError):  # It did not want all of it.
            process.stdin.write(stdin)
            await process.stdin.drain()
        process.stdin.close()


async def _end_group(group: int) -> None:
    """SIGTERM, then SIGKILL: however often the waiting task is cancelled, no process is left."""
    signal_group(group, signal.SIGTERM)
    try:
        async with asyncio.timeout(_AFTER_SIGTERM):
            await group_gone(group)
    except TimeoutError:
        pass
    finally:
        signal_group(group, signal.SIGKILL)
