"""The item that extracts a tar archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field

from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import StateDiff
from peaceful._item.item import Item
from peaceful._model.location import Interaction, Location, Pull
from peaceful._present.text import count
from peaceful.items._disk import UsablePath
from peaceful.items._tar._archive import Limits, manifest_of
from peaceful.items._tar._errors import ArchiveMissing
from peaceful.items._tar._extract import Extraction, Notes, notes_name, temporary_name
from peaceful.items._tar._names import Entry, FileEntry
from peaceful.items._tar._state import TarExtractState, tar_diff
from peaceful.items._tar._tree import Tree

_MAX_SIZE: Final = 32 * 1000**3
_MAX_FILES: Final = 1_000_000


class TarExtract(Item[TarExtractState]):
    """The content of a tar archive in a folder.

    ```python
    flow.add("app_extract", TarExtract(tar_path=archive.state.path, dest=into / "app"))
    ```

    The archive may be packed by gzip, bzip2, xz or zstd, which is told by its content, not its name
    (zstd needs the extra `archive` before Python 3.14).

    Names, rights and checksums of files are compared, so an archive that was packed anew with the
    same content changes nothing. Only files that differ are written, each whole or not at all;
    files that the archive no longer has are removed. Other files in the folder are left alone,
    except where the archive has one of the same name: it takes its place. Which files it has
    brought, the item remembers in the hidden `.<flow>.<item>.extracted.json` in the folder, and
    `clean` removes these, and folders that are then empty.

    Nothing is written if any entry of the archive would leave the folder (by an absolute path, by
    `..`, by a link), is a device or a named pipe, lies below a link, or is called as what items
    remember is. Rights are those that
    `tarfile.data_filter` gives: nothing runs as another user, and nobody but the owner may write.
    Folders get the rights that new folders get; owners and extended attributes are not taken over.
    A hard link becomes a file of its own.

    Attributes:
        tar_path: the archive. Where it is not there yet, what it brings is not known yet.
        dest: the folder; made where it is missing.
        max_size: bytes that all files together may have.
        max_files: how many entries the archive may have.
    """

    tar_path: UsablePath
    dest: UsablePath
    max_size: Annotated[int, Field(ge=0)] = _MAX_SIZE
    max_files: Annotated[int, Field(ge=0)] = _MAX_FILES

    def state_current(self, ctx: ItemCtx) -> TarExtractState:
        """What the item has brought, and is still there."""
        notes = Notes.load(self.dest / notes_name(ctx))
        if notes is None:
            return self.state_clean(ctx)
        files: dict[str, Entry] = {}
        ctx.progress.message("comparing files")
        ctx.progress.steps(len(notes.names), done=0)
        with Tree(self.dest, temporary_name(ctx)) as tree:
            for done, name in enumerate(notes.names):

                def between(done: int = done) -> None:
                    _ = ctx.safe_point(
                        where=f"after comparing {done:,} of {count(len(notes.names), 'file')}"
                    )

                between()
                entry = tree.look(name, between)
                if entry is not None:
                    files[name] = entry
                ctx.progress.advance()
        return TarExtractState(
            path=self.dest, present=True, files=files, unfinished=notes.unfinished
        )

    def state_goal(self, ctx: ItemCtx) -> TarExtractState:
        """What the archive has."""
        ctx.progress.message(f"reading {self.tar_path.name}")
        ctx.progress.bytes(None, done=0)
        told: int | None = None

        def between(read: int, size: int) -> None:
            nonlocal told
            if told != size:
                told = size
                ctx.progress.bytes(size)
            ctx.progress.done(read)
            _ = ctx.safe_point(where=f"while reading {self.tar_path.name}")

        manifest = manifest_of(self.tar_path, self._limits(), between)
        return TarExtractState(path=self.dest, present=True, files=manifest.entries)

    def try_state_goal(self, ctx: ItemCtx) -> TarExtractState | None:
        """As `state_goal`; not known where the archive may only come to be there."""
        try:
            return self.state_goal(ctx)
        except ArchiveMissing:
            return None

    def state_clean(self, ctx: ItemCtx) -> TarExtractState:
        """Nothing was ever extracted."""
        return TarExtractState(path=self.dest, present=False)

    def diff(self, current: TarExtractState, goal: TarExtractState) -> StateDiff | None:
        """Files that are added, changed and removed."""
        return tar_diff(current, goal)

    def apply(
        self, ctx: ItemCtx, current: TarExtractState, goal: TarExtractState
    ) -> TarExtractState:
        """Extracts what differs; or removes what was extracted."""
        _ = ctx.safe_point(where="before extracting")
        extraction = Extraction(ctx, self.tar_path, self._limits(), current)
        if goal.present:
            return extraction.run(goal)
        extraction.undo()
        return goal

    def interactions(self) -> Sequence[Interaction]:
        """From the archive to the folder, on one machine."""
        here = Location.host("localhost")
        archive, folder = (
            Location.path(str(self.tar_path), here),
            Location.path(str(self.dest), here),
        )
        return (Pull(folder, archive),)

    def state_example(self) -> TarExtractState:
        """One file."""
        files = {"bin/example": FileEntry(0o755, 1_000_000, "5f" * 32)}
        return TarExtractState(path=self.dest, present=True, files=files)

    def _limits(self) -> Limits:
        return Limits(self.max_size, self.max_files)
