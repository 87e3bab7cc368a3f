"""A request to run a command on a flow of a profile, from any door."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, assert_never, get_args

from peaceful._commands.clean import CleanCmd
from peaceful._commands.diff import DiffCmd
from peaceful._commands.discover import DiscoverCmd
from peaceful._commands.ensure_cmd import EnsureCmd
from peaceful._commands.options import CleanOptions, EnsureOptions, Options, PlanOptions
from peaceful._commands.plan import Plan, PlanBlock
from peaceful._commands.states import EditBlock, StatesCmd
from peaceful._errors.usage import ParamProblem, ParamsInvalid
from peaceful._model.codec import FlowId, ItemId, ProfileName
from peaceful._model.outcome import CmdOutcome
from peaceful._runtime.ctx import CmdCtx

CommandName: TypeAlias = Literal["discover", "plan", "ensure", "clean", "diff"]

EditName: TypeAlias = Literal["states forget", "states move", "states adopt"]
"""The commands that correct what is stored, and touch nothing else."""

COMMANDS: Final[tuple[CommandName, ...]] = get_args(CommandName)

EDITS: Final[tuple[EditName, ...]] = get_args(EditName)

_OPTIONS: Final[Mapping[str, Collection[str]]] = {
    "ensure": EnsureOptions.__optional_keys__,
    "plan": PlanOptions.__optional_keys__,
    "clean": CleanOptions.__optional_keys__,
    **{command: {"dry_run", "only"} for command in EDITS},
}
"""The options of commands; others have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest(Options):
    """A request to run a command, with its options.

    Attributes:
        command: the command.
        profile: the profile to run it on.
        flow: the flow.
        plan: what `ensure` is to do, or else to refuse.
        plan_from: the file that it is in, or the execution that has made it, or the beginning of
            its ID; from there, `Contexts.planned` takes it.
        params: parameters to store before, by name; the others stay as they are.
        unset: parameters that have their defaults from now on.
    """

    command: CommandName | EditName
    profile: ProfileName
    flow: FlowId
    plan: Plan | None = None
    plan_from: str = ""
    # They may be secrets.
    params: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    unset: tuple[str, ...] = ()

    @property
    def changes_things(self) -> bool:
        """Whether the command changes things, or what is stored: then it can be run dry."""
        return "dry_run" in _OPTIONS.get(self.command, ())

    @property
    def only_says(self) -> bool:
        """Whether it only says what would be done."""
        return self.dry_run or self.command == "plan"

    @property
    def edits(self) -> bool:
        """Whether the command corrects what is stored, and touches nothing else."""
        return self.command in EDITS

    @property
    def asks_first(self) -> bool:
        """Whether a person may have to confirm it; see `App.asks_before`."""
        return self.command in {"ensure", "clean"} and not self.dry_run

    @property
    def main_block(self) -> str:
        """The name of the block that the command is about."""
        match self.command:
            case "ensure":
                blocks = EnsureCmd.blocks(dry_run=self.dry_run)
            case "clean":
                blocks = CleanCmd.blocks(dry_run=self.dry_run)
            case "plan":
                return PlanBlock.__name__.removesuffix("Block")
            case "discover" | "diff":
                blocks = DiscoverCmd.blocks()
            case "states forget" | "states move" | "states adopt":
                return EditBlock.__name__.removesuffix("Block")
            case _:
                assert_never(self.command)
        return blocks[-1].name

    @property
    def problems(self) -> Sequence[tuple[str, str]]:
        """The fields that are wrong, with the reason."""
        if self.command not in {*COMMANDS, *EDITS}:
            return [("command", f"it is one of {', '.join((*COMMANDS, *EDITS))}")]
        names = len(self.only)
        if self.command == "states move" and names != 2:
            return [("only", "it is the old name and the new one")]
        if self.edits and not names:
            return [("only", "it names no item")]
        taken = _OPTIONS.get(self.command, ())
        wrong = [
            (name, f"{self.command} does not take it") for name in self.given if name not in taken
        ]
        if self.plan_from:
            others = {"params": self.params, "unset": self.unset}
            given = [*self.given, *(name for name, value in others.items() if value)]
            if self.command != "ensure":
                wrong.append(("plan", f"{self.command} does not take it"))
            elif self.plan is None:
                reason = "it does not go with a plan: what is done is what the plan says"
                wrong += [(name, reason) for name in given]
        return wrong

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
            case "plan":
                return await EnsureCmd.plan(ctx, **self._options())
            case "ensure" if self.plan is not None:
                return await EnsureCmd.apply(ctx, self.plan, fail_fast=self.fail_fast)
            case "ensure":
                return await EnsureCmd.exec(ctx, **self._options())
            case "clean":
                return await CleanCmd.exec(ctx, **self._options())
            case "states forget" | "states move" | "states adopt":
                return await self._edit(ctx, self.command)
            case _:
                assert_never(self.command)

    def removes(self, ctx: CmdCtx) -> Sequence[ItemId]:
        """Return what `ensure` would remove, by what is stored. Raises `StorageError`."""
        return EnsureCmd.removes(ctx, **self._options(PlanOptions.__optional_keys__))

    def _options(self, taken: Collection[str] | None = None) -> dict[str, Any]:
        """Return the options that were given. Any: of the type that each has."""
        return {n: getattr(self, n) for n in self.given if taken is None or n in taken}

    async def _edit(self, ctx: CmdCtx, command: EditName) -> CmdOutcome[object]:
        match command:
            case "states forget":
                return await StatesCmd.forget(ctx, self.only, dry_run=self.dry_run)
            case "states move":
                return await StatesCmd.move(ctx, *self.only, dry_run=self.dry_run)
            case "states adopt":
                return await StatesCmd.adopt(ctx, self.only, dry_run=self.dry_run)
            case _:
                assert_never(command)
