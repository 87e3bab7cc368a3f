"""A child process that runs: signalling it, seeing it end, and taking its exit status."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import suppress
from subprocess import Popen
from typing import Final

from peaceful.item._process_group import group_alive, group_stopped, signal_group, signal_process
from peaceful.model import InterruptLevel

_FIRST_LOOK: Final = 0.002
_LAST_LOOK: Final = 0.1
"""Seconds between two looks at a group: at first often, then ten times a second. The kernel tells
nobody of the end of a group."""

_STATUS_LOST: Final = 255
"""The exit status where another part of the program has taken it, as asyncio reports it too."""


class RunningChild:
    """A child process, and where it leads a group of its own, whatever it started in that group.

    Attributes:
        ended_at: the level of the interrupt that it was told of, or none.
        exit_status: the exit code of the child itself, or the negated number of the signal that
            ended it; none while it runs.
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
        """Tells it of an interrupt: SIGTERM at CANCEL, SIGKILL at KILL. In any thread."""
        self.ended_at = level
        if level is InterruptLevel.KILL:
            self.kill()
        else:
            self.terminate()

    def terminate(self) -> None:
        """Asks it to end."""
        self._signal(signal.SIGTERM)
        # One that is stopped would not hear of it.
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it."""
        self._signal(signal.SIGKILL)

    def has_exited(self) -> bool:
        """Whether the child itself has ended; if so, its exit status is taken."""
        with self._lock:
            if self.exit_status is None:
                self._take_status()
            return self.exit_status is not None

    def is_gone(self) -> bool:
        """Whether the child has ended, and whatever it started in its group."""
        with self._lock:
            if not self._gone and self.has_exited():
                self._gone = not (self._leads_group and group_alive(self._process.pid))
            return self._gone

    def is_stopped(self) -> bool:
        """Whether the child, or something in its group, was stopped, as by reading a terminal."""
        return self._leads_group and group_stopped(self._process.pid)

    async def exited(self) -> None:
        """Returns once the child itself has ended."""
        await _told_by_kernel(self._process.pid)
        pause = _FIRST_LOOK
        while not self.has_exited():
            pause = await _paused(pause)

    async def gone(self) -> None:
        """Returns once the child and its group have ended."""
        pause = _FIRST_LOOK
        while not self.is_gone():
            pause = await _paused(pause)

    async def end(self, grace: float, patience: float) -> bool:
        """Ends it, and returns when it is gone, whatever happens to the waiting task meanwhile.

        Args:
            grace: seconds between asking it to end and ending it. Being cancelled cuts them short.
            patience: seconds that the kernel has to end it then.

        Returns:
            Whether the waiting task was cancelled meanwhile.
        """
        clock = asyncio.get_running_loop().time
        cancelled = killed = False
        deadline, pause = clock() + grace, _FIRST_LOOK
        self.terminate()
        while not self.is_gone() and not (killed and clock() > deadline):
            try:
                pause = await _paused(pause)
            except asyncio.CancelledError:
                cancelled = True
            if not killed and (cancelled or clock() > deadline):
                killed, deadline, pause = True, clock() + patience, _FIRST_LOOK
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


async def _paused(seconds: float) -> float:
    """Waits, and says how long to wait the next time."""
    await asyncio.sleep(seconds)
    return min(_LAST_LOOK, seconds * 2)


async def _told_by_kernel(pid: int) -> None:
    """Returns once a process has ended; at once where the kernel cannot tell."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    # Older kernels, and systems other than Linux.
    with suppress(AttributeError, OSError):
        descriptor = os.pidfd_open(pid)
        try:
            loop.add_reader(descriptor, _resolve, ended)
            await ended
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
