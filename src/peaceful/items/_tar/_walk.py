"""Going about below one folder, name by name, never through a link.

From an open folder the next one is opened (`openat` with `O_NOFOLLOW`), so that a link below the
destination, whoever put it there and when, leads nowhere else.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from peaceful.items._disk import DiskFailed, PathTaken

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
NO_FOLDER: Final = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})
"""What the system says where a folder was to be opened, and there is a link or a file."""


class Walk:
    """Where one is below a folder. What was opened on the way there stays open for the next step.

    Args:
        root: the folder, which is there.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, root: Path) -> None:
        self._path = root
        self._way: list[tuple[str, int]] = []
        self.root: Final = os.open(root, _FOLDER)

    def close(self) -> None:
        """Lets everything go."""
        self._back_to(0)
        os.close(self.root)

    def to(self, folder: str) -> int | None:
        """The descriptor of a folder, or none where there is no such. Holds until the next step.

        Args:
            folder: its name below the root; empty for the root itself.

        Raises:
            DiskFailed: the system refused.
        """
        for part in self._left_of(folder):
            try:
                self._enter(part)
            except OSError as error:
                if error.errno == errno.ENOENT or error.errno in NO_FOLDER:
                    return None
                raise DiskFailed(self._path / folder, "opened", error) from error
        return self._here

    def made(self, folder: str) -> int:
        """The descriptor of a folder, which is made where it is missing. Holds until the next step.

        Args:
            folder: its name below the root; empty for the root itself.

        Raises:
            PathTaken: on the way there is something that is no folder.
            DiskFailed: the system refused.
        """
        for part in self._left_of(folder):
            try:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=self._here)
                self._enter(part)
            except OSError as error:
                path = self._path.joinpath(*(name for name, _ in self._way), part)
                if error.errno in NO_FOLDER:
                    raise PathTaken(path, "a link or a file", "a folder") from error
                raise DiskFailed(path, "made", error) from error
        return self._here

    @property
    def _here(self) -> int:
        return self._way[-1][1] if self._way else self.root

    def _enter(self, part: str) -> None:
        self._way.append((part, os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=self._here)))

    def _left_of(self, folder: str) -> list[str]:
        """Goes back as far as the way to a folder is another one; what is left of that way."""
        parts = folder.split("/") if folder else []
        common = 0
        for (name, _), part in zip(self._way, parts, strict=False):
            if name != part:
                break
            common += 1
        self._back_to(common)
        return parts[common:]

    def _back_to(self, depth: int) -> None:
        while len(self._way) > depth:
            os.close(self._way.pop()[1])


def folder_of(name: str) -> tuple[str, str]:
    """A name, cut into its folder and what it is called there."""
    folder, _, last = name.rpartition("/")
    return folder, last


def folders_above(name: str) -> list[str]:
    """The folders that a name is in, the innermost first, without the root."""
    folders: list[str] = []
    while name := folder_of(name)[0]:
        folders.append(name)
    return folders
