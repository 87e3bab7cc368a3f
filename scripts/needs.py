"""Installs what the tests need besides Python packages, where it is missing and where it may.

`make test` runs this first; it costs nothing where all is there. On Debian and its like, as root or
with a `sudo` that asks for no password, it installs by apt; elsewhere it says what to install, and
the tests that need it are skipped. With `TESTS_SKIP_NOTHING=1`, as in continuous integration, that
is an error: here, and in the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from ctypes.util import find_library
from pathlib import Path
from typing import Final, NamedTuple

APT_LISTS: Final = Path("/var/lib/apt/lists")

APT_OPTIONS: Final = (
    *("-qq", "--yes", "--no-install-recommends"),
    *("-o", "Acquire::Retries=3"),
    # Another run may be installing the same.
    *("-o", "DPkg::Lock::Timeout=600"),
)


class Need(NamedTuple):
    """Something that the tests use and that no Python package brings along."""

    what: str
    """As it is said in a sentence."""
    choices: tuple[tuple[str, ...], ...]
    """The packages that bring it on Debian: the first choice that can be installed will do."""
    commands: tuple[str, ...] = ()
    """One of them is on `PATH` where it is there; tests look for it, too, and are skipped."""
    libraries: tuple[str, ...] = ()
    """All of them are where the system looks for libraries."""
    of_root: bool = False
    """Whether only tests that run as root use it; others may not even find it on their `PATH`."""

    @property
    def is_there(self) -> bool:
        """Whether this machine has it, or does without."""
        if self.of_root and (sys.platform != "linux" or os.geteuid() != 0):
            return True
        if self.commands:
            return any(shutil.which(command) is not None for command in self.commands)
        # Elsewhere the packages of Python bring their libraries along.
        return sys.platform != "linux" or all(map(find_library, self.libraries))


NEEDS: Final = (
    Need(
        "the browser Chromium",
        # A browser without a font draws no letters. One without windows is not on all that is like
        # Debian.
        choices=(
            ("chromium-headless-shell", "fonts-dejavu-core"),
            ("chromium", "fonts-dejavu-core"),
        ),
        commands=("chromium-headless-shell", "chromium"),
    ),
    Need("the shell zsh", choices=(("zsh",),), commands=("zsh",)),
    Need(
        "a C compiler",
        # The tests of crashes compile what comes between a program and its files.
        choices=(("gcc", "libc6-dev"),),
        commands=("cc", "gcc"),
    ),
    Need(
        "what makes an XFS",
        # That it loses its power is among the long tests.
        choices=(("xfsprogs",),),
        commands=("mkfs.xfs",),
        of_root=True,
    ),
    Need(
        "what Graphviz is linked with",
        # pygraphviz brings Graphviz along, but takes these for granted. Some are called otherwise
        # since they measure time in 64 bits.
        choices=(
            ("libexpat1", "libglib2.0-0", "libx11-6", "libxext6", "libxrender1"),
            ("libexpat1", "libglib2.0-0t64", "libx11-6", "libxext6", "libxrender1"),
        ),
        libraries=("expat", "glib-2.0", "gobject-2.0", "X11", "Xext", "Xrender"),
    ),
)


def main() -> int:
    """Installs what is missing and returns the exit code."""
    missing = [need for need in NEEDS if not need.is_there]
    apt = apt_as_root() if missing else None
    if apt is not None:
        missing = [need for need in missing if not provided(need, apt)]
    must = os.environ.get("TESTS_SKIP_NOTHING") == "1"
    for need in missing:
        say(
            f"{need.what} is not there, and could not be installed: "
            + ("tests that need it are skipped" if need.commands and not must else "tests need it")
            + f"; on Debian: sudo apt-get install {' '.join(need.choices[0])}"
        )
    return 1 if must and missing else 0


def provided(need: Need, apt: tuple[str, ...]) -> bool:
    """Installs something, and says whether it is there now."""
    for packages in need.choices:
        say(f"installing {' and '.join(packages)}, which the tests need")
        if installed(apt, packages) and need.is_there:
            return True
    return False


def apt_as_root() -> tuple[str, ...] | None:
    """The beginning of a command line that installs; none where this user may not."""
    apt = shutil.which("apt-get")
    if apt is None or os.name != "posix":
        return None
    quietly = ("env", "DEBIAN_FRONTEND=noninteractive", apt)
    if os.geteuid() == 0:
        return quietly
    sudo = shutil.which("sudo")
    if sudo is None or not succeeds((sudo, "-n", "true")):
        return None
    return (sudo, "-n", *quietly)


def installed(apt: tuple[str, ...], packages: Sequence[str]) -> bool:
    """Installs packages, and says whether they were; lists that are missing or old are fetched."""
    install = (*apt, *APT_OPTIONS, "install", *packages)
    if any(APT_LISTS.glob("*_Packages*")) and succeeds(install):
        return True
    return succeeds((*apt, *APT_OPTIONS, "update")) and succeeds(install)


def succeeds(command: Sequence[str]) -> bool:
    """Runs a command, whose output matters only when it fails, and says whether it succeeded."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
    return done.returncode == 0


def say(message: str) -> None:
    """Prints one line of progress."""
    print(f"needs: {message}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
