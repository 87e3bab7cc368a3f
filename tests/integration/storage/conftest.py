"""Disks that refuse: full, read-only, failing at any call."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

P = ParamSpec("P")
T = TypeVar("T")

CALLS = (
    *("open", "write", "fsync", "fdatasync", "ftruncate", "fchmod", "close", "mkdir", "chmod"),
    *("replace", "rename", "unlink", "scandir", "stat", "lstat", "fstat"),
)


@dataclass
class FailingSystem:
    """The operating system, of whose calls one fails.

    Attributes:
        calls: the names of the calls that were made since the last `fail`.
        failed: whether the call was made that was to fail.
    """

    _nth: int = -1
    _errno: int = 0
    _only: tuple[str, ...] = CALLS
    calls: list[str] = field(default_factory=list)
    failed: bool = False

    def fail(self, nth: int, code: int = errno.EIO, *, only: tuple[str, ...] = CALLS) -> None:
        """From now on, the call with that number fails, counted from 0, and no other."""
        self._nth, self._errno, self._only = nth, code, only
        self.calls, self.failed = [], False

    def heal(self) -> None:
        """Nothing fails any more."""
        self._nth = -1

    def wrap(self, name: str, call: Callable[P, T]) -> Callable[P, T]:
        """A call that counts, and may fail."""

        def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
            if self._nth < 0 or name not in self._only:
                return call(*args, **kwargs)
            self.calls.append(name)
            if len(self.calls) - 1 != self._nth:
                return call(*args, **kwargs)
            self.failed = True
            if name == "close":
                # Linux closes a descriptor even where it reports an error.
                call(*args, **kwargs)
            raise OSError(self._errno, os.strerror(self._errno))

        return wrapped


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FailingSystem:
    """The operating system, of whose calls one can be made to fail."""
    failing = FailingSystem()
    for name in CALLS:
        monkeypatch.setattr(os, name, failing.wrap(name, getattr(os, name)))
    return failing


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system in memory with the given options; needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mounted(options: str) -> Path:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
        return folder

    yield mounted
    subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


@pytest.fixture
def full_disk(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[int], Path]:
    """Gives a folder on a disk with room for that many bytes: a real one where root permits."""

    def folder(size: int) -> Path:
        if os.geteuid() == 0:
            mount: Callable[[str], Path] = request.getfixturevalue("mount")
            return mount(f"size={size}")
        left, write = size, os.write

        def limited(descriptor: int, data: bytes) -> int:
            nonlocal left
            if left <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written = write(descriptor, data[:left])
            left -= written
            return written

        monkeypatch.setattr(os, "write", limited)
        return tmp_path

    return folder


@pytest.fixture
def read_only(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], None]]:
    """Makes a folder that no file can be made in: by a mount for root, whom rights do not stop."""
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        if os.geteuid() == 0:
            subprocess.run(["mount", "--bind", folder, folder], check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        else:
            folder.chmod(0o500)

    yield make
    for folder in made:
        if os.geteuid() == 0:
            subprocess.run(["umount", "--lazy", folder], check=True)
        else:
            folder.chmod(0o700)
