"""The workspace: its paths, and its profiles."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from peaceful._errors.running import FileInaccessible
from peaceful._errors.usage import FlowStoredTwice, NameInvalid
from peaceful._model.codec import FlowId, ProfileName
from peaceful._model.names import checked_app_name, checked_name
from peaceful._storage.stored_state import StateKind

PARAMS_SPECS_FILE: Final = "params_specs.yaml"

PEACE: Final = ".peace"
"""The folder that makes its parent a workspace."""


class Workspace(msgspec.Struct, frozen=True):
    """The paths of one application in a workspace.

    Asking for a path creates nothing: folders are made where a profile is set up, and where an
    execution begins. The framework's own files begin with a dot, which no name of a profile or a
    flow can. An invalid name raises `NameInvalid`.

    Attributes:
        root: the folder that contains `.peace`, or will.
        app: the application's name.
    """

    root: Path
    app: str

    def __post_init__(self) -> None:
        """Make the root absolute, so that it holds when the process changes its folder.

        Raises:
            NameInvalid: the application's name is not valid.
        """
        checked_app_name(self.app)
        msgspec.structs.force_setattr(self, "root", self.root.absolute())

    @classmethod
    def find(cls, start: Path, app: str) -> Workspace:
        """Return the workspace of a folder: the nearest one at or above it with `.peace`, else it.

        Raises:
            FileInaccessible: a folder on the way may not be read.
        """
        start = start.absolute()
        for folder in (start, *start.parents):
            try:
                if (folder / PEACE).is_dir():
                    return cls(folder, app)
            except OSError as error:
                raise FileInaccessible(folder / PEACE, "read", error) from error
        return cls(start, app)

    @property
    def folder(self) -> Path:
        return self.root / PEACE / self.app

    @property
    def workspace_params_file(self) -> Path:
        return self.folder / "workspace_params.yaml"

    @property
    def params_lock_file(self) -> Path:
        """The lock that admits one at a time to change parameters, of whichever profile."""
        return self.folder / ".lock"

    @property
    def run_folder(self) -> Path:
        """Folder of the sockets of running executions, and of endings not yet in the register."""
        return self.folder / ".run"

    @property
    def executions_file(self) -> Path:
        """The register of executions."""
        return self.folder / ".executions.sqlite3"

    def profile_folder(self, profile: ProfileName) -> Path:
        return self.folder / checked_name("a profile", profile)

    def profile_params_file(self, profile: ProfileName) -> Path:
        return self.profile_folder(profile) / "profile_params.yaml"

    def lock_file(self, profile: ProfileName) -> Path:
        """The lock that admits one execution at a time."""
        return self.profile_folder(profile) / ".lock"

    def flow_folder(self, profile: ProfileName, flow: FlowId, was: Sequence[FlowId] = ()) -> Path:
        """Return the folder of a flow.

        It is that of one of its earlier names, `was`, until an execution takes that over. Raises
        `FlowStoredTwice` if there are several.
        """
        folder, *earlier = [
            self.profile_folder(profile) / checked_name("a flow", name) for name in (flow, *was)
        ]
        if not earlier:
            return folder
        found = [each for each in (folder, *earlier) if each.is_dir()]
        if len(found) > 1:
            raise FlowStoredTwice(flow, [str(each) for each in found])
        return found[0] if found else folder

    def flow_params_file(
        self, profile: ProfileName, flow: FlowId, was: Sequence[FlowId] = ()
    ) -> Path:
        return self.flow_folder(profile, flow, was) / "flow_params.yaml"

    def params_specs_file(
        self, profile: ProfileName, flow: FlowId, was: Sequence[FlowId] = ()
    ) -> Path:
        return self.flow_folder(profile, flow, was) / PARAMS_SPECS_FILE

    def profiles(self) -> tuple[ProfileName, ...]:
        """Return the names of the existing profiles, sorted. Raises `FileInaccessible`."""
        return _folders_in(self.folder, "a profile")

    def flows(self, profile: ProfileName) -> tuple[FlowId, ...]:
        """Return the names of the flows that have a folder, sorted. Raises `FileInaccessible`."""
        return _folders_in(self.profile_folder(profile), "a flow")


def states_file_name(kind: StateKind) -> str:
    return f"states_{kind}.yaml"


def _folders_in(folder: Path, kind: str) -> tuple[str, ...]:
    """Return the names of the folders that are valid for a kind of thing, sorted."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _is_folder(entry)]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise FileInaccessible(folder, "read", error) from error
    # A folder with another name is somebody else's.
    return tuple(sorted(name for name in names if _is_name(kind, name)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads in a circle, or to where one may not look.
        return False


def _is_name(kind: str, name: str) -> bool:
    try:
        checked_name(kind, name)
    except NameInvalid:
        return False
    return True
