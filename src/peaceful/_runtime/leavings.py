"""Threads and processes that items have started, and that go on when all items have ended."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from peaceful._aio import run_in_thread
from peaceful._model.codec import ItemId
from peaceful._model.events import ItemEnded
from peaceful._present.text import name_list, one_line
from peaceful._process_signals import thread_frames, waits_in_pool

_PROC: Final = Path("/proc")

_MOMENT: Final = 0.2
"""Seconds for what is about to end."""

_TICK: Final = timedelta(seconds=0.01)
"""How exactly Linux tells when something started: rounded down."""

_OWN: Final = "peaceful-"
"""How the names of the framework's own threads begin."""

_HELPERS: Final = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
"""Processes that Python itself starts, and that end with this one."""


class _Process(msgspec.Struct, frozen=True):
    parent: int
    zombie: bool
    started: datetime
    """Rounded down, see above."""


class Leavings:
    """What of the process's threads and child processes was not there at first."""

    def __init__(self) -> None:
        self._threads = {thread.ident for thread in threading.enumerate()}
        self._children = {*_children()}

    async def notices(self, items: Mapping[ItemId, ItemEnded]) -> list[str]:
        """Return a sentence about each thread and process that goes on, with its item if known."""
        if self._new_threads() or self._new_children():
            await run_in_thread(self._wait_a_moment)
        frames = thread_frames()
        threads = [
            _sentence("thread", items, _started(thread), _shown(thread, frames))
            for thread in self._new_threads()
        ]
        processes = [
            _sentence("process", items, child.started, f"pid {pid} ({command})")
            for pid, child in self._new_children().items()
            if (command := _command(pid)) and not any(each in command for each in _HELPERS)
        ]
        return [*threads, *processes]

    def keep_process(self) -> bool:
        """Return whether a process that is left would keep this one: threads are seen to later."""
        if "multiprocessing" not in sys.modules:
            return False
        import multiprocessing

        # Python waits for these when it ends.
        children = multiprocessing.active_children()
        return any(not each.daemon and each.pid not in self._children for each in children)

    def _new_threads(self) -> list[threading.Thread]:
        frames = thread_frames()
        return [
            thread
            for thread in threading.enumerate()
            if thread.ident not in self._threads
            and not thread.name.startswith(_OWN)
            and not waits_in_pool(frames.get(thread.ident or 0))
        ]

    def _new_children(self) -> dict[int, _Process]:
        return {pid: child for pid, child in _children().items() if pid not in self._children}

    def _wait_a_moment(self) -> None:
        deadline = time.monotonic() + _MOMENT
        while (self._new_threads() or self._new_children()) and time.monotonic() < deadline:
            time.sleep(_MOMENT / 20)


def _sentence(what: str, items: Mapping[ItemId, ItemEnded], at: datetime | None, shown: str) -> str:
    began_then = [
        item
        for item, ended in items.items()
        if at is not None and ended.at - timedelta(seconds=ended.seconds) - _TICK <= at <= ended.at
    ]
    match began_then:
        case []:
            whose = "An item has"
        case [item]:
            whose = f"{item} has"
        case _:
            whose = f"One of {name_list(began_then, 5)} has"
    ends = "it ends with this program" if what == "thread" else "nobody waits for it"
    return f"{whose} left a {what} running: {shown}; {ends}."


def _shown(thread: threading.Thread, frames: Mapping[int, FrameType]) -> str:
    """Return the name of a thread, and the line of its function."""
    frame, place = frames.get(thread.ident or 0), ""
    while frame is not None:
        if frame.f_code.co_filename != threading.__file__:
            place = f", at {frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return f"{thread.name}{place}"


def _started(thread: threading.Thread) -> datetime | None:
    found = _process_at(_PROC / "self" / "task" / str(thread.native_id))
    return None if found is None else found.started


def _command(pid: int) -> str:
    with suppress(OSError):
        words = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
        return one_line(words.replace("\0", " "), 60)
    return ""


def _children() -> dict[int, _Process]:
    """Return the child processes of this process, apart from those that have ended."""
    try:
        # Without any, which is usual, no processes need to be looked through.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ChildProcessError, AttributeError):
        return {}
    return {
        pid: process
        for pid, process in _processes()
        if process.parent == os.getpid() and not process.zombie
    }


def _processes() -> Iterator[tuple[int, _Process]]:
    with suppress(FileNotFoundError), os.scandir(_PROC) as entries:
        for entry in entries:
            if entry.name.isdecimal() and (process := _process_at(Path(entry.path))) is not None:
                yield int(entry.name), process


def _process_at(folder: Path) -> _Process | None:
    try:
        # The name in parentheses may hold anything, parentheses and spaces included.
        fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return _Process(
        int(fields[1]), fields[0] in {"Z", "X"}, datetime.now(UTC) - timedelta(seconds=age)
    )
