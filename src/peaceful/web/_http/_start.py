"""What somebody wants to be executed, and which command that is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final, Literal, TypeAlias, assert_never

import msgspec

from peaceful.commands import CleanCmd, DiffCmd, DiscoverCmd, EnsureCmd
from peaceful.executions import ExecutionRecord
from peaceful.model import CmdOutcome, FlowId, ItemId, JsonValue, ProfileName
from peaceful.runtime import CmdCtx
from peaceful.web._http._reading import is_name

Command: TypeAlias = Literal["discover", "ensure", "clean", "diff"]
"""What can be done with a flow of a profile."""

CHANGING: Final[frozenset[str]] = frozenset({"ensure", "clean"})
"""Those that change things, which can be limited to some items, and tried without changing any."""

Run: TypeAlias = Callable[[CmdCtx], Awaitable[CmdOutcome[object]]]


class StartRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants to be executed.

    Attributes:
        profile: on which profile.
        flow: which flow.
        command: what to do with it.
        dry_run: whether only to say what would be done.
        only: the items that it is limited to; empty for all.
        params: parameters to store before, by name; the others stay as they are.
    """

    profile: Annotated[ProfileName, is_name("a profile")]
    flow: Annotated[FlowId, is_name("a flow")]
    command: Command
    dry_run: bool = False
    only: Annotated[tuple[ItemId, ...], is_name("an item"), msgspec.Meta(max_length=10_000)] = ()
    params: Mapping[str, JsonValue] = {}

    def is_what_runs(self, record: ExecutionRecord) -> bool:
        """Whether an execution that runs already does what is asked for."""
        info = record.info
        return (
            (info.profile, info.flow, info.command) == (self.profile, self.flow, self.command)
            and record.dry_run == self.dry_run
            and set(record.only) == set(self.only)
        )


def run_of(request: StartRequest) -> Run:
    """The command that does what is asked for."""
    match request.command:
        case "discover":
            return DiscoverCmd.exec
        case "diff":
            return DiffCmd.exec
        case "ensure":
            return lambda ctx: EnsureCmd.exec(ctx, dry_run=request.dry_run, only=request.only)
        case "clean":
            return lambda ctx: CleanCmd.exec(ctx, dry_run=request.dry_run, only=request.only)
        case _:
            assert_never(request.command)
