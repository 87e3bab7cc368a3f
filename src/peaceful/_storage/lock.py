"""Locks on files, freed by the kernel with their process.

One admits one execution at a time to a profile, another one who changes parameters to a workspace.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from peaceful._atomic import remove_left_behind, write_all
from peaceful._model.codec import (
    ExecutionId,
    JsonValue,
    Moment,
    decode_json,
    from_json,
    to_json,
)
from peaceful._storage.files import open_new, refusals, refuse_other_than_file

_FileId: TypeAlias = tuple[int, int]

_TEXT_AT: Final = 1
"""Offset of the text: Windows locks the first byte, and lets nobody read what is locked."""

_AS_IT_IS: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
"""Flags that neither wait at a named pipe, nor follow a link to another file."""

_TOLD: Final = frozenset({"user", "host", "pid", "command", "execution_id", "since"})
"""What every text tells of a holder."""

_WAITS: Final = (0.0, 0.001, 0.004, 0.02, 0.1, 0.5)
"""Seconds between attempts. Whoever only asks whether a lock is held holds it for microseconds.

But it may be put to sleep in between, on a busy machine.
"""

_LONG: Final = 0.004
"""Seconds: a longer wait is only worth it if the file names no holder."""


class LockHolder(msgspec.Struct, frozen=True):
    """Who holds a lock, for people to read; empty if unknown.

    Only the kernel knows whether it is held.
    """

    user: str = ""
    host: str = ""
    pid: int = 0
    flow: str = ""
    command: str = ""
    execution_id: ExecutionId = ""
    since: Moment | None = None


class FileLock:
    """A lock on a file. Every object excludes every other, in this process too. Not re-entrant.

    The file is created when the lock is first acquired, in a folder that must exist. It stays when
    the lock is released: to remove it would let in two processes that opened it at different times.
    Child processes do not inherit the lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._id: _FileId = (0, 0)

    def acquire(self, me: LockHolder, *, patience: float = 0.0) -> LockHolder | None:
        """Acquire the lock, or return its holder, as far as known.

        That takes some milliseconds at most, or else as many seconds as `patience` says, which may
        be infinite; a signal can end the process meanwhile. Raises `FileDamaged` for a link, a
        folder or a pipe, `FileInaccessible` where the operating system refuses, and `RuntimeError`
        if this object holds it already.
        """
        if self._descriptor is not None:
            raise RuntimeError("the lock is held already, by this very object")
        other = self._tried(me)
        if other is None or not self._waited(time.monotonic() + patience):
            return other
        self.describe(me)
        return None

    def release(self) -> None:
        """Release the lock; do nothing if it is not held."""
        if self._descriptor is not None:
            # The text is only to be read: that it cannot be wiped must not keep the lock.
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            with _guard:
                _held.pop(self._id, None)
                os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> LockHolder | None:
        """Return the holder that the file names, or None.

        After a process was killed, the file still names it: call `is_locked` first. Raises like
        `acquire`.
        """
        with refusals(self._path, "read"):
            refuse_other_than_file(self._path)
            try:
                descriptor = os.open(self._path, os.O_RDONLY | _AS_IT_IS)
            except FileNotFoundError:
                return None
            try:
                os.lseek(descriptor, _TEXT_AT, os.SEEK_SET)
                text = os.read(descriptor, 4096)
            finally:
                os.close(descriptor)
        return _holder_from(text)

    def is_locked(self) -> bool:
        """Return whether this process or another holds the lock. Raises like `acquire`."""
        with refusals(self._path, "read"), _guard:
            refuse_other_than_file(self._path)
            if self._is_held_here():
                return True
            try:
                descriptor = os.open(self._path, os.O_RDONLY | _AS_IT_IS)
            except FileNotFoundError:
                return False
            try:
                return not _lock_shared(descriptor)
            finally:
                os.close(descriptor)

    def _tried(self, me: LockHolder) -> LockHolder | None:
        with refusals(self._path, "locked"):
            # What came with a folder from elsewhere may be a link to a file of somebody's.
            refuse_other_than_file(self._path)
            for wait in _WAITS:
                if wait > _LONG and self.holder() is not None:
                    break
                time.sleep(wait)
                if self._try_to_lock():
                    self.describe(me)
                    # The folder of the file and the one above, which are seldom written to.
                    for folder in self._path.parents[:2]:
                        remove_left_behind(folder)
                    return None
        return self.holder() or LockHolder()

    def _waited(self, end: float) -> bool:
        """Wait until the lock is free, and take it; return whether it was before the end."""
        while (left := end - time.monotonic()) > 0:
            with refusals(self._path, "locked"):
                descriptor = _Waiting(self._path).descriptor(left)
                if descriptor is None:
                    return False
                with _guard:
                    if self._takes(descriptor):
                        return True
        return False

    def _takes(self, descriptor: int) -> bool:
        """Keep what was locked, unless another file has replaced it: others would lock that one."""
        takes = False
        try:
            self._id = _id_of(os.fstat(descriptor))
            takes = _id_at(self._path) == self._id
        finally:
            if not takes:
                os.close(descriptor)
        if takes:
            _held[self._id] = self
            self._descriptor = descriptor
        return takes

    def _is_held_here(self) -> bool:
        # Asked without opening the file: where locks belong to processes, as on some network file
        # systems, closing it again would free the lock.
        return _id_at(self._path) in _held

    def _try_to_lock(self) -> bool:
        with _guard:
            if self._is_held_here():
                return False
            descriptor = open_new(self._path, os.O_RDWR | _AS_IT_IS)
            locked = False
            try:
                locked = _lock_exclusively(descriptor)
            finally:
                if not locked:
                    os.close(descriptor)
            return locked and self._takes(descriptor)

    def describe(self, me: LockHolder) -> None:
        """Write who holds it, and what for, for others to read."""
        assert self._descriptor is not None
        # The lock is held with or without it: what others read is not worth failing for.
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            write_all(self._descriptor, b" " * _TEXT_AT + json.dumps(to_json(me)).encode() + b"\n")

    def drop_after_fork(self) -> None:
        """Forget the lock in a forked child: it stays with the parent, and ends with it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class _Waiting:
    """A thread that waits for a lock: the kernel wakes it, and signals are heard meanwhile.

    A signal may come just before the kernel is asked to wait, and would then not end the waiting of
    the main thread. Nor does the kernel know of a time limit.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answers: queue.SimpleQueue[int | OSError] = queue.SimpleQueue()
        self._abandoned = False
        self._deciding = threading.Lock()
        threading.Thread(target=self._wait, name="peaceful-lock", daemon=True).start()

    def descriptor(self, seconds: float) -> int | None:
        """Return the descriptor of the locked file; None if that takes longer.

        Raises `OSError` if the file cannot be opened or locked.
        """
        answer: int | OSError | None = None
        try:
            answer = self._answers.get(timeout=min(seconds, threading.TIMEOUT_MAX))
        except queue.Empty:
            pass
        finally:
            if answer is None:
                self._abandon()
        if isinstance(answer, OSError):
            raise answer
        return answer

    def _wait(self) -> None:
        answer: int | OSError
        try:
            answer = descriptor = open_new(self._path, os.O_RDWR | _AS_IT_IS)
            try:
                _wait_to_lock(descriptor)
            except OSError:
                os.close(descriptor)
                raise
        except OSError as error:
            answer = error
        with self._deciding:
            self._answers.put(answer)
            if self._abandoned:
                self._abandon_answer()

    def _abandon(self) -> None:
        with self._deciding:
            self._abandoned = True
            self._abandon_answer()

    def _abandon_answer(self) -> None:
        with suppress(queue.Empty):
            answer = self._answers.get_nowait()
            if isinstance(answer, int):
                os.close(answer)


_held: Final[dict[_FileId, FileLock]] = {}

_guard = threading.Lock()
"""Held while `_held` changes, and while files of locks are opened and closed."""


def _after_fork() -> None:
    global _guard  # noqa: PLW0603 - another thread may have held it at the fork, and is not here
    _guard = threading.Lock()
    for lock in _held.values():
        lock.drop_after_fork()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _id_of(found: os.stat_result) -> _FileId:
    return found.st_dev, found.st_ino


def _id_at(path: Path) -> _FileId | None:
    try:
        return _id_of(path.stat())
    except FileNotFoundError:
        return None


def _lock_exclusively(descriptor: int) -> bool:
    # Imported here: it takes longer than the rest of this package.
    from filelock import lock_descriptor

    return lock_descriptor(descriptor, blocking=False)


if sys.platform == "win32":
    _lock_shared = _lock_exclusively

    def _wait_to_lock(descriptor: int) -> None:
        from filelock import lock_descriptor

        lock_descriptor(descriptor)

else:
    import fcntl

    def _wait_to_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def _lock_shared(descriptor: int) -> bool:
        # Shared, so that several who ask at a time do not take each other for a holder.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _holder_from(text: bytes) -> LockHolder | None:
    try:
        facts = decode_json(text, dict[str, JsonValue])
        return from_json(facts, LockHolder) if facts.keys() >= _TOLD else None
    except ValueError:
        # Empty, half written, or somebody else's.
        return None
