"""The context of a command: what it runs on, and its settings."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from peaceful._errors.usage import DefinitionError
from peaceful._model.clock import Clock, SystemClock
from peaceful._model.codec import ExecutionId, ItemId, JsonValue, ProfileName
from peaceful._model.document import Ending
from peaceful._model.execution import StartedBy
from peaceful._model.names import execution_id
from peaceful._resources import AnyOpener, Resources, SharedResources
from peaceful._runtime.escalation import LadderTimes
from peaceful._runtime.flow import BuiltFlow
from peaceful._runtime.hub import OutputSink
from peaceful._runtime.register import Register
from peaceful._storage.stored_state import StateStore
from peaceful._storage.workspace import Workspace
from peaceful.interrupt import Interruptibility, NonInterruptible

MAX_CONCURRENCY: Final = 16
"""How many items are in progress at once: enough to hide waiting, few enough to read."""


class ExecutionSettings(msgspec.Struct, frozen=True):
    """Settings of an execution.

    Attributes:
        max_concurrency: how many items are worked on at once; at least 1. If it is more, up to
            as many again may be in progress that only wait for their record to be on disk.
        ladder: how long each step of an interrupt waits.
        stall_after: seconds without a sign of progress after which an item is said to stall.
        fail_fast: whether the first item that fails asks for a STOP, as somebody might; also where
            nobody can interrupt.

    Raises:
        DefinitionError: no item could ever be in progress.
    """

    max_concurrency: int = MAX_CONCURRENCY
    ladder: LadderTimes = msgspec.field(default_factory=LadderTimes)
    stall_after: float = 30.0
    fail_fast: bool = False

    def __post_init__(self) -> None:
        if self.max_concurrency < 1:
            raise DefinitionError(
                f"max_concurrency is {self.max_concurrency}, so that no item could ever start.",
                help="let at least 1 item be in progress at once",
            )


def new_execution_id(at: datetime) -> ExecutionId:
    """Return a new ID; those of later executions are greater."""
    return execution_id(int(at.timestamp() * 1000), secrets.randbits(74))


def started_by(door: str, by: str = "") -> StartedBy:
    """Return who has started something, this user by default, with this process and machine."""
    return StartedBy(by or _user(), socket.gethostname(), os.getpid(), door)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # In a container, a user often has no name; on Windows, there is no module that would know.
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"


class NewParams(msgspec.Struct, frozen=True):
    """Parameters that a flow was built with, and that are not stored.

    Attributes:
        given: values in place of the stored ones, by name; in the form in which they are stored.
        unset: parameters that have their defaults, although something is stored of them.
        store: stores all that.
    """

    given: Mapping[str, JsonValue]
    unset: tuple[str, ...]
    store: Callable[[], None]


def nobody_answers(_item: ItemId, _question: str) -> str | None:
    """Let an item wait until somebody answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CmdCtx:
    """One flow of one profile: what most commands run on.

    Attributes:
        app: the application's name.
        workspace: where its files are.
        profile: the profile.
        flow: the flow, built with the profile's parameters.
        store: where its states are.
        interruptibility: whether, by whom and how executions can be interrupted.
        sinks: the consumers of events.
        settings: how executions behave.
        clock: tells the time.
        resources: what the application gives to blocks and items, by type.
        shared: the resources of the server that runs it, which outlive an execution; or None.
        fakes: by function that opens a resource, the one to call in its place, in tests.
        register: where executions are registered, or None.
        prunes: whether `ensure` removes what has left the flow, without being told to.
        notices: what people should know of the flow and its parameters; executions warn of it.
        expected: the seconds that items took when the same was done last: for estimates.
        on_end: called with the ending of an execution, before its last event; or None.
        on_late_end: called with the ending of an execution that was killed and has not ended some
            time later, in another thread: to leave the process. None to wait for it.
        on_blocked: called with a sentence about an item that blocks the event loop, in another
            thread; None for a warning of the execution.
        on_ask: called with an item and what it asks people to approve; returns an empty text to
            approve, why it is refused, or None to let it wait until somebody answers.
        door: where its commands come from: `terminal`, `web`, `api` or `python`.
        by: who starts its commands; empty for the user of this process.
        new_params: parameters of the flow that are not stored; None if there are none.
        keeps: backs the profile up, unless that was done since a time, and returns the file or
            None: called before what another version stored is changed. None if nothing is kept.
    """

    app: str
    workspace: Workspace
    profile: ProfileName
    flow: BuiltFlow
    store: StateStore
    interruptibility: Interruptibility = field(default_factory=NonInterruptible)
    sinks: tuple[OutputSink, ...] = ()
    settings: ExecutionSettings = field(default_factory=ExecutionSettings)
    clock: Clock = field(default_factory=SystemClock)
    resources: Resources = field(default_factory=Resources)
    shared: SharedResources | None = None
    fakes: Mapping[AnyOpener, AnyOpener] = field(default_factory=dict[AnyOpener, AnyOpener])
    register: Register | None = None
    notices: tuple[str, ...] = ()
    prunes: bool = False
    expected: Mapping[ItemId, float] = field(default_factory=dict[ItemId, float])
    on_end: Callable[[Ending], None] | None = None
    on_late_end: Callable[[Ending], None] | None = None
    on_blocked: Callable[[str], object] | None = None
    on_ask: Callable[[ItemId, str], str | None] = nobody_answers
    door: str = "python"
    by: str = ""
    new_params: NewParams | None = None
    keeps: Callable[[datetime], Path | None] | None = None


class ParamValue(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter as it holds in a profile, for comparing profiles.

    Attributes:
        value: its value as JSON, without secrets; null where it is not known.
        is_default: whether nobody has given it.
        secrets: the secrets in it, by path; empty text for the whole.
        source: where a secret that was not read comes from, as it is stored; never shown.
        unknown: why it is not known, in a few words; empty if it is.
    """

    value: JsonValue = None
    is_default: bool = False
    secrets: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])
    source: JsonValue = None
    unknown: str = ""


class ProfilesFlowCtx(msgspec.Struct, frozen=True, kw_only=True):
    """One flow of several profiles: for comparing profiles.

    Attributes:
        app: the application's name.
        profiles: the profiles.
        flows: the flow, built with each profile's own parameters.
        stores: by profile, where the flow's states are.
        params: by profile, the parameters of workspace, profile and flow, by name.
        notices: what people should know of the profiles, as in `CmdCtx`.
    """

    app: str
    profiles: tuple[ProfileName, ...]
    flows: Mapping[ProfileName, BuiltFlow]
    stores: Mapping[ProfileName, StateStore]
    params: Mapping[ProfileName, Mapping[str, ParamValue]] = msgspec.field(
        default_factory=dict[ProfileName, Mapping[str, ParamValue]]
    )
    notices: tuple[str, ...] = ()
