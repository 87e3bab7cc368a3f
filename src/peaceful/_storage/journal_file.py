"""Reader of the journal file: its records, and whether any are missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from peaceful._errors.running import FileDamaged, FormatTooNew
from peaceful._storage.files import read_file
from peaceful._storage.journal import (
    FILE_HEADER,
    FRAME_HEADER,
    VERSION,
    BytesDamaged,
    Scan,
    VersionUnknown,
    beginning_of,
    is_beginning_of_frame,
    scan,
)
from peaceful._storage.records import BlockLog, Record, log_of, record_from

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

_HELP: Final = (
    "run discover: it moves the damaged file aside and finds the states anew; what the file told "
    "is treated as out of date"
)


class Journalled(msgspec.Struct, frozen=True):
    """A journal that was read; its `beginning` differs from that of any other journal."""

    log: BlockLog
    all_records: bool
    beginning: bytes


class JournalDamaged(FileDamaged):
    """A journal damaged beyond a torn end; `log` is what is still readable, or None."""

    def __init__(self, path: Path, error: BytesDamaged, log: BlockLog | None = None) -> None:
        super().__init__(path, f"offset {error.offset}", error.reason, help=_HELP)
        self.log = log


def read_journal(path: Path, boot_id: str | None) -> Journalled | None:
    """Read a journal without changing it; return None if there is none.

    A torn end is what a killed process or a power loss leaves of the last records. Nobody was told
    that these were durable, so they are ignored. If the machine has not restarted since, only the
    beginning of a record can be torn that way: anything else was whole once, and is damage, which
    raises `JournalDamaged`.
    """
    data = read_file(path, help=_HELP)
    if data is None:
        return None
    try:
        found = scan(data)
        log = log_of(_records(found))
    except VersionUnknown as error:
        raise FormatTooNew(path, error.version, VERSION) from None
    except BytesDamaged as error:
        raise JournalDamaged(path, error) from None
    except ValueError as error:
        raise JournalDamaged(path, BytesDamaged(FILE_HEADER, str(error))) from None
    same_boot = boot_id is not None and log.begun.boot_id == boot_id
    is_cut = is_beginning_of_frame(found.torn, len(found.payloads))
    if found.damage is not None:
        raise JournalDamaged(path, found.damage, log)
    if same_boot and not is_cut and any(found.torn):
        damage = BytesDamaged(found.end, "the last record is damaged")
        raise JournalDamaged(path, damage, log)
    return Journalled(log, same_boot and is_cut, beginning_of(data))


def journal_beginning(path: Path) -> bytes:
    """Return the first bytes of a journal, which identify it; empty if there is no journal."""
    data = read_file(path, help=_HELP)
    return b"" if data is None else beginning_of(data)


def boot_id() -> str | None:
    """Return the ID of this boot of the machine, or None if the system does not tell."""
    try:
        return _BOOT_ID.read_text().strip() or None
    except OSError:
        # Not Linux, or hidden: every unclean ending is then taken for a loss of power.
        return None


def _records(found: Scan) -> Iterator[Record]:
    offset = FILE_HEADER
    for number, payload in enumerate(found.payloads):
        try:
            yield record_from(payload)
        except ValueError as error:
            raise BytesDamaged(offset, f"record {number} cannot be understood: {error}") from None
        offset += FRAME_HEADER + len(payload)
