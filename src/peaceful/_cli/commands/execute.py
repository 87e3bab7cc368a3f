"""Commands that execute: in an event loop, with progress, interruptible by process signals."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from peaceful._app.contexts import ExecutionOptions
from peaceful._cli.program.loop import PATIENCE, LoopEnd, lost_notices, run_in_loop
from peaceful._cli.program.result import Result, print_answer
from peaceful._cli.progress.ending import (
    Execution,
    answer,
    command_words,
    dies_of,
    exit_code_of,
    words_of,
)
from peaceful._cli.progress.screen import Show
from peaceful._cli.progress.sinks import show_for
from peaceful._cli.terminal.answers import TypedAnswers
from peaceful._cli.terminal.modes import (
    TerminalModes,
    agree,
    can_ask,
    can_type_answers,
    confirm,
)
from peaceful._cli.terminal.writer import prints_shown, stdout_kept
from peaceful._commands.diff import SyncCheck
from peaceful._commands.options import Options, PlanOptions
from peaceful._commands.plan import Plan
from peaceful._commands.run_request import CommandName, EditName, RunRequest
from peaceful._errors.base import PeacefulError
from peaceful._errors.usage import UsageError
from peaceful._item.child import kill_every_child
from peaceful._model.codec import ItemId
from peaceful._model.document import Ending
from peaceful._model.execution import Answerer, ExecutionInfo, Selection
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._model.outcome import CmdOutcome
from peaceful._present.text import count, name_list, short_id
from peaceful._runtime.ctx import MAX_CONCURRENCY, CmdCtx, ExecutionSettings, started_by
from peaceful._runtime.escalation import LadderTimes
from peaceful.interrupt import Interruptible, InterruptSender, SendResult, interrupt_channel
from peaceful.interrupt.os_signals import interrupt_on_signals

if TYPE_CHECKING:
    from peaceful._app.contexts import Contexts
    from peaceful._cli.program.invocation import Invocation

_PATIENCE_AFTER_KILL = 0.1

_LIKE_ID: Final = re.compile("[0-9a-f-]{8,36}")
_LISTS = {"only": "--only", "exclude": "--exclude", "tags": "--tag", "replace": "--replace"}
"""The options that take several names."""

_NAMED = 5
"""How many things a question names."""

_GRACE = 0.2
"""The share of the stop timeout between CANCEL and the cancellation of what has not ended."""


def execute(invocation: Invocation, contexts: Contexts, request: RunRequest) -> Execution:
    """Run a command, show its progress, and heed process signals."""

    def title(info: ExecutionInfo) -> str:
        dry = " --dry-run" if request.dry_run else ""
        what = f"{info.app} {command_words(request, invocation.app)}{dry}"
        flow = [info.flow] if len(invocation.app.flows) > 1 else []
        return " · ".join([what, info.profile, *flow, short_id(info.id)])

    show = show_for(invocation, title, request)
    answers = _typed_answers(contexts, show)
    sender, receiver = interrupt_channel()
    with prints_shown(show.say) as end_lines:
        show.before_close = end_lines  # Half a line is shown before the display closes.
        options = ExecutionOptions(
            interruptibility=Interruptible(receiver),
            sinks=(show, *answers),
            settings=_settings(invocation),
            door="terminal",
        )
        try:
            ctx = contexts.ctx_for(request, options)
            invocation.profile, invocation.flow = ctx.profile, ctx.flow.id
            latest = contexts.executions.list(profile=ctx.profile, limit=20).records
            survivors = contexts.executions.survivors(ctx.profile)
            for notice in lost_notices(latest[0] if latest else None, survivors):
                show.say(notice)
            ctx = replace(ctx, expected=contexts.expected(request, latest))
            running = _Running(invocation, request, sender, show, title)
            end, ending = running.run(ctx), running.ending
        finally:
            invocation.progress_left, invocation.told = show.left, show.told
    if ending is None:
        assert end.error is not None, "an execution that returns has an ending"
        raise end.error
    return Execution(title(ending.execution), ending, end.value, end.stuck)


def _typed_answers(contexts: Contexts, show: Show) -> tuple[TypedAnswers, ...]:
    """Return what reads answers on the terminal, if somebody can type some."""
    if not show.draws or not can_type_answers():
        return ()
    by = started_by("terminal")
    answerer = Answerer(by.door, by.user, by.host)
    return (TypedAnswers(sys.stdin.fileno(), answerer, contexts.executions.answer, show.say),)


def _settings(invocation: Invocation) -> ExecutionSettings:
    times = LadderTimes()
    grace = min(times.cancel_grace, _GRACE * invocation.stop_timeout())
    return ExecutionSettings(
        max_concurrency=invocation.options.max_concurrency or MAX_CONCURRENCY,
        ladder=LadderTimes(grace, times.cleanup_timeout),
    )


@dataclass(slots=True)
class _Running:
    """One run of a command in an event loop, and whatever may befall it."""

    invocation: Invocation
    request: RunRequest
    sender: InterruptSender
    show: Show
    title: Callable[[ExecutionInfo], str]
    ending: Ending | None = None
    pressed: bool = False

    def run(self, ctx: CmdCtx) -> LoopEnd[CmdOutcome[object]]:
        signals, stderr = self.invocation.signals, self.invocation.stderr
        # Until the outcome is printed, which keys that are still pressed would spoil too.
        modes = self.invocation.until_printed.enter_context(
            TerminalModes(
                stderr.fd if stderr.is_terminal else None,
                all_keys=self.show.draws,
                still=self.show.still,
            )
        )
        signals.at_once = modes.restore
        signals.end_children = kill_every_child
        try:
            return run_in_loop(self._main(ctx), self._patience)
        except BaseException:
            if self.ending is None:
                raise
            # Such as the cancellation of every task by an item: the ending tells of it.
            return LoopEnd(None, None, stuck=False)

    async def _main(self, ctx: CmdCtx) -> CmdOutcome[object]:
        signals = self.invocation.signals
        ctx = replace(ctx, on_end=self._ended, on_late_end=self._leave)
        timeout = self.invocation.stop_timeout()
        async with interrupt_on_signals(self.sender, stop_timeout=timeout, on_press=self._heard):
            self._keep_stdout()  # Not before: a signal until then is answered on descriptor 1.
            try:
                return await self.request.run(ctx)
            except Exception as error:  # Whatever it is: it is raised on.
                if self.ending is None:
                    signals.ending(error.exit_code if isinstance(error, PeacefulError) else 1)
                raise

    def _keep_stdout(self) -> None:
        kept = stdout_kept(self.invocation.stdout, self.show.say)
        self.invocation.until_printed.enter_context(kept)

    def _heard(self, signal: InterruptSignal, result: SendResult) -> None:
        self.pressed |= signal.source is InterruptSource.SIGINT
        self.show.pressed(signal, result)

    def _ended(self, ending: Ending) -> None:
        # From now on a signal comes too late: it may not change the exit code.
        by = dies_of(ending, pressed=self.pressed)
        self.invocation.signals.ending(exit_code_of(ending), by)
        self.ending = ending

    def _leave(self, ending: Ending) -> None:
        """Print the answer and end the process, in another thread than the one that is stuck."""
        self._ended(ending)
        self.invocation.progress_left, self.invocation.told = self.show.left, self.show.told
        execution = Execution(self.title(ending.execution), ending, None, stuck=True)
        code = print_answer(self.invocation, answer(execution, self.invocation, self.request))
        self.invocation.signals.leave(code, at_once=True)

    def _patience(self) -> float:
        signal = self.sender.signal
        killed = signal is not None and signal.level is InterruptLevel.KILL
        return _PATIENCE_AFTER_KILL if killed else PATIENCE


def _ask_first(invocation: Invocation, contexts: Contexts, request: RunRequest) -> None:
    """Ask whether to run a request, if that is needed; raise `UsageError` unless it is agreed."""
    if not request.asks_first:
        return
    profile, command = request.profile, request.command
    removed: Sequence[ItemId] = ()
    if command == "ensure" and request.plan is None and can_ask():
        removed = request.removes(contexts.cmd_ctx(profile, request.flow))
    things = f"{count(len(removed), 'thing')} ({name_list(removed, _NAMED)})"
    line = invocation.line(*words_of(request, invocation.app), "--yes")
    if contexts.asks_before(command, profile):
        if command == "clean":
            does = f"This removes {request.selection} of the profile {profile}."
        elif request.plan is not None:
            does = f"This does what the plan says on the profile {profile}."
        else:
            does = f"This changes the profile {profile}{f', and removes {things}' * bool(removed)}."
        confirm(
            profile,
            f"{does} Type its name to go on",
            unasked=f"The profile {profile} is protected, and nobody can be asked whether it is "
            f"really meant.",
            refused=f"The profile {profile} is not changed",
            command=line,
        )
    elif removed:
        agree(
            f"This removes {count(len(removed), 'thing')} of the profile {profile}: "
            f"{name_list(removed, _NAMED)}. Go on?",
            refused="Nothing was done",
            command=line,
        )


def apply(invocation: Invocation, command: CommandName, **typed: Any) -> Result:  # noqa: ANN401  as click has read them
    """Run a command with the options that were typed, and answer how it ended."""
    request, execution = run(invocation, command, **typed)
    return answer(execution, invocation, request)


def edit(
    invocation: Invocation, command: EditName, items: tuple[ItemId, ...], *, dry_run: bool
) -> Result:
    """Correct what is stored of some items, and answer how it ended."""
    contexts = invocation.contexts()
    profile = invocation.profile_to_work_on(contexts, invocation.options.profile)
    request = RunRequest(
        command=command,
        profile=profile,
        flow=contexts.flow_id(invocation.options.flow, left_in=profile),
        dry_run=dry_run,
        only=items,
    )
    return answer(execute(invocation, contexts, request), invocation, request)


def run(
    invocation: Invocation,
    command: CommandName,
    *,
    more: tuple[str, ...] = (),
    plan: Path | None = None,
    sync: str = "none",
    **typed: Any,  # noqa: ANN401  the other options, as click has read them
) -> tuple[RunRequest, Execution]:
    """Run a command on the chosen flow and profile; ask first if that is needed."""
    if more:
        raise UsageError(
            f"The word {more[0]!r} belongs to no option.",
            help=f"to limit the command to items: --only {' '.join(more)}",
        )
    lists = {name: names_typed(_LISTS[name], typed[name]) for name in _LISTS if name in typed}
    options: dict[str, Any] = {**typed, **lists, "sync": SyncCheck(sync)}
    if plan is not None:
        options = _planned(options, plan) | {"plan_from": str(plan)}
    contexts = invocation.contexts()
    profile = invocation.profile_to_work_on(contexts, invocation.options.profile)
    left_in = profile if command == "clean" else None
    request = RunRequest(
        command=command,
        profile=profile,
        flow=contexts.flow_id(invocation.options.flow, left_in=left_in),
        **options,
    )
    request = contexts.planned(request)
    invocation.profile, invocation.flow = profile, request.flow
    if not invocation.options.yes:
        _ask_first(invocation, contexts, request)
    return request, execute(invocation, contexts, request)


def _planned(options: Mapping[str, Any], place: Path) -> dict[str, Any]:
    """Return the options of a plan, with it; raise `UsageError` if others were given as well.

    How it is gone through is not what it says.
    """
    for name in (each for each in Options(**options).given if each != "fail_fast"):
        option = _LISTS.get(name, f"--{name.replace('_', '-')}")
        what = f"{option} {'TAG' if name == 'tags' else 'ITEM'}" if name in _LISTS else option
        may = name in PlanOptions.__optional_keys__
        with_it = f"; or make a plan with it: `plan {what} --out FILE`" if may else ""
        raise UsageError(
            f"{option} does not go with --plan: what is done is what the plan says.",
            help=f"leave it out{with_it}",
        )
    file, fast = Path.cwd() / place, {"fail_fast": options["fail_fast"]}
    if _LIKE_ID.fullmatch(str(place)) and not file.exists():
        # A file of that name counts more: nobody would name one as an ID begins.
        return fast
    plan = Plan.load(file)
    return {**structs.asdict(Selection.of(plan)), "plan": plan, **fast}


def names_typed(option: str, typed: tuple[str, ...]) -> tuple[str, ...]:
    """Parse the names of an option that takes several: `--only a,b`, `--only a --only b`."""
    named = [name for word in typed for name in word.split(",") if name]
    if typed and not named:
        # As when a script has an empty variable there: "all of them" is not what it means.
        what = "tag" if option == _LISTS["tags"] else "item"
        raise UsageError(
            f"{option} names no {what}.", help=f"name one: {option} {what.upper()}; or leave it out"
        )
    return tuple(dict.fromkeys(named))
