"""What is to be run: a command, on a flow of a profile, as whichever door was asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, assert_never, get_args

from peaceful._commands.clean import CleanCmd
from peaceful._commands.diff import DiffCmd
from peaceful._commands.discover import DiscoverCmd
from peaceful._commands.ensure import EnsureCmd
from peaceful._commands.sync_check import SyncCheck
from peaceful._errors.usage import ParamProblem, ParamsInvalid
from peaceful._model.field_types import FlowId, ItemId, ProfileName
from peaceful._model.outcome import CmdOutcome
from peaceful._runtime.ctx import CmdCtx

CommandName: TypeAlias = Literal["discover", "ensure", "clean", "diff"]
"""What can be done with a flow of a profile."""

COMMANDS: Final[tuple[CommandName, ...]] = get_args(CommandName)
"""All of them."""

_CHANGING: Final = frozenset({"ensure", "clean"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What is to be run.

    Attributes:
        command: what to do with the flow.
        profile: on which profile.
        flow: which flow.
        dry_run: whether only to say what would be done.
        only: the items that it is limited to; empty for all.
        sync: which stored states must still be what is there.
        params: parameters to store before, by name; the others stay as they are.
    """

    command: CommandName
    profile: ProfileName
    flow: FlowId
    dry_run: bool = False
    only: tuple[ItemId, ...] = ()
    sync: SyncCheck = SyncCheck.NONE
    # They may be secrets.
    params: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)

    @property
    def changes_things(self) -> bool:
        """Whether the command changes things: it can be limited to items, and tried before."""
        return self.command in _CHANGING

    @property
    def asks_first(self) -> bool:
        """Whether a person may have to be asked before it is run; see `App.asks_before_clean`."""
        return self.command == "clean" and not self.dry_run

    @property
    def main_block(self) -> str:
        """The name of the block that it is about."""
        match self.command:
            case "discover" | "diff":
                return "Discover"
            case "ensure":
                return "EnsureDry" if self.dry_run else "Ensure"
            case "clean":
                return "Clean"
            case _:
                assert_never(self.command)

    @property
    def problems(self) -> Sequence[tuple[str, str]]:
        """The fields that are wrong, and why."""
        if self.command not in COMMANDS:
            return [("command", f"it is one of {', '.join(COMMANDS)}")]
        limits = {"dry_run": self.dry_run, "only": self.only, "sync": self.sync != SyncCheck.NONE}
        given = () if self.changes_things else [name for name, value in limits.items() if value]
        return [(name, f"{self.command} does not take it") for name in given]

    async def run(self, ctx: CmdCtx) -> CmdOutcome[object]:
        """Runs the command.

        Args:
            ctx: the flow and profile, as `Contexts.ctx_for` makes it of the request.

        Raises:
            ParamsInvalid: the command does not take what is asked for.
            ProfileBusy: another execution runs on the profile.
            OutOfSync: stored states are not what is there, and `sync` asks for it.
            NameUnknown: there is no item of a name in `only`.
        """
        if self.problems:
            raise ParamsInvalid(
                "The request", [ParamProblem(name, "", reason) for name, reason in self.problems]
            )
        match self.command:
            case "discover":
                return await DiscoverCmd.exec(ctx)
            case "diff":
                return await DiffCmd.exec(ctx)
            case "ensure":
                command = EnsureCmd.exec
            case "clean":
                command = CleanCmd.exec
            case _:
                assert_never(self.command)
        return await command(ctx, dry_run=self.dry_run, only=self.only, sync=self.sync)
