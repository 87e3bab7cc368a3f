"""What is known of a finished file: which version of the source it is, and its checksum."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from peaceful.items._disk import disk_errors

_BLOCK: Final = 1024 * 1024


class Origin(BaseModel):
    """What is remembered of a finished file, beside it: which version of the source it is.

    Holds only as long as the file has the recorded size and time of change; so a file that somebody
    else has changed since is of unknown origin.

    Attributes:
        source: where it was downloaded from, without secrets.
        etag: the version that the server gave it, or none.
        last_modified: when that was changed, as HTTP writes it, or none.
        size: in bytes.
        changed_ns: the file's own time of change, in nanoseconds.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: str
    etag: str | None
    last_modified: str | None
    size: int
    changed_ns: int

    @staticmethod
    def path_for(target: Path) -> Path:
        """Where the origin of a file is kept: hidden, beside it."""
        return target.with_name(f".{target.name}.source.json")

    @classmethod
    def of(cls, target: Path, facts: os.stat_result) -> Origin | None:
        """The origin of a file, or none where it is not known.

        Args:
            target: the file.
            facts: what the system says of it.
        """
        with contextlib.suppress(OSError, ValidationError):  # Whatever is wrong: it is not known.
            origin = cls.model_validate_json(cls.path_for(target).read_bytes())
            if (origin.size, origin.changed_ns) == (facts.st_size, facts.st_mtime_ns):
                return origin
        return None


def sha256_of(path: Path, between: Callable[[int], None]) -> str:
    """The checksum of a file, in hexadecimal digits.

    Args:
        path: the file.
        between: called after each part that was read, with how many bytes it has.

    Raises:
        DiskFailed: it cannot be read.
    """
    digest = hashlib.sha256()
    with disk_errors(path, "read"), path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            between(len(block))
    return digest.hexdigest()
