"""Files with secrets in them, which only their owner may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from peaceful.errors import FileInaccessible, UsageError


def private_text(path: Path, holds: str, *, help: str) -> str:
    """The text of a file with secrets in it.

    Args:
        path: the file.
        holds: what is in it, such as `the keys`.
        help: what else to do where others may have read it.

    Raises:
        UsageError: others than its owner may read or change it.
        StorageError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            # Of what was opened, whatever lies at the path by now.
            rights = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read()
    except OSError as error:
        raise FileInaccessible(path, "read", error) from error
    except ValueError as error:
        raise UsageError(f"{path} is not a text.", help=f"give a file with {holds}") from error
    if os.name == "posix" and rights & 0o077:
        raise UsageError(
            f"Others than its owner may read {holds} in {path}.",
            help=f"take their rights away: chmod 600 {path}; and {help}, if any of them may have "
            "read it",
        )
    return text
