"""Whole profiles: backed up, restored, deleted, renamed, copied."""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import msgspec

from peaceful._app.build import FlowBuilder
from peaceful._app.parameters.files import ParamsFile
from peaceful._app.register import register_of
from peaceful._errors.running import (
    FileDamaged,
    FileInaccessible,
    ProfileBusy,
    StorageError,
    ThingsLeft,
)
from peaceful._errors.usage import NameUnknown, UsageError
from peaceful._executions.registry import Executions
from peaceful._model.clock import SystemClock
from peaceful._model.codec import FlowId, ItemId, ProfileName
from peaceful._model.execution import ExecutionInfo
from peaceful._model.names import checked_name
from peaceful._runtime.ctx import new_execution_id, started_by
from peaceful._storage.backup import (
    Backup,
    files_of,
    is_restoring,
    read_backup,
    restore,
)
from peaceful._storage.files import (
    make_folder,
    read_file,
    refusals,
    sync_folder,
    write_file_atomically,
)
from peaceful._storage.holding import hold_lock, reserve
from peaceful._storage.state_store import YamlStateStore
from peaceful._storage.stored_state import StateKind, StoredState
from peaceful._storage.yaml_file import head_for

DEFAULT_PROFILE: Final = "default"
"""The profile of users who do not choose one."""


_LOG = logging.getLogger("peaceful.app")

_BEFORE_RESTORE: Final = "before-restore"
_BEFORE_UPGRADE: Final = "before-upgrade"
"""Why a profile was kept: a part of the backup's name."""

_TIME: Final = "%Y%m%dT%H%M%S%fZ"
"""When, in UTC. As text, the later one is the greater one."""


class Restored(msgspec.Struct, frozen=True):
    """What restoring a profile did, or would do.

    Attributes:
        profile: the profile.
        files: by file of the profile, how it changes.
        lost: the things that nobody looks after any more, each as `flow: item`.
        kept_as: the backup of what was there before; None if nothing was, or of a dry run.
    """

    profile: ProfileName
    files: Mapping[str, Literal["added", "changed", "removed"]]
    lost: tuple[str, ...]
    kept_as: Path | None


class ProfileKeeper(FlowBuilder):
    """The profiles of an application in a workspace, each as a whole."""

    @cached_property
    def executions(self) -> Executions:
        """The register of the workspace's executions."""
        return register_of(self.workspace)

    def back_up(
        self,
        profile: ProfileName,
        path: Path | None,
        *,
        dry_run: bool = False,
        door: str = "python",
    ) -> Backup:
        """Write a profile to one file: its parameters, and the states of all of its flows.

        Secrets are in it as they are stored: where they come from, or sealed.

        Args:
            profile: the profile.
            path: the file; None to return the backup alone.
            dry_run: whether nothing is written.
            door: where it is asked for; as for each method here: see `CmdCtx.door`.

        Raises:
            ProfileBusy: an execution runs on the profile.
            StorageError: the file cannot be written, or a file of the profile is damaged.
            UsageError: the file is there, and is no backup.
        """
        self._check_is_there(profile)
        if path is not None:
            _check_may_be_written(path)
        with self._doing(profile, "states backup", door, dry_run=dry_run) as notes:
            self._fold(profile)
            backup = self._backup_of(profile)
            # Of what is damaged, nobody needs a backup.
            backup.states(self.workspace.profile_folder(profile))
            if path is not None and not dry_run:
                write_file_atomically(path, backup.encoded())
                notes.append(f"The backup is {path}")
        return backup

    def restore(
        self,
        path: Path,
        profile: ProfileName | None = None,
        *,
        dry_run: bool = False,
        sure: bool = False,
        door: str = "python",
    ) -> Restored:
        """Make a profile what a backup of it says; it may be missing.

        What was there before is kept beside it, as a backup. When the process is killed, the next
        command finishes what was begun.

        Args:
            path: the backup.
            profile: the profile, which must be that of the backup; by default, it is.
            dry_run: whether only to say what would be done.
            sure: whether things may be lost sight of that the backup does not know, and damaged
                files are set aside.
            door: where it is asked for.

        Raises:
            UsageError: the backup is one of another application or profile.
            ThingsLeft: something was made that the backup does not know.
            ProfileBusy: an execution runs on the profile.
            StorageError: the backup is damaged, or a file cannot be read or written.
        """
        backup = read_backup(path)
        return self.restore_from(backup, path, profile, dry_run=dry_run, sure=sure, door=door)

    def restore_from(
        self,
        backup: Backup,
        path: Path,
        profile: ProfileName | None = None,
        *,
        dry_run: bool = False,
        sure: bool = False,
        door: str = "python",
    ) -> Restored:
        """Do as `restore`, with a backup that was read; the path is for messages."""
        profile = backup.profile if profile is None else profile
        self._check_is_of(backup, path, profile)
        known = backup.states(path)
        if profile not in self.workspace.profiles():
            if dry_run:
                return Restored(profile, dict.fromkeys(backup.files, "added"), (), None)
            with refusals(self.workspace.profile_folder(profile), "created"):
                make_folder(self.workspace.profile_folder(profile))
        command = "states restore"
        with (
            self._doing(profile, command, door, dry_run=dry_run) as notes,
            self._changing(command),
        ):
            if sure and not dry_run:
                for flow in self.workspace.flows(profile):
                    self._states(profile, flow).set_damaged_aside()
            self._fold(profile)
            before = self._backup_of(profile)
            lost = _unknown_to(known, self._things(profile))
            files = _changes(before.files, backup.files)
            if lost and not sure and not dry_run:
                raise ThingsLeft(
                    f"What was made since would be lost sight of, as {path} does not know it",
                    lost,
                    help="clean it up first: `clean --only ITEM`; or restore all the same: --yes",
                )
            kept_as = None
            if files and not dry_run:
                kept_as = self._keep(before, _BEFORE_RESTORE) if before.files else None
                restore(self.workspace, profile, backup.encoded())
                if self.workspace.profiles() == (profile,):
                    self._workspace_file().write({"profile": profile})
                notes.append(f"Restored from {path}")
                if kept_as is not None:
                    notes.append(f"What was there before is kept in {kept_as}")
        return Restored(profile, files, lost, kept_as)

    def delete_profile(
        self, profile: ProfileName, *, dry_run: bool = False, door: str = "python"
    ) -> None:
        """Delete a profile, with its parameters and what is stored of its flows.

        A dry run only raises what stands in the way.

        Raises:
            ThingsLeft: something was made, and neither cleaned up nor forgotten.
            UsageError: it is in use, and there are others.
            ProfileBusy: an execution runs on the profile.
            StorageError: a file cannot be read or written.
        """
        self.check_may_be_deleted(profile)
        command = "profile delete"
        with self._doing(profile, command, door, dry_run=dry_run), self._changing(command):
            self.check_may_be_deleted(profile)
            if dry_run:
                return
            folder = self.workspace.profile_folder(profile)
            gone = self._unseen(profile)
            with refusals(folder, "deleted"):
                folder.rename(gone)
                sync_folder(gone.parent)
        with refusals(gone, "deleted"):
            shutil.rmtree(gone)

    def check_may_be_deleted(self, profile: ProfileName) -> None:
        """Raise as `delete_profile` does."""
        self._check_is_there(profile)
        if len(self.workspace.profiles()) > 1 and self._name_in_use() == profile:
            raise UsageError(
                f"The profile {profile} is in use.",
                help=f"take another one into use first: {self.typed('switch', 'PROFILE')}",
            )
        things = [_shown(each) for each in self._things(profile)]
        if things:
            raise ThingsLeft(
                f"The profile {profile} is not deleted: what was made is still there",
                things,
                help=f"clean it up: {self.typed('clean', '--profile', profile)}; or drop what is "
                f"stored of it: {self.typed('states', 'forget', 'ITEM', '--profile', profile)}",
            )

    def rename_profile(
        self,
        old: ProfileName,
        new: ProfileName,
        *,
        dry_run: bool = False,
        door: str = "python",
    ) -> None:
        """Give a profile another name. If it is in use, it stays so.

        A dry run only raises what stands in the way.

        Raises:
            UsageError: the new name is taken, or none.
            ProfileBusy: an execution runs on the profile.
            StorageError: a file cannot be written.
        """
        self._check_is_free(old, new)
        command = "profile rename"
        with (
            self._doing(old, command, door, dry_run=dry_run) as notes,
            self._changing(command),
        ):
            self._check_is_free(old, new)
            notes.append(f"Profile {old} {'would be' if dry_run else 'is'} called {new}")
            if dry_run:
                return
            folder = self.workspace.profile_folder(old)
            before = self._own_files(old)
            with refusals(folder, "renamed"):
                folder.rename(self.workspace.profile_folder(new))
                sync_folder(folder.parent)
            if self._name_in_use() == old:
                self._workspace_file().write({"profile": new})
            for earlier, file in zip(before, self._own_files(new), strict=True):
                _write_with_head(file.path, file.path, earlier, file)

    def copy_profile(
        self,
        old: ProfileName,
        new: ProfileName,
        *,
        dry_run: bool = False,
        door: str = "python",
    ) -> None:
        """Make a profile with the parameters of another one, and without any state.

        A dry run only raises what stands in the way.

        Raises:
            UsageError: the new name is taken, or none.
            StorageError: a file cannot be read or written.
        """
        self._check_is_free(old, new)
        command = "profile copy"
        # What runs on the other one may go on.
        info = self._info(new, command, door, dry_run=dry_run)
        with self.executions.noted(info) as notes, self._changing(command):
            self._check_is_free(old, new)
            has = "would have" if dry_run else "has"
            notes.append(f"Profile {new} {has} the parameters of {old}")
            if dry_run:
                return
            folder = self._unseen(new)
            files = zip(self._own_files(old), self._own_files(new), strict=True)
            try:
                for earlier, file in files:
                    place = file.path.relative_to(self.workspace.profile_folder(new))
                    _write_with_head(earlier.path, folder / place, earlier, file)
                with refusals(self.workspace.profile_folder(new), "created"):
                    folder.rename(self.workspace.profile_folder(new))
                    sync_folder(folder.parent)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise

    # ---- parts

    def _finish_restoring(self, profile: ProfileName) -> None:
        """Finish what a killed process has begun. Raises `ProfileBusy` if it is being done."""
        if is_restoring(self.workspace, profile):
            with self._holding(profile, "states restore"):
                # Whoever holds it has finished it.
                pass

    @contextmanager
    def _doing(
        self, profile: ProfileName, command: str, door: str, *, dry_run: bool
    ) -> Generator[list[str]]:
        """Hold the lock of a profile, and note in the history what is done to it, with remarks.

        Raises `ProfileBusy`.
        """
        info = self._info(profile, command, door, dry_run=dry_run)
        with hold_lock(self.workspace, info), self.executions.noted(info) as notes:
            yield notes

    def reserve(
        self,
        profile: ProfileName,
        command: str,
        patience: float,
        on_wait: Callable[[ProfileBusy], object],
    ) -> Callable[[], None]:
        """Hold a profile for the command that this process runs next, once it is free.

        Returns a function that gives it back, should no command come next.

        Args:
            profile: the profile.
            command: the command.
            patience: how many seconds it may take; it may be infinite.
            on_wait: called with who is in the way, if anybody is.

        Raises:
            ProfileBusy: it took longer.
            NameUnknown: the profile is not there, or not any more.
            StorageError: the lock cannot be acquired.
        """
        self._check_is_there(profile)
        info = self._info(profile, command, "terminal", dry_run=False)
        try:
            # No execution has begun yet.
            return reserve(self.workspace, msgspec.structs.replace(info, id=""), patience, on_wait)
        except StorageError:
            self._check_is_there(profile)
            raise

    def _holding(self, profile: ProfileName, command: str) -> AbstractContextManager[None]:
        """Hold the lock of a profile. Raises `ProfileBusy`."""
        return hold_lock(self.workspace, self._info(profile, command, "python", dry_run=False))

    def _info(
        self, profile: ProfileName, command: str, door: str, *, dry_run: bool
    ) -> ExecutionInfo:
        now = SystemClock.now()
        return ExecutionInfo(
            id=new_execution_id(now),
            app=self.app.name,
            profile=profile,
            flow="",
            command=command,
            started_by=started_by(door),
            started_at=now,
            dry_run=dry_run,
        )

    def _name_in_use(self) -> str:
        return str(self._workspace_file().stored.get("profile", DEFAULT_PROFILE))

    def _own_files(self, profile: ProfileName) -> list[ParamsFile]:
        """Return the files of a profile's parameters, whether they are there or not."""
        return list(self._files(profile))[1:]

    def _check_is_there(self, profile: ProfileName) -> None:
        known = self.workspace.profiles()
        if checked_name("a profile", profile) not in known:
            raise NameUnknown("profile", profile, known)

    def _check_is_free(self, old: ProfileName, new: ProfileName) -> None:
        self._check_is_there(old)
        checked_name("a profile", new)
        if new in self.workspace.profiles():
            raise UsageError(f"There is a profile {new} already.", help="choose another name")

    def _check_is_of(self, backup: Backup, path: Path, profile: ProfileName) -> None:
        checked_name("a profile", backup.profile)
        if backup.app != self.app.name:
            raise UsageError(
                f"{path} is a backup of the application {backup.app}, not of {self.app.name}.",
                help="name a backup of this application",
            )
        if backup.profile != profile:
            # Else, two profiles would look after the same things.
            raise UsageError(
                f"{path} is a backup of the profile {backup.profile}, not of {profile}.",
                help=f"restore that one: --profile {backup.profile}",
            )

    def _fold(self, profile: ProfileName) -> None:
        for flow in self.workspace.flows(profile):
            self._states(profile, flow).fold()

    def _states(self, profile: ProfileName, flow: FlowId) -> YamlStateStore:
        """Return the states in a folder, whether a flow has that name, had it, or is gone."""
        return YamlStateStore(self.workspace.flow_folder(profile, flow))

    def _backup_of(self, profile: ProfileName) -> Backup:
        return Backup(
            app=self.app.name,
            app_version=self.app.version,
            profile=profile,
            at=SystemClock.now(),
            files=files_of(self.workspace, profile),
        )

    def _things(self, profile: ProfileName) -> dict[tuple[FlowId, ItemId], StoredState]:
        """Return what was made, or may have been, by flow and item."""
        return {
            (flow, item): entry
            for flow in self.workspace.flows(profile)
            for item, entry in self._states(profile, flow).load(StateKind.CURRENT).items()
            if entry.is_ours
        }

    def _before_upgrade(self, profile: ProfileName, *, held: bool = False) -> None:
        # While an execution runs, it is the parameters that matter.
        with suppress(ProfileBusy), nullcontext() if held else self._holding(profile, "init"):
            self._fold_readable(profile)
        path = self._keep(self._backup_of(profile), _BEFORE_UPGRADE)
        _LOG.warning(
            "What an earlier version stored is kept in %s; states restore brings it back.", path
        )

    def _keep_before_upgrade(self, profile: ProfileName, since: datetime) -> Path | None:
        """Keep a profile as an earlier version left it; None if that was done after a time.

        The caller holds the profile's lock. Raises `StorageError`.
        """
        if any(self._kept_since(profile, _BEFORE_UPGRADE, since)):
            return None
        self._fold_readable(profile)
        return self._keep(self._backup_of(profile), _BEFORE_UPGRADE)

    def _fold_readable(self, profile: ProfileName) -> None:
        for flow in self.workspace.flows(profile):
            # What is damaged is kept as it is.
            with suppress(FileDamaged):
                self._states(profile, flow).fold()

    def _kept_since(self, profile: ProfileName, why: str, since: datetime) -> Iterator[Path]:
        begins = f"{profile}.{why}-"
        for path in self.workspace.folder.glob(f"{begins}*.json"):
            if path.stem.removeprefix(begins) >= f"{since:{_TIME}}":
                yield path

    def _keep(self, backup: Backup, why: str) -> Path:
        path = self.workspace.folder / f"{backup.profile}.{why}-{backup.at:{_TIME}}.json"
        write_file_atomically(path, backup.encoded())
        return path

    def _unseen(self, profile: ProfileName) -> Path:
        """Return a new folder's path, which is no profile's. Removes what killed processes left."""
        for left in self.workspace.folder.glob(f".{profile}.{'[0-9a-f]' * 8}"):
            shutil.rmtree(left, ignore_errors=True)
        return self.workspace.folder / f".{profile}.{secrets.token_hex(4)}"


def _check_may_be_written(path: Path) -> None:
    """Raise `UsageError` if a file is there that is no backup."""
    try:
        read_backup(path)
    except FileDamaged:
        raise UsageError(
            f"{path} is there, and is not a backup.", help="name another file, or remove it"
        ) from None
    except FileInaccessible:
        # It is not there yet; or else it cannot be written either.
        pass


def _write_with_head(source: Path, path: Path, before: ParamsFile, after: ParamsFile) -> None:
    """Write what a file of parameters says, if there is one, with the first line of another."""
    data = read_file(source)
    if data is not None:
        head = head_for(before.comment).encode()
        if data.startswith(head):
            data = head_for(after.comment).encode() + data.removeprefix(head)
        with refusals(path.parent, "created"):
            make_folder(path.parent)
        write_file_atomically(path, data)


def _shown(name: tuple[FlowId, ItemId]) -> str:
    return f"{name[0]}: {name[1]}"


def _unknown_to(
    known: Mapping[tuple[FlowId, ItemId], StoredState],
    things: Mapping[tuple[FlowId, ItemId], StoredState],
) -> tuple[str, ...]:
    """Return the things of which the known entries do not tell that they were made."""
    ours = {name: entry for name, entry in known.items() if entry.is_ours}
    identities = {entry.identity for entry in ours.values()} - {None}

    def is_known(name: tuple[FlowId, ItemId], entry: StoredState) -> bool:
        same = ours.get(name)
        if entry.identity is None or (same is not None and same.identity is None):
            return same is not None
        return entry.identity in identities

    return tuple(_shown(name) for name, entry in things.items() if not is_known(name, entry))


def _changes(
    before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, Literal["added", "changed", "removed"]]:
    changes: dict[str, Literal["added", "changed", "removed"]] = {}
    for name in {**before, **after}:
        if name not in before:
            changes[name] = "added"
        elif name not in after:
            changes[name] = "removed"
        elif before[name] != after[name]:
            changes[name] = "changed"
    return changes
