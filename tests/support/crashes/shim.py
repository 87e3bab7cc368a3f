"""The shim: how it is built, and what it is told to do in one process."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SOURCE = Path(__file__).with_name("shim.c")


@dataclass(frozen=True, slots=True)
class Plan:
    """What the shim does in a process.

    Attributes:
        does: what happens at an operation: the process is killed before it; half of it is written,
            and the process is killed; it fails; it and all after it fail.
        at: the number of the operation, from 1; 0 for none.
        counts: the kinds of operations that are counted.
        error: how it fails.
        sync: what a sync does; a number of microseconds if it only takes its time.
        log: where operations are written down, or none.
    """

    does: Literal["kill", "tear", "fail", "fail-on"] = "kill"
    at: int = 0
    counts: str = ""
    error: int = errno.EIO
    sync: int | Literal["real"] = 0
    log: Path | None = None

    def environment(self, folder: Path, boot: Path) -> Mapping[str, str]:
        """Return the environment variables that tell the shim so.

        Args:
            folder: the operations under it are meant.
            boot: the file that the process reads as the ID of this boot.
        """
        variables = {
            "CRASH_FOLDER": str(folder.resolve()),
            "CRASH_BOOT": str(boot),
            "CRASH_DOES": self.does,
            "CRASH_AT": str(self.at),
            "CRASH_COUNTS": self.counts,
            "CRASH_ERRNO": str(self.error),
            "CRASH_SYNC": str(self.sync),
        }
        if self.log is not None:
            variables["CRASH_LOG"] = str(self.log)
        return variables


def compiler() -> str | None:
    """Return the C compiler of this machine, or none."""
    return shutil.which("cc") or shutil.which("gcc")


def build(folder: Path) -> Path:
    """Compile the shim into a folder, and return the library."""
    library = folder / "shim.so"
    found = compiler()
    assert found is not None, "there is no C compiler"
    flags = ("-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread")
    subprocess.run([found, *flags, "-o", library, SOURCE], check=True)
    return library
