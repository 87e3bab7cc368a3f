"""The item that extracts a tar archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, PrivateAttr

from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import Change, StateDiff, diff_of
from peaceful._item.item import Item
from peaceful._item.upgrades import upgrades
from peaceful._model.location import Interaction, Location, Pull
from peaceful._model.state import State
from peaceful._present.numbers import size
from peaceful._present.text import count
from peaceful.items._disk import UsablePath
from peaceful.items._tar._archive import Limits
from peaceful.items._tar._errors import ArchiveMissing
from peaceful.items._tar._extract import Extraction, Notes, Source, notes_name, temporary_name
from peaceful.items._tar._names import (
    Entry,
    FileEntry,
    Listing,
    describe_entry,
    entry_from_text,
    entry_text,
    is_other,
)
from peaceful.items._tar._selection import EVERYTHING, Selection, pattern
from peaceful.items._tar._tree import Tree

_MAX_SIZE: Final = 32 * 1000**3
_MAX_FILES: Final = 1_000_000
_NAMED: Final = 1_000
"""The most files that differ and are named; the rest is counted."""
_OFTEN: Final = 16
"""Files between two looks whether to go on."""
_OF_ARCHIVE: Final = "archive "
"""What a content begins with that was not read."""


class TarExtractState(State):
    """The state of an extracted archive.

    Attributes:
        path: the destination folder.
        present: whether the item has ever extracted anything there.
        files: the number of the archive's files, links and empty folders; other files in the folder
            do not count.
        size: the bytes of all these files.
        listing: the SHA-256 of their names, rights, sizes and targets.
        content: the SHA-256 of the checksums of all files; of a goal that was not read to that end,
            because none of it is there, what tells the archive from others.
        unfinished: whether the extraction was cut, and is to be resumed.
    """

    state_version = 2

    path: Path
    present: bool
    files: int = 0
    size: int = 0
    listing: str = ""
    content: str = ""
    unfinished: bool = False
    _found: Listing | None = PrivateAttr(None)

    @classmethod
    def of(cls, path: Path, found: Listing, *, unfinished: bool = False) -> TarExtractState:
        """Return the state of a listing; `diff` can name the files that differ from another's."""
        listing, content = found.digests()
        state = cls(
            path=path,
            present=True,
            files=len(found.entries),
            size=found.size,
            listing=listing,
            content=content or f"{_OF_ARCHIVE}{found.source}",
            unfinished=unfinished,
        )
        state._found = found
        return state

    @property
    def found(self) -> Listing | None:
        """The listing, unless the state was stored and read back."""
        return self._found

    def __eq__(self, other: object) -> bool:
        """Return whether all facts are the same, whether or not the files can be named."""
        return isinstance(other, TarExtractState) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        """Return a hash of the facts."""
        return hash((self.path, self.present, self.listing, self.content))

    def __str__(self) -> str:
        if not self.present:
            return "absent"
        end = ", not finished" if self.unfinished else ""
        return f"{count(self.files, 'file')}, {size(self.size)}{end}"


def _with_digests(old: dict[str, Any]) -> TarExtractState:
    """Return a state that had a line for each file."""
    path, is_cut = Path(old["path"]), bool(old.get("unfinished"))
    if not old["present"]:
        return TarExtractState(path=path, present=False)
    lines: dict[str, str] = old.get("files", {})
    found = Listing({name: entry_from_text(line) for name, line in lines.items()})
    return TarExtractState.of(path, found, unfinished=is_cut)


upgrades(TarExtractState, from_version=1)(_with_digests)


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
        verify: whether each run reads all bytes of the extracted files, and of the archive where
            they are compared with it. Else a file whose inode, size, rights and times are those
            with which it was written is taken for unchanged, and so is the archive.
    """

    tar_path: UsablePath
    dest: UsablePath
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$")] = ""
    strip_components: Annotated[int, Field(ge=0)] = 0
    include: Annotated[tuple[str, ...], AfterValidator(_are_patterns)] = ()
    exclude: Annotated[tuple[str, ...], AfterValidator(_are_patterns)] = ()
    max_size: Annotated[int, Field(ge=0)] = _MAX_SIZE
    max_files: Annotated[int, Field(ge=0)] = _MAX_FILES
    verify: bool = False

    def state_current(self, ctx: ItemCtx) -> TarExtractState:
        """Compare what the item has extracted with what is still there."""
        notes = Notes.load(self.dest / notes_name(self.name))
        if notes is None:
            return self.state_clean(ctx)
        found = Listing(source=notes.source)
        entries, stamps = ({}, {}) if self.verify else (notes.entries, notes.stamps)
        ctx.progress.message("comparing files")
        ctx.progress.steps(len(notes.names), done=0)
        total = count(len(notes.names), "file")
        done = 0

        def safe_point() -> None:
            _ = ctx.safe_point(where=f"after comparing {done:,} of {total}")

        with Tree(self.dest, temporary_name(self.name)) as tree:
            for done, name in enumerate(notes.names):
                if done % _OFTEN == 0:
                    safe_point()
                    ctx.progress.done(done)
                looked = tree.look(name, safe_point, entries.get(name), stamps.get(name))
                if looked is not None:
                    found.entries[name], stamp = looked
                    if stamp is not None:
                        found.stamps[name] = stamp
        ctx.progress.done(len(notes.names))
        return TarExtractState.of(self.dest, found, unfinished=notes.unfinished)

    def state_goal(self, ctx: ItemCtx) -> TarExtractState:
        """Read the archive, unless it is the one that was extracted.

        Raises `ArchiveFailed` if it cannot be extracted.
        """
        source = self._source()
        notes = Notes.load(self.dest / notes_name(self.name))
        if notes is None:
            return TarExtractState.of(self.dest, source.read(ctx))
        known = None if self.verify or not source.is_of(notes) else notes.listing()
        if known is not None:
            return TarExtractState.of(self.dest, known)
        names = frozenset(notes.names)
        with Tree(self.dest, temporary_name(self.name)) as tree:

            def is_needed(name: str, entry: FileEntry) -> bool:
                # Where anything else differs, the content need not be compared.
                return name in names and tree.size_and_rights(name) == (entry.size, entry.mode)

            return TarExtractState.of(self.dest, source.read(ctx, is_needed))

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
        """Compare file by file, as far as the states were not stored meanwhile."""
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
        # States that were stored meanwhile do not say which files there are.
        found = current.found or self.state_current(ctx).found or Listing()
        extraction = Extraction(ctx, self._source(), current.path, self.name, found)
        if not goal.present:
            extraction.undo()
            return goal
        wanted = goal.found or self.state_goal(ctx).found or Listing()
        return TarExtractState.of(goal.path, extraction.run(wanted))

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
        listing = Listing({"bin/example": FileEntry(0o755, 1_000_000, "5f" * 32)})
        return TarExtractState.of(self.dest, listing)

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
    before, after = _entries(current), _entries(goal)
    if before is not None and after is not None:
        names = sorted(
            name
            for name in before.keys() | after.keys()
            if is_other(before.get(name), after.get(name))
        )
        for name in names[:_NAMED]:
            yield _change(name, before.get(name), after.get(name))
        if (more := len(names) - _NAMED) > 0:
            yield Change("others", None, more, "", count(more, "file"))
    elif current.present and goal.present:
        if current.listing != goal.listing:
            yield Change("files", str(current), str(goal))
        elif current.content != goal.content and _was_read(current) is _was_read(goal):
            yield Change("content", current.content, goal.content)


def _was_read(state: TarExtractState) -> bool:
    return not state.content.startswith(_OF_ARCHIVE)


def _entries(state: TarExtractState) -> Mapping[str, Entry] | None:
    if not state.present:
        return {}
    return None if state.found is None else state.found.entries


def _change(name: str, before: Entry | None, after: Entry | None) -> Change:
    return Change(
        name,
        None if before is None else entry_text(before),
        None if after is None else entry_text(after),
        "" if before is None else describe_entry(before, after),
        "" if after is None else describe_entry(after, before),
    )
