"""The item that extracts a tar archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import Change, StateDiff, diff_of
from peaceful._item.item import Item
from peaceful._model.location import Interaction, Location, Pull
from peaceful._model.state import State
from peaceful._present.numbers import size
from peaceful._present.text import count
from peaceful.items._disk import UsablePath
from peaceful.items._tar._archive import Limits, read_entries
from peaceful.items._tar._errors import ArchiveMissing
from peaceful.items._tar._extract import Extraction, Notes, Source, notes_name, temporary_name
from peaceful.items._tar._names import (
    Entry,
    FileEntry,
    describe_entry,
)
from peaceful.items._tar._selection import EVERYTHING, Selection, pattern
from peaceful.items._tar._tree import Tree

_MAX_SIZE: Final = 32 * 1000**3
_MAX_FILES: Final = 1_000_000


class TarExtractState(State):
    """The state of an extracted archive.

    Attributes:
        path: the destination folder.
        present: whether the item has ever extracted anything there.
        files: the archive's files, links and empty folders by their names within the destination;
            other files there are not listed.
        unfinished: whether the extraction was cut, and is to be resumed.
    """

    path: Path
    present: bool
    files: Mapping[str, Entry] = {}
    unfinished: bool = False

    def __str__(self) -> str:
        if not self.present:
            return "absent"
        total = sum(entry.size for entry in self.files.values() if isinstance(entry, FileEntry))
        end = ", not finished" if self.unfinished else ""
        return f"{count(len(self.files), 'file')}, {size(total)}{end}"


def _are_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for each in patterns:
        pattern(each, anchored=True)
    return patterns


class TarExtract(Item[TarExtractState]):
    """The files of a tar archive in a folder.

    ```python
    flow.add("app_extract", TarExtract(tar_path=archive.state.path, dest=into / "app"))
    ```

    The archive may be compressed by gzip, bzip2, xz or zstd; its content decides, not its name
    (zstd needs the extra `archive` before Python 3.14).

    Names, rights and checksums of files are compared, so an archive that was packed anew with the
    same content changes nothing. Only files that differ are written, each whole or not at all;
    files that the archive no longer has are removed. Other files in the folder are left alone,
    unless the archive has one of the same name. The names of the extracted files are kept in the
    folder, in the hidden file `.extracted.json`, or `.<name>.extracted.json`; cleaning removes
    these files, and folders that are then empty.

    Nothing is written if any entry of the archive would leave the folder (by an absolute path, by
    `..`, by a link), is a device or a named pipe, lies below a link, or is named like the hidden
    file of an item. Rights are those of `tarfile.data_filter`: nothing runs as another user, and
    nobody but the owner may write. Folders get the default rights; owners and extended attributes
    are not preserved. A hard link becomes a file of its own.

    Patterns are those of GNU tar with `--wildcards`: `*`, `?` and `[...]` match slashes too, a
    backslash takes the next character as it is, and a pattern that matches a folder matches all
    that is in it. They are compared with names as `tar -tf` lists them, before anything is
    stripped: those of `include` from the beginning, those of `exclude` also after any slash; a
    slash at their end makes no difference. What is left out may be of any kind. A hard link to a
    file that is left out becomes that file; a symbolic link to one leads nowhere. Of two entries
    that get one name, the last is extracted. What was extracted before and is not selected any more
    is removed.

    Attributes:
        tar_path: the archive. The goal is unknown until it exists.
        dest: the folder, which is created if it is missing.
        name: of letters, digits, `-` and `_`: tells apart what several items extract into one
            folder; its files are remembered by it. Empty for one item.
        strip_components: how many leading folders to strip from the names of entries; those that
            have no more than that are left out. `.` counts as one, as in `./app/start`.
        include: patterns of the entries to extract; all by default. One that matches none fails.
        exclude: patterns of entries to leave out, even if they are included.
        max_size: the most bytes that all files together may have.
        max_files: the most entries that the archive may have.
    """

    tar_path: UsablePath
    dest: UsablePath
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$")] = ""
    strip_components: Annotated[int, Field(ge=0)] = 0
    include: Annotated[tuple[str, ...], AfterValidator(_are_patterns)] = ()
    exclude: Annotated[tuple[str, ...], AfterValidator(_are_patterns)] = ()
    max_size: Annotated[int, Field(ge=0)] = _MAX_SIZE
    max_files: Annotated[int, Field(ge=0)] = _MAX_FILES

    def state_current(self, ctx: ItemCtx) -> TarExtractState:
        """Compare what the item has extracted with what is still there."""
        notes = Notes.load(self.dest / notes_name(self.name))
        if notes is None:
            return self.state_clean(ctx)
        files: dict[str, Entry] = {}
        ctx.progress.message("comparing files")
        ctx.progress.steps(len(notes.names), done=0)
        total = count(len(notes.names), "file")
        with Tree(self.dest, temporary_name(self.name)) as tree:
            for done, name in enumerate(notes.names):
                safe_point = partial(ctx.safe_point, where=f"after comparing {done:,} of {total}")
                _ = safe_point()
                entry = tree.look(name, safe_point)
                if entry is not None:
                    files[name] = entry
                ctx.progress.advance()
        return TarExtractState(
            path=self.dest, present=True, files=files, unfinished=notes.unfinished
        )

    def state_goal(self, ctx: ItemCtx) -> TarExtractState:
        """Read the archive to its end; raise `ArchiveFailed` if it cannot be extracted."""
        ctx.progress.message(f"reading {self.tar_path.name}")
        ctx.progress.bytes(None, done=0)
        total: int | None = None

        def on_read(read: int, packed: int) -> None:
            nonlocal total
            if total != packed:
                total = packed
                ctx.progress.bytes(packed)
            ctx.progress.done(read)
            _ = ctx.safe_point(where=f"while reading {self.tar_path.name}")

        source = self._source()
        files = read_entries(source.path, source.limits, on_read, source.selection)
        return TarExtractState(path=self.dest, present=True, files=files)

    def try_state_goal(self, ctx: ItemCtx) -> TarExtractState | None:
        """Return the goal, or None if the archive may still come to be."""
        try:
            return self.state_goal(ctx)
        except ArchiveMissing:
            return None

    def state_clean(self, ctx: ItemCtx) -> TarExtractState:
        """Return that nothing was ever extracted."""
        return TarExtractState(path=self.dest, present=False)

    def diff(self, current: TarExtractState, goal: TarExtractState) -> StateDiff | None:
        """Compare file by file."""
        changes = tuple(_changes(current, goal))
        if not changes and current.present != goal.present:
            changes = (Change("present", current.present, goal.present),)
        if not changes and current.unfinished:
            changes = (Change("unfinished", True, False, "extracting was cut", "finished"),)
        return diff_of(changes)

    def apply(
        self, ctx: ItemCtx, current: TarExtractState, goal: TarExtractState
    ) -> TarExtractState:
        """Extract the files that differ; or remove what was extracted."""
        _ = ctx.safe_point(where="before extracting")
        extraction = Extraction(ctx, self._source(), current.path, self.name, current.files)
        if goal.present:
            extraction.run(goal.files)
        else:
            extraction.undo()
        return goal

    def identity(self) -> str:
        """Return the folder, and the name of what is extracted there if it has one."""
        return f"extracted:{self.dest}" + (f"#{self.name}" if self.name else "")

    def interactions(self) -> Sequence[Interaction]:
        """Return that the item pulls from the archive to the folder."""
        here = Location.host("localhost")
        archive = Location.path(str(self.tar_path), here)
        return (Pull(Location.path(str(self.dest), here), archive),)

    def state_example(self) -> TarExtractState:
        """Return one file of a megabyte."""
        files = {"bin/example": FileEntry(0o755, 1_000_000, "5f" * 32)}
        return TarExtractState(path=self.dest, present=True, files=files)

    def _source(self) -> Source:
        limits = Limits(self.max_size, self.max_files)
        if not (self.strip_components or self.include or self.exclude):
            return Source(self.tar_path, limits, EVERYTHING)
        include = [pattern(each, anchored=True) for each in self.include]
        exclude = [pattern(each, anchored=False) for each in self.exclude]
        return Source(self.tar_path, limits, Selection(self.strip_components, include, exclude))


def _changes(current: TarExtractState, goal: TarExtractState) -> Iterator[Change]:
    if current.path != goal.path:
        yield Change("path", str(current.path), str(goal.path))
    for name in sorted(current.files.keys() | goal.files.keys()):
        before, after = current.files.get(name), goal.files.get(name)
        if before != after:
            yield Change(
                name,
                None if before is None else str(before),
                None if after is None else str(after),
                "" if before is None else describe_entry(before, after),
                "" if after is None else describe_entry(after, before),
            )
