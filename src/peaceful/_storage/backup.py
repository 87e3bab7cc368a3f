"""Backups of profiles: one file with the text of each of a profile's files, and a digest.

Nothing in it is a path to be trusted: a backup with a file that no profile has is refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from peaceful._errors.running import FileDamaged
from peaceful._errors.usage import NameInvalid
from peaceful._model.codec import FlowId, ItemId, Moment, ProfileName
from peaceful._model.names import checked_name
from peaceful._storage.files import (
    make_folder,
    read_file,
    refusals,
    sync_folder,
    write_file_atomically,
)
from peaceful._storage.kept_file import kept_bytes, kept_value, read_kept
from peaceful._storage.stored_state import EntryInvalid, StateKind, StoredState, stored_of
from peaceful._storage.workspace import PARAMS_SPECS_FILE, Workspace, states_file_name
from peaceful._storage.yaml_file import entries_of, text_of

FORMAT: Final = 1

_KIND: Final = "backup"

_PROFILE_FILE: Final = "profile_params.yaml"
_STATES_FILE: Final = states_file_name(StateKind.CURRENT)
_FLOW_FILES: Final = (
    "flow_params.yaml",
    PARAMS_SPECS_FILE,
    *(states_file_name(kind) for kind in StateKind),
)

_RESTORING: Final = ".restoring"
"""The file that says what a profile is to be: until it goes, others may be half replaced."""

_HELP: Final = "take another backup"


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A profile, as it was at a time.

    Attributes:
        app: the application.
        app_version: its version, if it has one.
        profile: the profile.
        at: when it was; UTC.
        files: by path below the profile's folder, the text of a file.
    """

    app: str
    app_version: str
    profile: ProfileName
    at: Moment
    files: Mapping[str, str]

    def encoded(self) -> bytes:
        """Return the content of a backup's file."""
        return kept_bytes(_KIND, FORMAT, self)

    def states(self, path: Path) -> dict[tuple[FlowId, ItemId], StoredState]:
        """Return the current states in it. Raises `StorageError`, which names the path."""
        states: dict[tuple[FlowId, ItemId], StoredState] = {}
        for name, text in self.files.items():
            flow, _, file = name.rpartition("/")
            where = path / name
            entries = entries_of(where, text_of(where, _bytes(text)), help=_HELP)
            if file == _STATES_FILE:
                for entry in entries:
                    try:
                        states[flow, entry.key] = stored_of(entry.value)
                    except EntryInvalid as error:
                        reason = f"{entry.key} is wrong: {error}"
                        raise FileDamaged(where, "", reason, help=_HELP) from None
        return states


class BackupFile(Backup, frozen=True, kw_only=True):
    """A backup as it is written.

    Attributes:
        peaceful: what it is.
        form: the version of its form.
        digest: of all that it says; a backup that has another one is refused.
    """

    peaceful: Literal["backup"]
    form: int
    digest: str


def read_backup(path: Path) -> Backup:
    """Return the backup in a file. Raises `StorageError` unless it is whole, and of a profile."""
    return parse_backup(read_kept(path, "name the file of a backup"), path)


def parse_backup(data: bytes, path: Path) -> Backup:
    """Return the backup that a file holds, as `read_backup` does."""
    backup = kept_value(data, path, _KIND, FORMAT, Backup, _HELP)
    for name in backup.files:
        if not _is_of_profile(name):
            reason = f"it has a file {name!r}, which no profile has"
            raise FileDamaged(path, "", reason, help="trust nothing of it; take another backup")
    return backup


def files_of(workspace: Workspace, profile: ProfileName) -> dict[str, str]:
    """Return the files of a profile that a backup has, as they are. Raises `StorageError`."""
    folder = workspace.profile_folder(profile)
    names = [_PROFILE_FILE]
    for flow in workspace.flows(profile):
        names += [f"{flow}/{name}" for name in _FLOW_FILES]
    found = ((name, read_file(folder / name)) for name in names)
    return {
        name: data.decode("utf-8", "surrogateescape") for name, data in found if data is not None
    }


def restore(workspace: Workspace, profile: ProfileName, backup: bytes) -> None:
    """Make a profile what a backup says: whenever the process is killed, all of it or nothing.

    If it is killed once the backup's copy is there, `finish_restoring` does the rest. The caller
    holds the profile's lock, and has folded the journals. Raises `StorageError`.
    """
    write_file_atomically(workspace.profile_folder(profile) / _RESTORING, backup)
    finish_restoring(workspace, profile)


def is_restoring(workspace: Workspace, profile: ProfileName) -> bool:
    """Return whether a profile is being restored, or its restoring was cut."""
    return os.path.lexists(workspace.profile_folder(profile) / _RESTORING)


def finish_restoring(workspace: Workspace, profile: ProfileName) -> None:
    """Carry on with what `restore` began, if it did. The caller holds the profile's lock."""
    folder = workspace.profile_folder(profile)
    if not is_restoring(workspace, profile):
        return
    wanted = read_backup(folder / _RESTORING).files
    for name, text in wanted.items():
        path = folder / name
        with refusals(path.parent, "created"):
            make_folder(path.parent)
        if read_file(path) != _bytes(text):
            write_file_atomically(path, _bytes(text))
    for name in files_of(workspace, profile):
        if name not in wanted:
            with refusals(folder / name, "removed"):
                (folder / name).unlink()
                sync_folder((folder / name).parent)
    flows = {name.partition("/")[0] for name in wanted}
    for flow in workspace.flows(profile):
        if flow not in flows:
            _remove_if_empty(folder / flow)
    with refusals(folder / _RESTORING, "removed"):
        (folder / _RESTORING).unlink()
        sync_folder(folder)


def _remove_if_empty(folder: Path) -> None:
    """Remove a flow's folder: it may have another name in the backup. What others put in stays."""
    with suppress(OSError):
        for cache in folder.glob(".states_*.cache"):
            cache.unlink()
        folder.rmdir()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_of_profile(name: str) -> bool:
    flow, slash, file = name.partition("/")
    return name == _PROFILE_FILE or (bool(slash) and file in _FLOW_FILES and _is_flow(flow))


def _is_flow(name: str) -> bool:
    try:
        checked_name("a flow", name)
    except NameInvalid:
        return False
    return True
