"""Real file systems, on a file, that lose their power: what was not written to the device is lost.

The kernel's own shutdown of a file system stops all writing at any moment, its log included; what
the device has then is copied and mounted.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path
from random import Random
from typing import Final

from processes import eventually

from crashes.disks import PAGE

FILE_SYSTEMS: Final = {
    "ext4": ("mkfs.ext4", "-q", "-E", "nodiscard"),
    "xfs": ("mkfs.xfs", "-q"),
}
"""What makes them."""

_OPTIONS: Final = {
    # Nothing is written by itself while a test takes its time.
    "ext4": "loop,commit=600",
    # A copy has the same ID as what it was copied from, which somebody may still hold.
    "xfs": "loop,nouuid",
}

_SIZE: Final = 320 << 20
"""Bytes; XFS is no smaller."""

_SHUTDOWN: Final = 0x8004587D
_WITHOUT_LOG: Final = 2
_WRITE_AND_WAIT: Final = 1 | 2 | 4


class DeviceMissing(Exception):
    """This machine cannot make such a file system, or may not use it; it says why."""


class Device:
    """A file system on a file.

    Attributes:
        kind: one of `FILE_SYSTEMS`.
        folder: where it is mounted.
    """

    def __init__(self, kind: str, beside: Path) -> None:
        self.kind = kind
        self.folder = beside / kind
        self._image = beside / "image"
        self.folder.mkdir()
        with self._image.open("wb") as image:
            image.truncate(_SIZE)
        _run(*FILE_SYSTEMS[kind], self._image)
        self._mount()

    def sync(self) -> None:
        """Have everything written that is there."""
        _run("sync", "-f", self.folder)

    def write_some(self, random: Random) -> None:
        """Have pages written in any order, as the kernel may at any moment, and then the log."""
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                _write_pages(path, random)
        other = self.folder / "other"
        with other.open("wb") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())

    def lose_power(self) -> None:
        """Lose what was not written, and begin again with what was.

        It goes on with a copy: a process of somebody else may still hold the old file system, such
        as one that got a copy of all mounts.
        """
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_LOG))
        finally:
            os.close(descriptor)
        copy = self._image.with_name("copy")
        _run("cp", "--sparse=always", self._image, copy)
        self.close()
        copy.rename(self._image)
        self._mount()

    def close(self) -> None:
        """Unmount it, once the kernel has let go of the processes that used it."""
        assert eventually(lambda: _succeeds("umount", self.folder))
        self._image.unlink()

    def _mount(self) -> None:
        _run("mount", "-o", _OPTIONS[self.kind], self._image, self.folder)


def _write_pages(path: Path, random: Random) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for place in range(0, os.fstat(descriptor).st_size, PAGE):
            if random.random() < 0.5:
                offset, size = ctypes.c_int64(place), ctypes.c_int64(PAGE)
                assert libc.sync_file_range(descriptor, offset, size, _WRITE_AND_WAIT) == 0
    finally:
        os.close(descriptor)


def _run(*words: str | Path) -> None:
    if shutil.which(words[0]) is None:
        raise DeviceMissing(f"{words[0]} is not there")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DeviceMissing(f"{words[0]}: {done.stderr.strip()}")


def _succeeds(*words: str | Path) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
