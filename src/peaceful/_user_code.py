"""What code of users may do beyond returning and raising an `Exception`.

Items, mapping functions and functions of flows may raise anything, and they may fork. A forked
process has a copy of the framework in the middle of its work, but the loop's `epoll`, the sockets
and the files are its parent's: so it is ended where the user's code gives control back.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import suppress
from typing import Final, NoReturn
from weakref import WeakSet

from peaceful._disclosure import masked


def is_ctrl_c(error: BaseException) -> bool:
    """Return whether an error may be a Ctrl-C, and not the code's own `KeyboardInterrupt`.

    Python raises one in the main thread alone, and only while its own handler, or that of
    `asyncio.run`, is in place. A command line has handlers of its own, which raise none.
    """
    if not isinstance(error, KeyboardInterrupt):
        return False
    if threading.current_thread() is not threading.main_thread():
        return False
    handler = signal.getsignal(signal.SIGINT)
    owner = getattr(getattr(handler, "func", None), "__self__", None)
    return handler is signal.default_int_handler or isinstance(owner, asyncio.Runner)


# ---- forked processes


_forks = 0
"""How many forks this process is away from the one that loaded this module: cheaper than a PID."""


class OwnProcess:
    """A context around a user's code: a process that was forked in it ends at its exit.

    Its exit code is what the code raised would give a script.
    """

    __slots__ = ("_forks",)

    def __enter__(self) -> None:
        self._forks = _forks

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        if self._forks != _forks:
            leave(error)


def leave(error: BaseException | None) -> NoReturn:
    """End a forked process at once: nothing that is its parent's is flushed, closed or told."""
    match error:
        case None:
            code = 0
        case SystemExit(code=None | int() as status):
            code = (status or 0) & 0xFF
        case SystemExit():
            code = 1
            _say(str(error))
        case _:
            code = 1
            _say(f"a forked process ended with {type(error).__name__}: {error}")
    os._exit(code)


def _say(text: str) -> None:
    # Not by the stream, whose lock another thread of the parent may have held.
    with suppress(OSError):
        os.write(2, f"{masked(text)}\n".encode(errors="replace"))


_LOOPS: Final[WeakSet[asyncio.AbstractEventLoop]] = WeakSet()
_forking = threading.local()


def guard_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Let every process that is forked while a loop runs end where it would use the loop.

    `OwnProcess` sees the ends of calls; this, what awaits, and tasks and threads of users' own.
    """
    _LOOPS.add(loop)


def is_of_parent(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether this is a forked process, and the loop runs in its parent."""
    return isinstance(getattr(loop, "_ready", None), _Leaving)


def _before_fork() -> None:
    # The forked process does not know any more what ran.
    loop = asyncio._get_running_loop()  # noqa: SLF001 - the other one raises without a loop
    _forking.within = loop, None if loop is None else asyncio.current_task(loop)


def _after_fork() -> None:
    global _forks  # noqa: PLW0603 - a fact of the process
    _forks += 1
    running, task = _forking.within
    for loop in _LOOPS:
        if isinstance(loop, asyncio.BaseEventLoop) and not loop.is_closed():
            leaving = _Leaving(task if loop is running else None)
            # asyncio has no public names for what a loop works with.
            vars(loop).update(_ready=leaving, _selector=leaving)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


class _Leaving:
    """Stands for the queue and the selector of a loop in a forked process, which ends by its use.

    Whatever the loop does next, it uses one of them.
    """

    def __init__(self, task: asyncio.Task[object] | None) -> None:
        self._task = task

    def __getattr__(self, _: str) -> NoReturn:
        self._leave()

    def __len__(self) -> int:  # noqa: PLE0303 - it does not return
        self._leave()

    def _leave(self) -> NoReturn:
        task = self._task
        if task is None:
            leave(None)
        if not task.done():
            leave(RuntimeError("only its parent can await something"))
        leave(asyncio.CancelledError() if task.cancelled() else task.exception())
