"""A request to run a command on a flow of a profile, from any door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, assert_never, get_args

from peaceful._commands.change import CleanCmd, EnsureCmd
from peaceful._commands.diff import DiffCmd, SyncCheck
from peaceful._commands.discover import DiscoverCmd
from peaceful._errors.usage import ParamProblem, ParamsInvalid
from peaceful._model.codec import FlowId, ItemId, ProfileName
from peaceful._model.outcome import CmdOutcome
from peaceful._runtime.ctx import CmdCtx

CommandName: TypeAlias = Literal["discover", "ensure", "clean", "diff"]

COMMANDS: Final[tuple[CommandName, ...]] = get_args(CommandName)

_CHANGING: Final = frozenset({"ensure", "clean"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A request to run a command.

    Attributes:
        command: the command.
        profile: the profile to run it on.
        flow: the flow.
        dry_run: whether only to show what would be done.
        only: the items that it is limited to; empty for all.
        sync: which stored states must still match what is there.
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
        """Whether the command changes things: only then can it be limited and run dry."""
        return self.command in _CHANGING

    @property
    def asks_first(self) -> bool:
        """Whether a person may have to confirm it; see `App.asks_before_clean`."""
        return self.command == "clean" and not self.dry_run

    @property
    def main_block(self) -> str:
        """The name of the block that the command is about."""
        match self.command:
            case "ensure":
                blocks = EnsureCmd.blocks(dry_run=self.dry_run)
            case "clean":
                blocks = CleanCmd.blocks(dry_run=self.dry_run)
            case "discover" | "diff":
                blocks = DiscoverCmd.blocks()
            case _:
                assert_never(self.command)
        return blocks[-1].name

    @property
    def problems(self) -> Sequence[tuple[str, str]]:
        """The fields that are wrong, with the reason."""
        if self.command not in COMMANDS:
            return [("command", f"it is one of {', '.join(COMMANDS)}")]
        limits = {"dry_run": self.dry_run, "only": self.only, "sync": self.sync != SyncCheck.NONE}
        given = () if self.changes_things else [name for name, value in limits.items() if value]
        return [(name, f"{self.command} does not take it") for name in given]

    async def run(self, ctx: CmdCtx) -> CmdOutcome[object]:
        """Run the command.

        Args:
            ctx: the flow and profile, as `Contexts.ctx_for` makes it of the request.

        Raises:
            ParamsInvalid: the command does not accept the request's options.
            ProfileBusy: another execution runs on the profile.
            OutOfSync: stored states differ from what is there, and `sync` refuses that.
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
