"""Endings that could not be entered in the register, kept beside it until somebody can."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from peaceful._errors.running import StorageError
from peaceful._executions.records import ExecutionRecord
from peaceful._model.codec import ExecutionId, decode_json, encode_json
from peaceful._storage.files import read_file, write_file_atomically

_LOG = logging.getLogger("peaceful.executions")

_SUFFIX: Final = ".ending"


def keep_ending(record: ExecutionRecord, run_folder: Path) -> None:
    """Keep the record of an execution that has ended. Raises `StorageError`."""
    write_file_atomically(run_folder / f"{record.id}{_SUFFIX}", encode_json(record))


class KeptEndings:
    """The kept endings in a workspace's run folder: a file for each, with the whole record."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> Iterator[ExecutionRecord]:
        """Return all that are kept."""
        try:
            paths = list(self._folder.iterdir())
        except OSError:
            return
        for path in paths:
            if path.suffix == _SUFFIX and (record := self.get(path.stem)) is not None:
                yield record

    def get(self, execution_id: ExecutionId) -> ExecutionRecord | None:
        """Return the record of an execution whose ending is kept, or None."""
        path = self._path(execution_id)
        try:
            data = read_file(path)
            return None if data is None else decode_json(data, ExecutionRecord)
        except (StorageError, ValueError) as error:
            # It is shown as killed then: how it ended is not known any more.
            _LOG.warning("the ending in %s cannot be read: %s", path, error)
            with suppress(OSError):
                path.unlink()
            return None

    def drop(self, execution_id: ExecutionId) -> None:
        """Remove an ending that is in the register by now. Raises `OSError`."""
        self._path(execution_id).unlink(missing_ok=True)

    def _path(self, execution_id: ExecutionId) -> Path:
        return self._folder / f"{execution_id}{_SUFFIX}"
