"""States in YAML files that people read, kept whole by a journal beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from peaceful._aio import DaemonThreadPool
from peaceful.errors import FileDamaged
from peaceful.model import ExecutionId, ItemId, JsonValue, SystemClock
from peaceful.storage._block_log import BlockLog, overlaid
from peaceful.storage._files import refusals, sync_folder
from peaceful.storage._journal import Journal
from peaceful.storage._journal_file import (
    JournalDamaged,
    Journalled,
    boot_id,
    journal_beginning,
    read_journal,
)
from peaceful.storage._records import Begun, payload_of
from peaceful.storage._state_writer import YamlStateWriter
from peaceful.storage._states_file import StatesFile
from peaceful.storage._stored_state import StateKind, StoredState
from peaceful.storage._workspace import PARAMS_SPECS_FILE, states_file_name
from peaceful.storage._yaml_file import read_yaml, write_yaml

JOURNAL_FILE: Final = ".states_journal"
"""The name of the journal in a flow's folder."""

_SPECS_COMMENT: Final = "How the parameters of each item are given. The program writes this file."


class YamlStateStore:
    """A `StateStore` in a folder: `states_current.yaml`, `states_goal.yaml`, and the journal.

    While a block runs, what it does goes to the journal alone, so that an item costs the same
    however many there are. When it ends, the journal is folded into the YAML files and removed;
    after an unclean ending, the next block does that first.

    Args:
        flow_dir: the folder; it is made when something is written.
        now: tells the time in UTC.
        boot_id: what this run of the machine is called, or none where that cannot be told.
        sync: whether durable means on disk; else it means in the kernel, for benchmarks and tests.
    """

    def __init__(
        self,
        flow_dir: Path,
        *,
        now: Callable[[], datetime] = SystemClock.now,
        boot_id: str | None = boot_id(),
        sync: bool = True,
    ) -> None:
        self._folder = flow_dir
        self._journal_path = flow_dir / JOURNAL_FILE
        self._now = now
        self._boot_id = boot_id
        self._sync = sync
        self._writer: YamlStateWriter | None = None
        self._files = {
            kind: StatesFile(flow_dir / states_file_name(kind), kind, sync=sync)
            for kind in StateKind
        }

    def load(self, kind: StateKind) -> Mapping[ItemId, StoredState]:
        """See `StateStore.load`."""
        while True:
            before = journal_beginning(self._journal_path)
            stored = self._files[kind].load()
            found = self._journalled()
            # In between, another process may have folded the journal, and begun the next one: then
            # what was read of the YAML file does not belong to what the journal tells.
            if before == (b"" if found is None else found.beginning):
                if found is None:
                    return stored
                return _with(
                    stored, _changes(found.log, stored, kind, all_records=found.all_records)
                )

    def open(
        self, execution_id: ExecutionId, items: Sequence[ItemId], *, applies: bool
    ) -> YamlStateWriter:
        """See `StateStore.open`."""
        if self._writer is not None and not self._writer.over:
            raise RuntimeError("the block before was not closed")
        found = self._journalled()
        if found is not None:
            self._fold(found.log, all_records=found.all_records)
        for file in self._files.values():
            # What cannot be read could not be folded at the end of the block.
            file.load()
        begun = Begun(execution_id, self._now(), self._boot_id, applies, tuple(items))
        thread = DaemonThreadPool(1, f"journal of {self._folder.name}")
        journal = Journal(self._journal_path, thread, payload_of(begun), sync=self._sync)
        self._writer = YamlStateWriter(journal, thread, BlockLog(begun), self._fold)
        return self._writer

    def set_damaged_aside(self) -> tuple[Path, ...]:
        """See `StateStore.set_damaged_aside`."""
        moved = [
            _moved_aside(file.path, self._now())
            for file in self._files.values()
            if _is_damaged(file.load)
        ]
        try:
            self._journalled()
        except FileDamaged as error:
            self._doubt(error.log if isinstance(error, JournalDamaged) else None)
            moved.append(_moved_aside(self._journal_path, self._now()))
        return tuple(moved)

    def load_params_specs(self) -> Mapping[str, JsonValue]:
        """See `StateStore.load_params_specs`."""
        return read_yaml(self._folder / PARAMS_SPECS_FILE) or {}

    def save_params_specs(self, specs: Mapping[str, JsonValue]) -> None:
        """See `StateStore.save_params_specs`."""
        write_yaml(self._folder / PARAMS_SPECS_FILE, specs, comment=_SPECS_COMMENT)

    def _journalled(self) -> Journalled | None:
        return read_journal(self._journal_path, self._boot_id)

    def _fold(self, log: BlockLog, *, all_records: bool = True) -> None:
        for kind, file in self._files.items():
            changes = _changes(log, file.load(), kind, all_records=all_records)
            if changes:
                file.save(changes, log.begun.items)
        with refusals(self._journal_path, "removed"):
            # Not synced: should the name come back, folding once more changes nothing.
            self._journal_path.unlink(missing_ok=True)

    def _doubt(self, log: BlockLog | None) -> None:
        """Folds what a damaged journal still tells, and doubts all that it may have told.

        Args:
            log: what it tells; none where that is nothing.
        """
        for kind, file in self._files.items():
            stored = file.load()
            changes = {} if log is None else log.changes[kind]
            doubt: dict[ItemId, datetime] = {}
            if kind is StateKind.CURRENT:
                items = stored if log is None else (*log.begun.items, *changes)
                doubt = dict.fromkeys(items, self._now() if log is None else log.begun.at)
            file.save(overlaid(stored, changes, doubt), () if log is None else log.begun.items)


def _changes(
    log: BlockLog, stored: Mapping[ItemId, StoredState], kind: StateKind, *, all_records: bool
) -> dict[ItemId, StoredState | None]:
    doubt = log.in_doubt(all_records=all_records) if kind is StateKind.CURRENT else {}
    return overlaid(stored, log.changes[kind], doubt)


def _with(
    stored: Mapping[ItemId, StoredState], changes: Mapping[ItemId, StoredState | None]
) -> Mapping[ItemId, StoredState]:
    merged = {**stored, **changes}
    return {item: state for item, state in merged.items() if state is not None}


def _is_damaged(read: Callable[[], object]) -> bool:
    try:
        read()
    except FileDamaged:
        return True
    return False


def _moved_aside(path: Path, now: datetime) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}")
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}-{number}")
    with refusals(path, "moved aside"):
        path.rename(aside)
        sync_folder(path.parent)
    return aside
