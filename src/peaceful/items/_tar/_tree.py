"""File trees below one folder, read and changed without following links."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from posixpath import split
from typing import Final, Self, TypeAlias, TypeVar

from peaceful._atomic import write_all
from peaceful.items._disk import DiskFailed, PathTaken, disk_errors, sync_filesystem
from peaceful.items._tar._names import Entry, FileEntry, FolderEntry, LinkEntry, Stamp

T = TypeVar("T")

Known: TypeAlias = tuple[FileEntry, Stamp]
"""A file as it was when its content was read or written, and its stamp then."""

_CHUNK: Final = 256 * 1024
_MANY: Final = 64
"""Files and folders: of more, one wait for the whole file system is shorter."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NOWHERE: Final = "/"
"""The folder of a walk that is on its way; no folder has that name."""
_NO_FOLDER: Final = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})
"""Errors of opening a link or a file as a folder."""
_STAYS: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EBUSY, errno.ENOENT})
"""Errors of removing a folder that is gone, is none, or is not empty."""


class Walk:
    """A walk below a root folder, which keeps the folders on its way open for the next step."""

    def __init__(self, root: Path) -> None:
        self._path = root
        self._way: list[tuple[str, int]] = []
        self._folder = ""
        self.root: Final = os.open(root, _FOLDER)

    def close(self) -> None:
        """Close every open folder."""
        self._back_to(0)
        os.close(self.root)

    def to(self, folder: str) -> int | None:
        """Return the descriptor of a folder, valid until the next step, or None if there is none.

        The name is relative to the root, which itself has an empty name.
        """
        if folder == self._folder:
            return self._here
        for part in self._back_towards(folder):
            try:
                self._enter(part)
            except OSError as error:
                if error.errno == errno.ENOENT or error.errno in _NO_FOLDER:
                    return None
                raise DiskFailed(self._path / folder, "opened", error) from error
        self._folder = folder
        return self._here

    def make(self, folder: str) -> int:
        """Return the descriptor of a folder, and create what is missing on the way.

        Raises `PathTaken` if something on the way is no folder.
        """
        if folder == self._folder:
            return self._here
        for part in self._back_towards(folder):
            try:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=self._here)
                self._enter(part)
            except OSError as error:
                path = self._path.joinpath(*(name for name, _ in self._way), part)
                if error.errno in _NO_FOLDER:
                    raise PathTaken(path, "a link or a file", "a folder") from error
                raise DiskFailed(path, "made", error) from error
        self._folder = folder
        return self._here

    @property
    def _here(self) -> int:
        return self._way[-1][1] if self._way else self.root

    def _enter(self, part: str) -> None:
        self._way.append((part, os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=self._here)))

    def _back_towards(self, folder: str) -> list[str]:
        """Go back to the last folder in common with the way to another, and return the rest."""
        self._folder = _NOWHERE
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


class Tree:
    """The files below an existing folder, by their relative names; use it as a context manager.

    While a file is written, it has the name `temporary`, in its own folder. Every method raises
    `DiskFailed` if the operating system refuses.
    """

    def __init__(self, root: Path, temporary: str) -> None:
        self.root = root
        self._temporary = temporary
        with disk_errors(root, "opened"):
            self._walk = Walk(root)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._walk.close()

    # ---- reading

    def look(
        self,
        name: str,
        between: Callable[[], object],
        known: Entry | None = None,
        known_by: Stamp | None = None,
    ) -> tuple[Entry, Stamp | None] | None:
        """Return the file, link or folder of a name, or None if there is nothing of these.

        A file also has its stamp, unless it changes. If it is that of the `known` one, the file is
        taken for this, and not read. `between` is called between the parts of a file.
        """
        folder, last = split(name)
        here = self._walk.to(folder)
        if here is None:
            return None
        with self._errors(name, "read"):
            try:
                facts = os.stat(last, dir_fd=here, follow_symlinks=False)
                kind = stat.S_IFMT(facts.st_mode)
                if kind == stat.S_IFREG:
                    if (
                        isinstance(known, FileEntry)
                        and known_by == stamp_of(facts)
                        and (known.size, known.mode) == (facts.st_size, facts.st_mode & 0o7777)
                    ):
                        return known, known_by
                    return _read_file(last, here, between)
                if kind == stat.S_IFLNK:
                    return LinkEntry(os.readlink(last, dir_fd=here)), None
                return (FolderEntry(), None) if kind == stat.S_IFDIR else None
            except FileNotFoundError:
                return None

    def size_and_rights(self, name: str) -> tuple[int, int] | None:
        """Return these of a file, or None if there is none of that name."""
        folder, last = split(name)
        here = self._walk.to(folder)
        if here is None:
            return None
        with self._errors(name, "read"), suppress(FileNotFoundError):
            facts = os.stat(last, dir_fd=here, follow_symlinks=False)
            if stat.S_ISREG(facts.st_mode):
                return facts.st_size, facts.st_mode & 0o7777
        return None

    def has_folder(self, name: str) -> bool:
        """Return whether there is a folder of that name."""
        return self._walk.to(name) is not None

    def content(self, name: str) -> Generator[bytes]:
        """Open a file at once, and return an iterator over its bytes."""
        folder, last = split(name)
        here = self._walk.to(folder)
        with self._errors(name, "read"):
            if here is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            descriptor = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        return self._chunks(descriptor, name)

    def _chunks(self, descriptor: int, name: str) -> Generator[bytes]:
        with FileIO(descriptor) as file, self._errors(name, "read"):
            while chunk := file.read(_CHUNK):
                yield chunk

    def free(self) -> int:
        """Return the number of bytes that can still be written."""
        with disk_errors(self.root, "looked at"):
            facts = os.fstatvfs(self._walk.root)
        return facts.f_bavail * facts.f_frsize

    # ---- changing

    def write(
        self, name: str, chunks: Iterable[bytes], wanted: FileEntry, modified: float
    ) -> Known | None:
        """Write a file and its missing folders, and return it with its checksum and its stamp.

        If it is not of the wanted size and checksum, nothing is replaced, and None is returned.
        `modified` is in seconds since 1970. Raises `PathTaken` if there is a folder of that name,
        or no folder on the way to it.
        """
        folder, last = split(name)
        here = self._walk.make(folder)
        digest, size = hashlib.sha256(), 0
        with self._errors(name, "written"):
            descriptor = self._put(here, lambda: os.open(self._temporary, _NEW, 0o600, dir_fd=here))
            is_written = False
            try:
                for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    write_all(descriptor, chunk)
                sha256 = digest.hexdigest()
                if size != wanted.size or wanted.sha256 not in ("", sha256):
                    return None
                os.fchmod(descriptor, wanted.mode)
                os.utime(descriptor, (modified, modified))
                self._rename(here, last, name)
                is_written = True
                return FileEntry(wanted.mode, size, sha256), stamp_of(os.fstat(descriptor))
            finally:
                os.close(descriptor)
                if not is_written:
                    self._remove_temporary(here)

    def write_link(self, name: str, target: str) -> None:
        """Write a symbolic link and its missing folders; raise `PathTaken` as `write` does."""
        folder, last = split(name)
        here = self._walk.make(folder)
        with self._errors(name, "written"):
            self._put(here, lambda: os.symlink(target, self._temporary, dir_fd=here))
            try:
                self._rename(here, last, name)
            except BaseException:
                self._remove_temporary(here)
                raise

    def make_folder(self, name: str) -> None:
        """Create a folder, and those on the way to it; raise `PathTaken` if there is no room."""
        self._walk.make(name)

    def remove(self, name: str, *, folder: bool) -> None:
        """Remove a folder if it is empty, or a file or link; leave anything else."""
        above, last = split(name)
        here = self._walk.to(above)
        if here is None:
            return
        with self._errors(name, "removed"):
            if folder:
                try:
                    os.rmdir(last, dir_fd=here)
                except OSError as error:
                    if error.errno not in _STAYS:
                        raise
                return
            with suppress(FileNotFoundError):
                if not stat.S_ISDIR(os.stat(last, dir_fd=here, follow_symlinks=False).st_mode):
                    os.unlink(last, dir_fd=here)

    def prune(self, folders: Iterable[str]) -> None:
        """Remove folders as far as they are empty."""
        for folder in sorted(folders, key=lambda name: -name.count("/")):
            self.remove(folder, folder=True)

    def sweep(self, names: Iterable[str]) -> None:
        """Remove the temporary files that a killed process has left beside names."""
        for folder in {split(name)[0] for name in names}:
            here = self._walk.to(folder)
            if here is not None:
                with self._errors(folder, "removed"):
                    self._remove_temporary(here)

    def sync(self, files: Collection[str], folders: Collection[str]) -> None:
        """Make files and folders durable, or everything if they are many.

        One wait for the whole file system also waits for what others write there; one for each of
        very many files takes minutes on a rotating disk.
        """
        if len(files) + len(folders) > _MANY:
            with disk_errors(self.root, "written"):
                sync_filesystem(self._walk.root)
            return
        for name in files:
            folder, last = split(name)
            here = self._walk.to(folder)
            with self._errors(name, "written"):
                descriptor = os.open(last, _FILE, dir_fd=here)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        for name in folders:
            here = self._walk.to(name)
            if here is not None:
                with self._errors(name, "written"):
                    os.fsync(here)

    def _remove_temporary(self, here: int) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._temporary, dir_fd=here)

    def _put(self, here: int, new: Callable[[], T]) -> T:
        """Return what makes the temporary file, in place of one that a killed process has left."""
        try:
            return new()
        except FileExistsError:
            self._remove_temporary(here)
            return new()

    def _rename(self, here: int, last: str, name: str) -> None:
        try:
            os.rename(self._temporary, last, src_dir_fd=here, dst_dir_fd=here)
        except IsADirectoryError as error:
            path = self.root / name
            raise PathTaken(path, "a folder", "something from the archive") from error

    @contextmanager
    def _errors(self, name: str, doing: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise DiskFailed(self.root / name, doing, error) from error


def folders_above(names: Iterable[str]) -> set[str]:
    """Return the folders that names lie in, but not the root."""
    folders: set[str] = set()
    for name in names:
        above = name
        while (cut := above.rfind("/")) > 0 and (above := above[:cut]) not in folders:
            folders.add(above)
    return folders


def stamp_of(facts: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns


def _read_file(last: str, here: int, between: Callable[[], object]) -> tuple[Entry, Stamp | None]:
    digest = hashlib.sha256()
    # Should it have become a pipe or a link meanwhile: neither waited for nor followed.
    descriptor = os.open(last, _FILE, dir_fd=here)
    with FileIO(descriptor) as file:
        before = os.fstat(descriptor)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            between()
        facts = os.fstat(descriptor)
    entry = FileEntry(facts.st_mode & 0o7777, facts.st_size, digest.hexdigest())
    stamp = stamp_of(facts)
    return entry, stamp if stamp == stamp_of(before) else None
