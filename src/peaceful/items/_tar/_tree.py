"""Trees of files: what is there, and what differs from an archive."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from peaceful.items._disk import DiskFailed, PathTaken, disk_errors, sync_filesystem
from peaceful.items._tar._names import Entry, FileEntry, FolderEntry, LinkEntry

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


_CHUNK: Final = 1024 * 1024
_STAYS: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EBUSY, errno.ENOENT})
"""What the system says where a folder is gone, is none, or has somebody else's things in it."""


class Tree:
    """What is below one folder; `with`. Names are relative, with `/` between their parts.

    Every function raises `DiskFailed` where the operating system refuses.

    Args:
        root: the folder, which is there.
        temporary: the name that files have while they are written, in the folder that they go to;
            nothing else has it.
    """

    def __init__(self, root: Path, temporary: str) -> None:
        self.root = root
        self._temporary = temporary
        with disk_errors(root, "opened"):
            self._walk = Walk(root)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._walk.close()

    # ---- looking

    def look(self, name: str, between: Callable[[], object]) -> Entry | None:
        """What has a name: a file, a link, a folder; none where there is nothing of these.

        Args:
            name: the name.
            between: called between parts of a file.
        """
        folder, last = folder_of(name)
        here = self._walk.to(folder)
        if here is None:
            return None
        with self._errors(name, "read"):
            try:
                facts = os.stat(last, dir_fd=here, follow_symlinks=False)
                if stat.S_ISLNK(facts.st_mode):
                    return LinkEntry(os.readlink(last, dir_fd=here))
                if stat.S_ISDIR(facts.st_mode):
                    return FolderEntry()
                return _file(last, here, between) if stat.S_ISREG(facts.st_mode) else None
            except FileNotFoundError:
                return None

    def content(self, name: str) -> Generator[bytes]:
        """The bytes of a file, which is opened at once."""
        folder, last = folder_of(name)
        here = self._walk.to(folder)
        with self._errors(name, "read"):
            if here is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            descriptor = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        return self._content(descriptor, name)

    def _content(self, descriptor: int, name: str) -> Generator[bytes]:
        with FileIO(descriptor) as file:
            while True:
                with self._errors(name, "read"):
                    chunk = file.read(_CHUNK)
                if not chunk:
                    return
                yield chunk

    def free(self) -> int:
        """Bytes that can still be written."""
        with disk_errors(self.root, "looked at"):
            facts = os.fstatvfs(self._walk.root)
        return facts.f_bavail * facts.f_frsize

    # ---- changing

    def write(self, name: str, chunks: Iterable[bytes], wanted: FileEntry, modified: float) -> bool:
        """Puts a file in its place, whole, if its content is the wanted one.

        Args:
            name: its name; folders on the way are made.
            chunks: its content.
            wanted: what it is to be.
            modified: when it was changed; seconds since 1970.

        Returns:
            Whether it is there now.

        Raises:
            PathTaken: there is a folder of that name, or no folder on the way to it.
        """
        folder, last = folder_of(name)
        here = self._walk.made(folder)
        with self._errors(name, "written"):
            descriptor = self._create(here)
            try:
                digest = hashlib.sha256()
                with FileIO(descriptor, "wb"):
                    for chunk in chunks:
                        digest.update(chunk)
                        _write_all(descriptor, chunk)
                    os.fchmod(descriptor, wanted.mode)
                    os.utime(descriptor, (modified, modified))
                if digest.hexdigest() == wanted.sha256:
                    self._rename(here, last, name)
                    return True
            except BaseException:
                self._forget_temporary(here)
                raise
            self._forget_temporary(here)
            return False

    def write_link(self, name: str, target: str) -> None:
        """Puts a link in its place.

        Raises:
            PathTaken: there is a folder of that name, or no folder on the way to it.
        """
        folder, last = folder_of(name)
        here = self._walk.made(folder)
        with self._errors(name, "written"):
            self._forget_temporary(here)
            os.symlink(target, self._temporary, dir_fd=here)
            self._rename(here, last, name)

    def make_folder(self, name: str) -> None:
        """Makes a folder, and those on the way to it.

        Raises:
            PathTaken: there is something else.
        """
        self._walk.made(name)

    def remove(self, name: str, *, folder: bool) -> None:
        """Removes a file or a link; or a folder if nothing is in it. Anything else stays.

        Args:
            name: its name.
            folder: which of the two.
        """
        above, last = folder_of(name)
        here = self._walk.to(above)
        if here is None:
            return
        with self._errors(name, "removed"):
            if folder:
                _remove_folder(last, here)
                return
            with suppress(FileNotFoundError):
                if not stat.S_ISDIR(os.stat(last, dir_fd=here, follow_symlinks=False).st_mode):
                    os.unlink(last, dir_fd=here)

    def prune(self, names: Iterable[str]) -> None:
        """Removes folders above names, as far as nothing is in them any more; never the root.

        Args:
            names: what was removed.
        """
        folders = {folder for name in names for folder in folders_above(name)}
        for folder in sorted(folders, key=lambda name: -name.count("/")):
            self.remove(folder, folder=True)

    def sweep(self, names: Iterable[str]) -> None:
        """Removes what a process that was killed has left half written beside names."""
        for folder in {folder_of(name)[0] for name in names}:
            here = self._walk.to(folder)
            if here is not None:
                with self._errors(folder, "removed"):
                    self._forget_temporary(here)

    def sync(self) -> None:
        """Makes everything durable."""
        with disk_errors(self.root, "written"):
            sync_filesystem(self._walk.root)

    # ---- steps

    def _create(self, here: int) -> int:
        self._forget_temporary(here)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self._temporary, flags, 0o600, dir_fd=here)

    def _forget_temporary(self, here: int) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._temporary, dir_fd=here)

    def _rename(self, here: int, last: str, name: str) -> None:
        try:
            os.rename(self._temporary, last, src_dir_fd=here, dst_dir_fd=here)
        except IsADirectoryError as error:
            self._forget_temporary(here)
            path = self.root / name
            raise PathTaken(path, "a folder", "something from the archive") from error

    @contextmanager
    def _errors(self, name: str, doing: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise DiskFailed(self.root / name, doing, error) from error


def _file(last: str, here: int, between: Callable[[], object]) -> FileEntry:
    digest = hashlib.sha256()
    # Should it have become a pipe or a link meanwhile: neither waited for nor followed.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with FileIO(os.open(last, flags, dir_fd=here)) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            between()
        facts = os.fstat(file.fileno())
    return FileEntry(facts.st_mode & 0o7777, facts.st_size, digest.hexdigest())


def _remove_folder(last: str, here: int) -> None:
    try:
        os.rmdir(last, dir_fd=here)
    except OSError as error:
        if error.errno not in _STAYS:
            raise


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
