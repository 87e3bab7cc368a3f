"""Where everything of a workspace is, and what is in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from peaceful._errors.running import FileInaccessible
from peaceful._errors.usage import NameInvalid
from peaceful._model.field_types import FlowId, ProfileName
from peaceful._model.names import checked_app_name, checked_name
from peaceful._storage.stored_state import StateKind

PEACE: Final = ".peace"
"""The folder that makes a folder a workspace."""


class Workspace(msgspec.Struct, frozen=True):
    """One application's part of a workspace: paths, and what profiles and flows there are.

    Nothing is made by asking for a path; folders appear when something is written. The machine's
    own files begin with a dot, which no name of a profile or a flow can.

    Attributes:
        root: the folder that holds `.peace`, or will.
        app: the application's name.
    """

    root: Path
    app: str

    def __post_init__(self) -> None:
        """Makes the root absolute, so that it holds when the process changes its folder.

        Raises:
            NameInvalid: the application's name breaks the rule.
        """
        checked_app_name(self.app)
        msgspec.structs.force_setattr(self, "root", self.root.absolute())

    @classmethod
    def find(cls, start: Path, app: str) -> Workspace:
        """The workspace that a folder belongs to: the nearest parent with `.peace`, else itself.

        Args:
            start: where to begin to look; it counts itself.
            app: the application's name.

        Raises:
            FileInaccessible: a folder on the way may not be looked into.
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
        """Everything that the application keeps in the workspace."""
        return self.root / PEACE / self.app

    @property
    def workspace_params_file(self) -> Path:
        """Parameters that hold for all profiles."""
        return self.folder / "workspace_params.yaml"

    @property
    def run_folder(self) -> Path:
        """Sockets of running executions."""
        return self.folder / ".run"

    @property
    def executions_file(self) -> Path:
        """The register of executions."""
        return self.folder / ".executions.sqlite3"

    def profile_folder(self, profile: ProfileName) -> Path:
        """Everything of a profile.

        Raises:
            NameInvalid: the name breaks the rule; this holds for every path of a profile or a flow.
        """
        return self.folder / checked_name("a profile", profile)

    def profile_params_file(self, profile: ProfileName) -> Path:
        """Parameters of a profile, for all of its flows."""
        return self.profile_folder(profile) / "profile_params.yaml"

    def lock_file(self, profile: ProfileName) -> Path:
        """The lock that admits one execution at a time."""
        return self.profile_folder(profile) / ".lock"

    def flow_folder(self, profile: ProfileName, flow: FlowId) -> Path:
        """Everything of a flow in a profile."""
        return self.profile_folder(profile) / checked_name("a flow", flow)

    def flow_params_file(self, profile: ProfileName, flow: FlowId) -> Path:
        """Parameters of a flow."""
        return self.flow_folder(profile, flow) / "flow_params.yaml"

    def params_specs_file(self, profile: ProfileName, flow: FlowId) -> Path:
        """How the parameters of each item are given."""
        return self.flow_folder(profile, flow) / PARAMS_SPECS_FILE

    def profiles(self) -> tuple[ProfileName, ...]:
        """The profiles that there are, by name.

        Raises:
            FileInaccessible: the folder may not be read.
        """
        return _named_folders(self.folder, lambda name: checked_name("a profile", name))


PARAMS_SPECS_FILE: Final = "params_specs.yaml"
"""The name of the file with how parameters are given, in a flow's folder."""


def states_file_name(kind: StateKind) -> str:
    """The name of the file with the states of a kind, in a flow's folder."""
    return f"states_{kind}.yaml"


def _named_folders(folder: Path, checked: Callable[[str], str]) -> tuple[str, ...]:
    """The folders whose names follow the rule; whatever else lies there is somebody else's."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _is_folder(entry)]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise FileInaccessible(folder, "read", error) from error
    return tuple(sorted(name for name in names if _follows_rule(name, checked)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads in a circle, or to where one may not look.
        return False


def _follows_rule(name: str, checked: Callable[[str], str]) -> bool:
    try:
        checked(name)
    except NameInvalid:
        return False
    return True
