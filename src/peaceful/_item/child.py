"""Child processes of items: how they are started, and which of them run."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shlex
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Final
from weakref import WeakSet

import msgspec

from peaceful._disclosure import masked_beginning
from peaceful._errors.running import ChildFailed, ItemFailure
from peaceful._item.child_process import (
    FIRST_LOOK,
    InputPipe,
    OutputPipe,
    RunningChild,
    Tail,
    own_children,
    pause_for,
    signal_group,
    signal_process,
)
from peaceful._item.safe_point import EndedWithChild
from peaceful._model.execution import EXECUTION_VARIABLE
from peaceful._model.interrupt import InterruptLevel

_LOG: Final = logging.getLogger("peaceful.item")

_STDERR: Final = 2

TAIL_LINES: Final = 12
"""Maximum of output lines that an error shows."""

CAPTURED: Final = 1024 * 1024
"""Default limit of the bytes that are kept of an output."""

_AFTER_SIGTERM: Final = 5.0
"""Seconds that a cancelled item's children have between SIGTERM and SIGKILL."""
_AFTER_SIGKILL: Final = 5.0
"""Seconds after SIGKILL until a process is left behind: it may be waiting for a disk."""
_AFTER_THE_END: Final = 1.0
"""Seconds for which output is read after the group's end, if another process holds the pipe."""
_SAID_AFTER: Final = 2.0
"""Seconds until a message says that processes which the child left running are waited for."""

_LOOK_EVERY: Final = 2.0
"""Seconds between two checks of whether the child was stopped."""


class Children:
    """The running child processes of an execution, each with its process group."""

    def __init__(self) -> None:
        self._running: set[RunningChild] = set()
        self._level: InterruptLevel | None = None
        _of_this_process.add(self)

    def raise_to(self, level: InterruptLevel) -> None:
        """Pass an interrupt on: CANCEL ends children by SIGTERM, KILL by SIGKILL.

        Safe in any thread and in a signal handler. A level that is not higher than the present one
        changes nothing, except that KILL always kills what is left.
        """
        repeated = self._level is not None and level <= self._level
        if level is InterruptLevel.STOP or (repeated and level is not InterruptLevel.KILL):
            return
        self._level = level
        for child in tuple(self._running):
            child.interrupt(level)

    def kill_all(self) -> None:
        """Kill every child that is left, and every one that is started from now on."""
        self.raise_to(InterruptLevel.KILL)

    async def all_gone(self, seconds: float) -> bool:
        """Wait until no child is left; return whether that happened within the given seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for child in tuple(self._running):
                    await child.gone()
        return all(child.is_gone() for child in tuple(self._running))

    def add(self, child: RunningChild) -> None:
        """Register a child that was started; at KILL, kill it at once.

        At CANCEL it is left alone: it may be what an item cleans up with, and it ends with the
        item's task.
        """
        self._running.add(child)
        if self._level is InterruptLevel.KILL:
            child.interrupt(self._level)

    def remove(self, child: RunningChild) -> None:
        """Forget a child that is gone with its group."""
        self._running.discard(child)

    @property
    def share_terminal(self) -> bool:
        """Whether one of them may read the terminal."""
        return any(child.shares_terminal for child in tuple(self._running))


_of_this_process: Final[WeakSet[Children]] = WeakSet()


def child_has_terminal() -> bool:
    """Return whether a child process of this process may read the terminal. Safe in any thread."""
    return any(children.share_terminal for children in tuple(_of_this_process))


def kill_every_child() -> None:
    """Kill the child processes of all executions of this process. Safe in a signal handler."""
    for children in tuple(_of_this_process):
        children.kill_all()
    # One may have been started this very moment, and not be registered yet.
    for pid in own_children():
        signal_process(pid, signal.SIGKILL)
        signal_group(pid, signal.SIGKILL)


class ChildResult(msgspec.Struct, frozen=True):
    """The result of a child process.

    Attributes:
        command: the program and its arguments.
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
        """The last lines of its standard error, or if empty, of its standard output."""
        output = self.stderr.strip() or self.stdout.strip()
        return "\n".join(output.decode(errors="replace").splitlines()[-TAIL_LINES:])


class ChildOrder(msgspec.Struct, frozen=True):
    """A command with its options; see `ItemCtx.run` for the meaning of the attributes."""

    words: tuple[str, ...]
    cwd: Path | None
    env: Mapping[str, str] | None
    stdin: bytes | None
    pass_fds: tuple[int, ...]
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


async def run_child(
    order: ChildOrder, children: Children, execution_id: str, say: Callable[[str], None]
) -> ChildResult:
    """Run a child until its process group has ended; raises as `ItemCtx.run` does.

    `say` is called with a message if the wait takes long.
    """
    out, err = Tail(order.capture, order.on_line), Tail(order.capture, order.on_line)
    # From here to the `try`, nothing waits: there is no moment at which the child could be lost.
    process = _start(order, execution_id)
    child = RunningChild(process, leads_group=not order.terminal)
    children.add(child)
    with ExitStack() as stack:
        stack.callback(children.remove, child)
        try:
            pipes = _open_pipes(process, order, (out, err), stack)
            await _wait_for_exit(child, order, pipes, say)
            await _wait_for_group(child, order, say)
            unread = [pipe.ended for pipe in pipes if not pipe.ended.done()]
            if unread:
                await asyncio.wait(unread, timeout=_AFTER_THE_END)
            _raise_if_failed(pipes)
        except BaseException:
            # Its output is read until it has ended: it may have something to say.
            await _end(child, order)
            raise
    return _make_result(order, child, out, err)


async def _end(child: RunningChild, order: ChildOrder) -> None:
    """End the child and its group; raise `CancelledError` if the item was cancelled meanwhile."""
    cancelled = await child.end(_AFTER_SIGTERM, _AFTER_SIGKILL)
    if not child.is_gone():
        _LOG.warning("%s cannot be ended: it does not even heed SIGKILL", order.shown)
    if cancelled:
        raise asyncio.CancelledError


def _start(order: ChildOrder, execution_id: str) -> Popen[bytes]:
    if os.name != "posix":
        raise ItemFailure(
            f"{order.words[0]} could not be started: this system has no process groups.",
            help="run it on Linux or macOS",
        )
    environment = {**(os.environ if order.env is None else order.env)}
    reads = None if order.terminal else PIPE if order.stdin else DEVNULL
    writes = None if order.terminal else PIPE
    # A command line keeps its stdout for the outcome, also where that is a terminal.
    out = _STDERR if order.terminal and os.isatty(_STDERR) else writes
    try:
        return Popen(
            order.words,
            bufsize=0,
            cwd=order.cwd,
            env={**environment, EXECUTION_VARIABLE: execution_id},
            stdin=reads,
            stdout=out,
            stderr=writes,
            pass_fds=order.pass_fds,
            process_group=None if order.terminal else 0,
        )
    except (OSError, ValueError) as error:
        raise ItemFailure(
            f"{order.words[0]} could not be started: {_start_failure(order, error)}.",
            details=(("command", _shorten(order.shown)), ("folder", str(order.cwd or "."))),
            help="hand long values over by a file, or by standard input"
            if isinstance(error, OSError) and error.errno == errno.E2BIG
            else "check that the program is installed, and that it and its folder may be used",
        ) from error


def _start_failure(order: ChildOrder, error: OSError | ValueError) -> str:
    if order.cwd is not None and not order.cwd.is_dir():
        return f"its folder {order.cwd} is not there"
    if isinstance(error, FileNotFoundError):
        return "there is no such program"
    return str(error.strerror if isinstance(error, OSError) and error.strerror else error)


def _shorten(text: str) -> str:
    begin = masked_beginning(text, 501)
    return begin if len(begin) <= 500 else f"{begin[:500]}…"


def _open_pipes(
    process: Popen[bytes], order: ChildOrder, tails: tuple[Tail, Tail], stack: ExitStack
) -> list[OutputPipe]:
    pipes: list[OutputPipe] = []
    for stream, tail in zip((process.stdout, process.stderr), tails, strict=True):
        if stream is not None:
            stack.callback(stream.close)
            pipe = OutputPipe(stream, tail)
            stack.callback(pipe.close)
            pipes.append(pipe)
    if process.stdin is not None:
        stack.callback(process.stdin.close)
        stack.callback(InputPipe(process.stdin, order.stdin or b"").close)
    return pipes


async def _wait_for_exit(
    child: RunningChild, order: ChildOrder, pipes: list[OutputPipe], say: Callable[[str], None]
) -> None:
    """Wait until the child has ended; raise any error of its `on_line`."""
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()
    timer: asyncio.TimerHandle

    def wake(_: object = None) -> None:
        if not woken.done():
            woken.set_result(None)

    def look() -> None:
        nonlocal timer
        if child.is_stopped():
            # Nothing else would tell why it goes on for ever.
            say(f"{order.words[0]} is stopped: it may want the terminal (terminal=True)")
        timer = loop.call_later(_LOOK_EVERY, look)

    for pipe in pipes:
        pipe.on_failure = wake
    timer = loop.call_later(_LOOK_EVERY, look)
    try:
        with child.watched(wake):
            await woken
        pause = FIRST_LOOK
        while not child.has_exited():
            _raise_if_failed(pipes)
            pause = await pause_for(pause)
    finally:
        timer.cancel()
    for pipe in pipes:
        pipe.read_on()
    _raise_if_failed(pipes)


def _raise_if_failed(pipes: list[OutputPipe]) -> None:
    for pipe in pipes:
        if pipe.ended.done():
            pipe.ended.result()


async def _wait_for_group(
    child: RunningChild, order: ChildOrder, say: Callable[[str], None]
) -> None:
    """Wait until no process of the child's group is left."""
    if child.is_gone():
        return
    try:
        async with asyncio.timeout(_SAID_AFTER):
            await child.gone()
    except TimeoutError:
        say(f"waiting for what {order.words[0]} left running")
        await child.gone()


def _make_result(order: ChildOrder, child: RunningChild, out: Tail, err: Tail) -> ChildResult:
    status = child.exit_status
    assert status is not None
    if child.ended_at is not None and status != 0:
        raise EndedWithChild(order.words[0])
    result = ChildResult(
        order.words, status, bytes(out.data), bytes(err.data), out.truncated or err.truncated
    )
    if order.check and status != 0:
        raise ChildFailed(order.shown, status, result.tail)
    return result
