"""What commands run on: a context for each scope, from a workspace to one flow of one profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from peaceful.interrupt import Interruptibility, NonInterruptible
from peaceful.model import Clock, Ending, ProfileName, SystemClock
from peaceful.resources import Resources
from peaceful.runtime._flow import BuiltFlow
from peaceful.runtime._register import Register
from peaceful.runtime._settings import ExecutionSettings
from peaceful.runtime._sink import OutputSink
from peaceful.storage import StateStore, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceCtx:
    """A workspace, without a profile or a flow.

    Attributes:
        app: the application's name.
        workspace: where its files are.
        interruptibility: whether, by whom and how executions can be interrupted.
        sinks: who is told of what happens.
        settings: how executions behave.
        clock: tells the time.
        resources: what the application gives to blocks and items, by type.
        register: where executions are written down, or none.
        on_end: told how an execution ended, before its last event; or none.
        door: where its commands come from: `terminal`, `web`, `api` or `python`.
    """

    app: str
    workspace: Workspace
    interruptibility: Interruptibility = field(default_factory=NonInterruptible)
    sinks: tuple[OutputSink, ...] = ()
    settings: ExecutionSettings = field(default_factory=ExecutionSettings)
    clock: Clock = field(default_factory=SystemClock)
    resources: Resources = field(default_factory=Resources)
    register: Register | None = None
    on_end: Callable[[Ending], None] | None = None
    door: str = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileCtx(WorkspaceCtx):
    """One profile of a workspace, without a flow.

    Attributes:
        profile: its name.
    """

    profile: ProfileName


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilesCtx(WorkspaceCtx):
    """Several profiles of a workspace, without a flow.

    Attributes:
        profiles: their names.
    """

    profiles: tuple[ProfileName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CmdCtx(ProfileCtx):
    """One flow of one profile: what most commands run on.

    Attributes:
        flow: the flow, built with the profile's parameters.
        store: where its states are.
    """

    flow: BuiltFlow
    store: StateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilesFlowCtx(ProfilesCtx):
    """One flow of several profiles: what comparing profiles runs on.

    Attributes:
        flows: the flow, built with each profile's own parameters.
        stores: by profile, where the flow's states are.
    """

    flows: Mapping[ProfileName, BuiltFlow]
    stores: Mapping[ProfileName, StateStore]
