"""Which version of a file is there: another one if it was written, but not if it was read."""

from __future__ import annotations

from pathlib import Path


def version_of(path: Path) -> tuple[int, int, int, int]:
    """Return what tells whether a file was written, or replaced, since."""
    # Not the time of the last access, which a mere look may move on.
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
