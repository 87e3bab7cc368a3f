"""A running child process, its process group and its pipes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from subprocess import Popen
from typing import IO, Final

from peaceful._aio import wrap_silent_error
from peaceful._model.interrupt import InterruptLevel
from peaceful._user_code import is_ctrl_c

_PROC: Final = Path("/proc")

_CHUNK: Final = 16384
"""Bytes to read at once: as many short lines as can be passed on without blocking the loop."""
_LONGEST_LINE: Final = 4096
"""Maximum of bytes of a line that are passed on: output may have no line breaks."""

FIRST_LOOK: Final = 0.002
_LAST_LOOK: Final = 0.1
"""Seconds between two checks of a group, from the first to the longest wait: the kernel does not
report the end of a group."""

_STATUS_LOST: Final = 255
"""The exit status if another part of the program has reaped the child, as in asyncio."""


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to every process of a group, if there is one."""
    # Gone; or, where a child runs as another user, it may not be signalled.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def signal_process(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, if it exists."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def own_children(proc: Path = _PROC) -> list[int]:
    """Return the child processes of this process; none without `/proc`."""
    found: list[int] = []
    with suppress(OSError):
        for task in (proc / "self" / "task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def group_alive(group: int, proc: Path = _PROC) -> bool:
    """Return whether a process of the group still runs.

    Zombies do not count, even if nobody reaps them; without `/proc` they do.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # There are some, and they may not be signalled.
    if not (proc / "self" / "stat").exists():
        return True
    return any(state not in "ZX" for state in _states_in(group, proc))


def group_stopped(group: int, proc: Path = _PROC) -> bool:
    """Return whether a process of the group is stopped; without `/proc`, none is."""
    return (proc / "self" / "stat").exists() and "T" in _states_in(group, proc)


def _states_in(group: int, proc: Path) -> Iterator[str]:
    with os.scandir(proc) as entries:
        for entry in entries:
            if entry.name.isdecimal():
                # It may have ended since the folder was read.
                with suppress(OSError):
                    # The name in parentheses may hold anything, parentheses and spaces included.
                    text = Path(entry.path, "stat").read_text(errors="replace")
                    state, _parent, its_group, *_ = text.rpartition(")")[2].split()
                    if int(its_group) == group:
                        yield state


class Tail:
    """The last `limit` bytes of an output; calls `on_line` with each line that is not empty.

    A carriage return ends a line, too.
    """

    def __init__(self, limit: int, on_line: Callable[[str], None] | None) -> None:
        self._limit = limit
        self._on_line = on_line
        self._line = b""
        self.data = bytearray()
        self.truncated = False

    def take(self, chunk: bytes) -> None:
        """Take the next bytes; empty ones mean the end."""
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


def _nothing() -> None:
    pass


class OutputPipe:
    """Reads the output of a child from a pipe, which is closed at the end.

    `ended` is done when the last writer has closed its end; it also gets an error of `tail`, of
    which `on_failure` is told.
    """

    def __init__(self, pipe: IO[bytes], tail: Tail) -> None:
        self._pipe = pipe
        self._tail = tail
        self._loop = asyncio.get_running_loop()
        self.ended: Final[asyncio.Future[None]] = self._loop.create_future()
        self.on_failure: Callable[[], None] = _nothing
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_reader(pipe.fileno(), self._read)

    def close(self) -> None:
        """Stop reading."""
        if not self._pipe.closed:
            self._loop.remove_reader(self._pipe.fileno())
            self._pipe.close()
        if not self.ended.done():
            self.ended.cancel()

    def read_on(self) -> None:
        """Read what is there, and whether it was the last, unless it is more than a little."""
        for _ in range(2):
            if not self.ended.done():
                self._read()

    def _read(self) -> None:
        try:
            chunk = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return  # Somebody else has read it, or it was a false alarm.
        try:
            self._tail.take(chunk)
        except BaseException as error:  # what takes lines is other people's code
            if is_ctrl_c(error):
                raise
            self.ended.set_exception(wrap_silent_error(error))
            self.ended.exception()  # Looked at, so that the loop does not report it as forgotten.
            self.close()
            self.on_failure()
        else:
            if not chunk:
                self.ended.set_result(None)
                self.close()


class InputPipe:
    """Writes the input of a child to a pipe; the child need not read all of it."""

    def __init__(self, pipe: IO[bytes], data: bytes) -> None:
        self._pipe = pipe
        self._rest = memoryview(data)
        self._loop = asyncio.get_running_loop()
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_writer(pipe.fileno(), self._write)

    def close(self) -> None:
        """Stop writing."""
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


class RunningChild:
    """A child process, and the process group that it leads, if it does.

    Attributes:
        ended_at: the level of the interrupt that was passed on to it, or `None`.
        exit_status: the exit code of the child, or the negated number of the signal that ended it;
            `None` while it runs.
    """

    def __init__(self, process: Popen[bytes], *, leads_group: bool) -> None:
        self._process = process
        self._leads_group = leads_group
        # Between taking the exit status and the group's end, nothing may be signalled: the number
        # might be another process's by then. Re-entrant, for signal handlers.
        self._lock = threading.RLock()
        self._gone = False
        self.ended_at: InterruptLevel | None = None
        self.exit_status: int | None = None

    def interrupt(self, level: InterruptLevel) -> None:
        """Send SIGTERM at CANCEL, SIGKILL at KILL. Safe in any thread."""
        self.ended_at = level
        if level is InterruptLevel.KILL:
            self.kill()
        else:
            self.terminate()

    def terminate(self) -> None:
        """Send SIGTERM, and SIGCONT, without which a stopped process would not get it."""
        self._signal(signal.SIGTERM)
        # One that is stopped would not hear of it.
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._signal(signal.SIGKILL)

    def has_exited(self) -> bool:
        """Return whether the child itself has ended; if so, take its exit status."""
        with self._lock:
            if self.exit_status is None:
                self._take_status()
            return self.exit_status is not None

    def is_gone(self) -> bool:
        """Return whether the child and all processes of its group have ended."""
        with self._lock:
            if not self._gone and self.has_exited():
                self._gone = not (self._leads_group and group_alive(self._process.pid))
            return self._gone

    @property
    def shares_terminal(self) -> bool:
        """Whether it may read the terminal: it is in the group of this process."""
        return not self._leads_group

    def is_stopped(self) -> bool:
        """Return whether the child or one of its group was stopped, as by reading a terminal."""
        return self._leads_group and group_stopped(self._process.pid)

    @contextmanager
    def watched(self, on_end: Callable[[], None]) -> Generator[None]:
        """Call `on_end` once the child itself has ended, or at once if the kernel cannot tell."""
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            try:
                descriptor = os.pidfd_open(self._process.pid)
            except (AttributeError, OSError):  # older kernels, and systems other than Linux
                on_end()
            else:
                stack.callback(os.close, descriptor)
                stack.callback(loop.remove_reader, descriptor)
                loop.add_reader(descriptor, on_end)
            yield

    async def gone(self) -> None:
        """Wait until the child and its group have ended."""
        pause = FIRST_LOOK
        while not self.is_gone():
            pause = await pause_for(pause)

    async def end(self, grace: float, patience: float) -> bool:
        """End the child, and wait until it is gone; return whether the waiting task was cancelled.

        There are `grace` seconds between SIGTERM and SIGKILL, which being cancelled cuts short, and
        `patience` seconds after SIGKILL.
        """
        clock = asyncio.get_running_loop().time
        cancelled = killed = False
        deadline, pause = clock() + grace, FIRST_LOOK
        self.terminate()
        while not self.is_gone() and not (killed and clock() > deadline):
            try:
                pause = await pause_for(pause)
            except asyncio.CancelledError:
                cancelled = True
            if not killed and (cancelled or clock() > deadline):
                killed, deadline, pause = True, clock() + patience, FIRST_LOOK
                self.kill()
        return cancelled

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if self._gone:
                return
            if self._leads_group:
                signal_group(self._process.pid, number)
            elif self.exit_status is None:
                signal_process(self._process.pid, number)

    def _take_status(self) -> None:
        try:
            pid, status = os.waitpid(self._process.pid, os.WNOHANG)
        except ChildProcessError:
            # The program ignores SIGCHLD, or waits for every child somewhere else.
            self.exit_status = _STATUS_LOST
        else:
            if pid:
                self.exit_status = os.waitstatus_to_exitcode(status)
        # `Popen` would complain of a process that it believes to be running.
        self._process.returncode = self.exit_status


async def pause_for(seconds: float) -> float:
    """Sleep, and return how long to sleep the next time."""
    await asyncio.sleep(seconds)
    return min(_LAST_LOOK, seconds * 2)
