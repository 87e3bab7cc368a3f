"""Replacing files whole, by temporary files that belong to a lock.

A process ID means nothing to a container that shares the folder. A lock of the kernel does, and
ends with its process: what nobody holds was left behind.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Final

TEMPORARY_SUFFIX: Final = ".peaceful.tmp"
_TEMPORARY: Final = re.compile(r"\..+\.[0-9a-f]{16}" + re.escape(TEMPORARY_SUFFIX))

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_AS_IT_IS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)

_OLD: Final = 24 * 3600.0
"""Seconds after which nobody still writes a file, where locks cannot tell."""

_in_use: Final[set[str]] = set()
"""This process's temporary files, which it does not open again.

Where locks belong to processes, as on some network file systems, it could lock them once more, and
closing them would free the lock.
"""


class Replacement:
    """A temporary file beside a target, to be renamed to it.

    If its `descriptor` is synced before, the target is the old file or the new one at every
    instant. `replace` or `discard` must follow.
    """

    def __init__(self, target: Path, rights: int) -> None:
        self._target = target
        self._temporary, self._file = _created(target, rights)
        self.descriptor: int = self._file.fileno()

    def replace(self) -> None:
        """Rename the temporary file to the target. After an error, `discard` it."""
        if sys.platform == "win32":
            # What is open can be neither renamed nor removed there.
            self._file.close()
        self._temporary.replace(self._target)
        self._let_go()

    def discard(self) -> None:
        """Remove the temporary file, as far as possible: what is left goes later."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink()
        self._let_go()

    def _let_go(self) -> None:
        # It is written, whatever this says.
        with suppress(OSError):
            self._file.close()
        _in_use.discard(str(self._temporary))


def replace_file(target: Path, write: Callable[[int], None], rights: int) -> None:
    """Write a temporary file beside the target by its descriptor, then rename it to the target.

    If `write` syncs, the target is the old file or the new one at every instant. After an error, it
    is the old one.
    """
    new = Replacement(target, rights)
    try:
        write(new.descriptor)
        new.replace()
    except BaseException:
        # The reason of the failure is what counts.
        new.discard()
        raise


def remove_left_behind(folder: Path | str) -> None:
    """Remove the temporary files of killed processes, as far as possible."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.path not in _in_use:
                with suppress(OSError):
                    _remove_if_left_behind(entry.path)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of the data, however much the system takes at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _created(target: Path, rights: int) -> tuple[Path, FileIO]:
    while True:
        # The name is cut so that it is not too long in any script: names have at most 255 bytes.
        name = f".{target.name[:50]}.{os.urandom(8).hex()}{TEMPORARY_SUFFIX}"
        temporary = target.with_name(name)
        _in_use.add(str(temporary))
        try:
            file = FileIO(os.open(temporary, _NEW, rights), "w")
            if _locked(file.fileno(), shared=False) is not False and os.path.lexists(temporary):
                return temporary, file
            # Before it was locked, somebody who tidies up took it for left behind.
            file.close()
        except BaseException:
            _in_use.discard(str(temporary))
            raise
        _in_use.discard(str(temporary))


def _remove_if_left_behind(temporary: str) -> None:
    descriptor = os.open(temporary, _AS_IT_IS)
    try:
        # Shared, because some network file systems lock exclusively only what is open for writing.
        is_free = _locked(descriptor, shared=True)
        if is_free is None:
            is_free = time.time() - os.fstat(descriptor).st_mtime > _OLD
        if is_free:
            # What was renamed meanwhile is safe: no name is used twice.
            Path(temporary).unlink()
    finally:
        os.close(descriptor)


def _locked(descriptor: int, *, shared: bool) -> bool | None:
    """Lock a file; return whether that was done, or None where files cannot be locked."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_NB | (fcntl.LOCK_SH if shared else fcntl.LOCK_EX))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
