"""Commands that execute: in an event loop, with progress, interruptible by process signals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from peaceful._app.contexts import ExecutionOptions
from peaceful._cli.program.loop import LoopEnd, lost_notices, run_in_loop
from peaceful._cli.program.result import Result
from peaceful._cli.progress.ending import Execution, answer, exit_code_of, words_of
from peaceful._cli.progress.screen import Show
from peaceful._cli.progress.sinks import show_for
from peaceful._cli.terminal.modes import TerminalModes, ask, can_ask
from peaceful._cli.terminal.writer import prints_shown, stdout_kept
from peaceful._commands.diff import SyncCheck
from peaceful._commands.run_request import CommandName, RunRequest
from peaceful._errors.base import PeacefulError
from peaceful._errors.usage import UsageError
from peaceful._model.codec import ExecutionId, ItemId
from peaceful._model.document import Ending
from peaceful._model.execution import ExecutionInfo
from peaceful._model.interrupt import InterruptLevel
from peaceful._model.outcome import CmdOutcome
from peaceful._present.text import short_id
from peaceful._runtime.ctx import MAX_CONCURRENCY, CmdCtx, ExecutionSettings
from peaceful.interrupt import Interruptible, InterruptSender, interrupt_channel
from peaceful.interrupt.os_signals import interrupt_on_signals

if TYPE_CHECKING:
    from peaceful._app.contexts import Contexts
    from peaceful._cli.program.invocation import Invocation

_PATIENCE = 1.0
"""Seconds that remaining tasks and threads get to end, after a command has ended."""

_PATIENCE_AFTER_KILL = 0.1


def execute(invocation: Invocation, contexts: Contexts, request: RunRequest) -> Execution:
    """Run a command, show its progress, and heed process signals."""
    known: list[ExecutionId] = []

    def title(info: ExecutionInfo) -> str:
        dry = " --dry-run" if request.dry_run else ""
        what = f"{info.app} {words_of(request, invocation.app)[0]}{dry}"
        flow = [info.flow] if len(invocation.app.flows) > 1 else []
        return " · ".join([what, info.profile, *flow, short_id(info.id, known)])

    show = show_for(invocation, title, request)
    sender, receiver = interrupt_channel()
    stdout, stderr = invocation.stdout, invocation.stderr
    kept = stdout_kept(stdout, stderr, None if show.mixes else show.say)
    invocation.until_printed.enter_context(kept)
    with prints_shown(show.say) as end_lines:
        show.before_close = end_lines  # Half a line is shown before the display closes.
        options = ExecutionOptions(
            interruptibility=Interruptible(receiver),
            sinks=(show,),
            settings=ExecutionSettings(invocation.options.max_concurrency or MAX_CONCURRENCY),
            door="terminal",
        )
        try:
            ctx = contexts.ctx_for(request, options)
            invocation.profile, invocation.flow = ctx.profile, ctx.flow.id
            latest = contexts.executions.list(profile=ctx.profile, limit=20).records
            known += [record.id for record in latest]
            survivors = contexts.executions.survivors(ctx.profile)
            for notice in lost_notices(latest[0] if latest else None, survivors):
                show.say(notice)
            end, ending = _run(invocation, request, ctx, sender, show)
        finally:
            invocation.progress_left = show.left
    if ending is None:
        assert end.error is not None, "an execution that returns has an ending"
        raise end.error
    return Execution(title(ending.execution), ending, end.value, end.stuck)


def _run(
    invocation: Invocation, request: RunRequest, ctx: CmdCtx, sender: InterruptSender, show: Show
) -> tuple[LoopEnd[CmdOutcome[object]], Ending | None]:
    signals = invocation.signals
    endings: list[Ending] = []

    def ended(ending: Ending) -> None:
        # From now on a signal comes too late: it may not change the exit code.
        signals.ending(exit_code_of(ending))
        endings.append(ending)

    async def main() -> CmdOutcome[object]:
        async with interrupt_on_signals(sender, on_press=show.pressed):
            if signals.left_by is not None:
                sender.request(source=signals.left_by)
            with signals.last_resort():
                try:
                    return await request.run(replace(ctx, on_end=ended))
                except Exception as error:  # Whatever it is: it is raised on.
                    if not endings:
                        signals.ending(error.exit_code if isinstance(error, PeacefulError) else 1)
                    raise

    def patience() -> float:
        signal = sender.signal
        killed = signal is not None and signal.level is InterruptLevel.KILL
        return _PATIENCE_AFTER_KILL if killed else _PATIENCE

    fd = invocation.stderr.fd if invocation.stderr.is_terminal else None
    # Until the outcome is printed, which keys that are still pressed would spoil too.
    modes = invocation.until_printed.enter_context(
        TerminalModes(fd, all_keys=show.draws, on_resume=show.redraw)
    )
    signals.at_once = modes.restore
    try:
        end = run_in_loop(main(), patience)
    except BaseException:
        if not endings:
            raise
        # Such as an item's KeyboardInterrupt: the ending tells of it.
        end = LoopEnd[CmdOutcome[object]](None, None, stuck=False)
    return end, endings[0] if endings else None


def confirm_clean(invocation: Invocation, request: RunRequest) -> None:
    """Ask whether to clean up a protected profile; raise `UsageError` unless its name is typed."""
    profile, only = request.profile, request.only
    command = invocation.line("clean", *(word for item in only for word in ("--only", item)))
    if not can_ask():
        raise UsageError(
            f"The profile {profile} is protected, and nobody can be asked whether it is really to "
            "be cleaned up.",
            help=f"if it is: {command} --yes",
        )
    what = "everything" if not only else ", ".join(only)
    question = f"This removes {what} of the profile {profile}. Type its name to go on"
    if ask(question).strip() != profile:
        raise UsageError(
            f"The profile {profile} is not cleaned up: its name was not typed.",
            help=f"to clean it up without being asked: {command} --yes",
        )


def apply(
    invocation: Invocation,
    command: CommandName,
    *,
    only: tuple[str, ...] = (),
    more_items: tuple[str, ...] = (),
    sync: str = "none",
    **flags: bool,
) -> Result:
    """Run a command with the options that were typed, and answer how it ended."""
    items, check = items_typed(only, more_items), SyncCheck(sync)
    request, execution = run(invocation, command, only=items, sync=check, **flags)
    return answer(execution, invocation, request)


def run(
    invocation: Invocation,
    command: CommandName,
    *,
    yes: bool = False,
    dry_run: bool = False,
    only: tuple[ItemId, ...] = (),
    sync: SyncCheck = SyncCheck.NONE,
) -> tuple[RunRequest, Execution]:
    """Run a command on the chosen flow and profile; unless `yes`, ask first if that is needed."""
    contexts = invocation.contexts()
    request = RunRequest(
        command=command,
        profile=contexts.profile(invocation.options.profile),
        flow=contexts.flow_id(invocation.options.flow),
        dry_run=dry_run,
        only=only,
        sync=sync,
    )
    if not yes and contexts.asks_before(request):
        confirm_clean(invocation, request)
    return request, execute(invocation, contexts, request)


def items_typed(only: tuple[str, ...], more_items: tuple[str, ...]) -> tuple[ItemId, ...]:
    """Parse the items of `--only a,b`, `--only a --only b`, or `--only a b`."""
    if more_items and not only:
        raise UsageError(
            f"The word {more_items[0]!r} belongs to no option.",
            help=f"to limit the command to items: --only {' '.join(more_items)}",
        )
    named = [name for word in (*only, *more_items) for name in word.split(",") if name]
    if only and not named:
        # As when a script has an empty variable there: "all of them" is not what it means.
        raise UsageError("--only names no item.", help="name one: --only ITEM; or leave it out")
    return tuple(dict.fromkeys(named))
