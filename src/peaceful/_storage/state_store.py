"""The state store of YAML files with a journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from peaceful._aio import DaemonThreadPool, done_at_once, wait_shielded
from peaceful._errors.running import FileDamaged
from peaceful._model.clock import SystemClock
from peaceful._model.codec import ExecutionId, ItemId, JsonValue
from peaceful._storage.files import HeldFolder, make_folder, moved_aside, refusals, taken_over
from peaceful._storage.journal import (
    Journal,
    JournalDamaged,
    Journalled,
    boot_id,
    journal_beginning,
    read_journal,
)
from peaceful._storage.records import (
    Begun,
    BlockLog,
    Changing,
    Ended,
    Forgotten,
    Rearranged,
    Record,
    Recorded,
    Settled,
    Started,
    overlaid,
    payload_of,
)
from peaceful._storage.states_file import StatesFile
from peaceful._storage.stored_state import StateKind, StoredState
from peaceful._storage.workspace import PARAMS_SPECS_FILE, states_file_name
from peaceful._storage.yaml_file import read_yaml, write_yaml

T = TypeVar("T")

JOURNAL_FILE: Final = ".states_journal"

_SPECS_COMMENT: Final = "How the parameters of each item are given. The program writes this file."


@dataclass(eq=False, repr=False)
class YamlStateWriter:
    """The writer of a `YamlStateStore`; `StateWriter` documents its methods."""

    _journal: Journal
    _thread: DaemonThreadPool
    _log: BlockLog
    _fold: Callable[[BlockLog], None]
    _check: Callable[[], None]
    warnings: tuple[str, ...] = ()
    over: bool = False
    _closing: asyncio.Task[None] | None = None
    _says_changing: bool = False
    """Whether the disk says that items are changed."""

    def started(self, item: ItemId, at: datetime) -> Awaitable[None]:
        if not self._log.begun.applies:
            return done_at_once()
        if item in self._log.in_flight or item in self._log.ended:
            # Of a second start, a loss of power could leave nothing, and the state of the first
            # would pass for the truth.
            raise ValueError(f"{item} was started before in this block")
        self._check()
        if not self._log.changing:
            self._add(Changing())
        self._add(Started(item, at))
        self._journal.flush()
        if self._says_changing:
            return done_at_once()
        synced = self._journal.synced()
        synced.add_done_callback(self._note_changing)
        return synced

    def record(
        self, item: ItemId, *, current: StoredState | None = None, goal: StoredState | None = None
    ) -> Awaitable[None]:
        given = {StateKind.CURRENT: current, StateKind.GOAL: goal}
        states = {kind: state for kind, state in given.items() if state is not None}
        self._add(Recorded(item, states))
        return self._checked(self._journal.synced())

    def settled(self, item: ItemId, *, in_doubt: bool = False) -> Awaitable[None]:
        if in_doubt or not self._log.begun.applies:
            # That it was started and no more is known is just what the journal says without this.
            return done_at_once()
        self._add(Settled(item))
        # Before, no item is in doubt; and what is synced when the first is changed is this, too.
        return self._journal.synced() if self._log.changing else done_at_once()

    def forget(self, items: Iterable[ItemId]) -> Awaitable[None]:
        self._add(Forgotten(tuple(items)))
        return self._checked(self._journal.synced())

    def rearrange(
        self, changes: Mapping[StateKind, Mapping[ItemId, StoredState | None]]
    ) -> Awaitable[None]:
        self._add(Rearranged(changes))
        return self._checked(self._journal.synced())

    async def close(self) -> None:
        if self.over:
            return
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        # Whoever is cancelled while waiting does not leave it half done.
        await wait_shielded(self._closing)

    def let_go(self) -> None:
        """Stop writing, as if the process were killed: the next block folds the rest."""
        if not self.over:
            self.over = True
            self._journal.let_go()
            # In the thread, after what it is doing with the file.
            self._thread.start(self._journal.close)
            self._thread.close()

    def _note_changing(self, synced: asyncio.Future[None]) -> None:
        if not synced.cancelled() and synced.exception() is None:
            self._says_changing = True

    async def _checked(self, synced: Awaitable[None]) -> None:
        await synced
        # Afterwards: what is written goes to the journal's file, wherever that is by now.
        self._check()

    def _add(self, record: Record) -> None:
        if self.over or self._closing is not None:
            raise RuntimeError("the block was closed")
        self._journal.append(payload_of(record))
        self._log.add(record)

    async def _close(self) -> None:
        try:
            await self._journal.synced()
            if self._journal.count > 1 and not self._log.finished:
                # Before it, nothing must be folded: a reader that finds the YAML files folded is to
                # find the journal complete.
                self._journal.append(payload_of(Ended()))
                await self._journal.synced()
            self._log.finished = True
            await self._thread.submit(self._fold, self._log)
        finally:
            self.let_go()


class YamlStateStore:
    """A `StateStore` in a folder: `states_current.yaml`, `states_goal.yaml`, and the journal.

    While a block runs, it writes to the journal alone, so that an item costs the same however many
    there are. When it ends, the journal is folded into the YAML files and removed; after an unclean
    ending, the next block does that first. Without `sync`, durable means in the kernel, for tests.

    The folder may still have an earlier name: `find` returns where it is by now. From there it is
    read; whoever holds it to write gives it its name first, and calls `before_moving` before that.
    """

    def __init__(
        self,
        flow_dir: Path,
        *,
        find: Callable[[], Path] | None = None,
        before_moving: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = SystemClock.now,
        boot_id: str | None = boot_id(),
        sync: bool = True,
    ) -> None:
        self._home = flow_dir
        self._find = find or (lambda: flow_dir)
        self._before_moving = before_moving
        self._now = now
        self._boot_id = boot_id
        self._sync = sync
        self._check: Callable[[], None] = _unheld
        self._writer: YamlStateWriter | None = None
        self._be_in(self._find())

    @property
    def is_new(self) -> bool:
        """Whether no states were ever stored here."""
        paths = (self._journal_path, *(file.path for file in self._files.values()))
        return not any(path.exists() for path in paths)

    def _be_in(self, folder: Path) -> None:
        self._folder = folder
        self._journal_path = folder / JOURNAL_FILE
        self._files = {
            kind: StatesFile(folder / states_file_name(kind), kind, now=self._now, sync=self._sync)
            for kind in StateKind
        }

    @contextmanager
    def hold(self, *, dry_run: bool = False) -> Generator[Callable[[], None]]:
        self._be_in(self._find())
        if self._folder != self._home and not dry_run:
            self._before_moving()
            taken_over(self._folder, self._home)
            self._be_in(self._home)
        with refusals(self._folder, "created"):
            make_folder(self._folder)
        with HeldFolder(self._folder) as held:
            self._check = held.check
            try:
                yield held.check
            finally:
                self._check = _unheld

    def load(self, kind: StateKind) -> Mapping[ItemId, StoredState]:
        return self._read(lambda: self._loaded(kind))

    def _read(self, read: Callable[[], T]) -> T:
        """Return what a function reads; again, if the folder was given its name meanwhile."""
        while True:
            found = read()
            place = self._find()
            if place == self._folder:
                return found
            self._be_in(place)

    def _loaded(self, kind: StateKind) -> Mapping[ItemId, StoredState]:
        while True:
            before = journal_beginning(self._journal_path)
            stored = self._files[kind].load()
            found = self._journalled()
            # In between, another process may have folded the journal, and begun the next one: then
            # what was read of the YAML file does not belong to this journal.
            if before == (b"" if found is None else found.beginning):
                if found is None:
                    return stored
                changes = _changes(found.log, stored, kind, all_records=found.all_records)
                merged = {**stored, **changes}
                return {item: state for item, state in merged.items() if state is not None}

    def open(
        self, execution_id: ExecutionId, items: Sequence[ItemId], *, applies: bool
    ) -> YamlStateWriter:
        if self._writer is not None and not self._writer.over:
            raise RuntimeError("the block before was not closed")
        self._check()
        self.fold()
        # What cannot be read could not be folded at the end of the block.
        warnings = tuple(
            f"{file.path} was changed by hand, or damaged, since {since}, when it was last "
            "written; what it says is believed"
            for file in self._files.values()
            if (since := file.take_over())
        )
        begun = Begun(execution_id, self._now(), self._boot_id, applies, tuple(items))
        thread = DaemonThreadPool(1, "peaceful-journal")
        journal = Journal(self._journal_path, thread, payload_of(begun), sync=self._sync)
        self._writer = YamlStateWriter(
            journal, thread, BlockLog(begun), self._fold, self._check, warnings
        )
        return self._writer

    def fold(self) -> None:
        """Fold the journal of an unclean ending into the files that people read.

        The caller holds the profile's lock.
        """
        found = self._journalled()
        if found is not None:
            self._fold(found.log, all_records=found.all_records)

    def set_damaged_aside(self) -> tuple[Path, ...]:
        self._check()
        moved: list[Path] = []
        for file in self._files.values():
            try:
                file.load()
            except FileDamaged:
                moved.append(moved_aside(file.path, self._now()))
        try:
            self._journalled()
        except FileDamaged as error:
            log = error.log if isinstance(error, JournalDamaged) else None
            if log is None:
                stored = tuple(self._files[StateKind.CURRENT].load())
                log = BlockLog(Begun("", self._now(), None, applies=True, items=stored))
            self._doubt(log)
            moved.append(moved_aside(self._journal_path, self._now()))
        return tuple(moved)

    def load_params_specs(self) -> Mapping[str, JsonValue]:
        return self._read(lambda: read_yaml(self._folder / PARAMS_SPECS_FILE) or {})

    def save_params_specs(self, specs: Mapping[str, JsonValue]) -> None:
        self._check()
        write_yaml(self._folder / PARAMS_SPECS_FILE, specs, comment=_SPECS_COMMENT)

    def _journalled(self) -> Journalled | None:
        return read_journal(self._journal_path, self._boot_id)

    def _fold(self, log: BlockLog, *, all_records: bool = True) -> None:
        self._check()
        for kind, file in self._files.items():
            changes = _changes(log, file.load(), kind, all_records=all_records)
            file.save(changes, log.begun.items)
        with refusals(self._journal_path, "removed"):
            # Not synced: should the name come back, folding once more changes nothing.
            self._journal_path.unlink(missing_ok=True)

    def _doubt(self, log: BlockLog) -> None:
        """Fold what is readable of a damaged journal, and doubt all that it may have changed."""
        begun = log.begun
        for kind, file in self._files.items():
            changes = log.changes[kind]
            doubtful = (*begun.items, *changes) if kind is StateKind.CURRENT else ()
            doubt = dict.fromkeys(doubtful, begun.at)
            file.save(overlaid(file.load(), changes, doubt), begun.items)


def _unheld() -> None:
    """Check nothing: no execution holds the folder."""


def _changes(
    log: BlockLog, stored: Mapping[ItemId, StoredState], kind: StateKind, *, all_records: bool
) -> dict[ItemId, StoredState | None]:
    doubt = log.in_doubt(all_records=all_records) if kind is StateKind.CURRENT else {}
    return overlaid(stored, log.changes[kind], doubt)
