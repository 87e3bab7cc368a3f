"""Running commands on a flow: what the terminal adds to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peaceful.app._contexts import ExecutionOptions
from peaceful.cli._loop import LoopEnd, run_in_loop
from peaceful.cli._lost import lost_notices
from peaceful.cli._outcome_text import Told, outcome_lines
from peaceful.cli._prints import prints_shown
from peaceful.cli._result import Result
from peaceful.cli._shows import show_for
from peaceful.cli._signals import interrupted_code
from peaceful.cli._terminal_modes import TerminalModes
from peaceful.commands import CleanCmd, DiscoverCmd, EnsureCmd, SyncCheck
from peaceful.errors import PeacefulError, Unexpected, UsageError
from peaceful.interrupt import Interruptible, InterruptSender, interrupt_channel
from peaceful.interrupt.os_signals import interrupt_on_signals
from peaceful.model import (
    BlockStarted,
    CmdOutcome,
    Complete,
    Event,
    ExecutionEnded,
    ExecutionId,
    ExecutionInfo,
    ExecutionStarted,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
    ItemEnded,
    ItemError,
    ItemId,
    ItemStarted,
    ItemStatus,
    JsonValue,
    OutcomeKind,
    Timings,
    failure_document,
    outcome_document,
    outcome_kind,
)
from peaceful.present import short_id, summarised
from peaceful.runtime import MAX_CONCURRENCY, CmdCtx, ExecutionSettings, OutputSink

if TYPE_CHECKING:
    from peaceful.app._contexts import Contexts
    from peaceful.cli._invocation import Invocation
    from peaceful.cli._lines import Line
    from peaceful.cli._page import Page
    from peaceful.cli._show import Show

_PATIENCE = 1.0
"""Seconds that are given to tasks and threads that are left when a command has ended."""

_PATIENCE_AFTER_KILL = 0.1


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose of `ensure` and `clean`.

    Attributes:
        dry_run: only say what would be done.
        only: these items, or all where there is none.
        sync: which stored states must still be what is there.
    """

    dry_run: bool
    only: tuple[ItemId, ...]
    sync: SyncCheck

    @classmethod
    def of(
        cls, *, dry_run: bool, only: tuple[str, ...], more_items: tuple[str, ...], sync: str
    ) -> Choices:
        """From options as they were typed: `--only a,b`, `--only a --only b`, `--only a b`.

        Raises:
            UsageError: there are words that belong to no option.
        """
        if more_items and not only:
            raise UsageError(
                f"The word {more_items[0]!r} belongs to no option.",
                help=f"to limit the command to items: --only {' '.join(more_items)}",
            )
        named = [name for word in (*only, *more_items) for name in word.split(",") if name]
        return cls(dry_run, tuple(dict.fromkeys(named)), SyncCheck(sync))

    @property
    def words(self) -> list[str]:
        """The words that choose the same again."""
        words = ["--dry-run"] if self.dry_run else []
        for item in self.only:
            words += ["--only", item]
        return words if self.sync is SyncCheck.NONE else [*words, "--sync", str(self.sync)]


@dataclass(frozen=True, slots=True)
class Job:
    """A command that is to be run on a flow.

    Attributes:
        words: how it was typed, and would be typed again.
        main_block: the block that it is about.
        run: runs it.
        dry_run: whether it only says what it would do.
        shows_left: whether `diff` shows what is left of it.
        only: the items that it is limited to, or none where it is not.
    """

    words: Sequence[str]
    main_block: str
    run: Callable[[CmdCtx], Awaitable[CmdOutcome[object]]]
    dry_run: bool = False
    shows_left: bool = False
    only: Sequence[ItemId] = ()


@dataclass(slots=True)
class Execution:
    """A command that was run.

    Attributes:
        title: what was executed, in words.
        info: who ran what.
        items: the flow's items, in order.
        timings: when.
        statuses: how each item stood at the end, as far as there were events.
        interrupt: the latched interrupt, or none.
        outcome: how it ended; none where it raised.
        error: what it raised, or none.
        stuck: whether something of it still runs.
    """

    title: str
    info: ExecutionInfo
    items: Sequence[ItemId]
    timings: Timings
    statuses: Mapping[ItemId, ItemStatus]
    interrupt: InterruptSignal | None
    outcome: CmdOutcome[object] | None
    error: PeacefulError | None
    stuck: bool

    @property
    def document(self) -> dict[str, JsonValue]:
        """The JSON document of the ending, as the register has it."""
        if self.outcome is not None:
            return outcome_document(self.info, self.items, self.outcome)
        assert self.error is not None
        return failure_document(
            self.info, self.items, self.error, self.interrupt, self.timings
        )

    @property
    def exit_code(self) -> int:
        """What the process ends with."""
        match self.outcome:
            case None:
                assert self.error is not None
                return self.error.exit_code
            case Complete():
                return 0
            case ItemError():
                return 1
            case _:
                signal = self.outcome.interrupt
                return interrupted_code(InterruptSource.SIGINT if signal is None else signal.source)

    @property
    def errors(self) -> Sequence[PeacefulError]:
        """What went wrong."""
        if self.error is not None:
            return (self.error,)
        return tuple(self.outcome.errors.values()) if isinstance(self.outcome, ItemError) else ()


# ---- the commands


def discover(invocation: Invocation) -> Result:
    """Finds and stores current and goal states."""
    job = Job(["discover"], "Discover", DiscoverCmd.exec)
    return result_of(executed(invocation, job), invocation, job)


def ensure(invocation: Invocation, choices: Choices) -> Result:
    """Brings current states to goal states."""

    async def run(ctx: CmdCtx) -> CmdOutcome[object]:
        return await EnsureCmd.exec(
            ctx, dry_run=choices.dry_run, only=choices.only, sync=choices.sync
        )

    block = "EnsureDry" if choices.dry_run else "Ensure"
    words = [invocation.app.ensure_name, *choices.words]
    job = Job(words, block, run, choices.dry_run, shows_left=True, only=choices.only)
    return result_of(executed(invocation, job), invocation, job)


def clean(invocation: Invocation, choices: Choices) -> Result:
    """Cleans everything up."""

    async def run(ctx: CmdCtx) -> CmdOutcome[object]:
        return await CleanCmd.exec(
            ctx, dry_run=choices.dry_run, only=choices.only, sync=choices.sync
        )

    job = Job(["clean", *choices.words], "Clean", run, choices.dry_run, only=choices.only)
    return result_of(executed(invocation, job), invocation, job)


# ---- running


def executed(invocation: Invocation, job: Job) -> Execution:
    """Runs a command on the chosen flow and profile, shows its progress, and heeds process signals.

    Raises:
        PeacefulError: it could not begin.
    """
    contexts = invocation.contexts()
    known: list[ExecutionId] = []

    def title(info: ExecutionInfo) -> str:
        return _title(invocation, job, info, known)

    show = show_for(invocation, title, job.main_block)
    witness = _Witness(show)
    sender, receiver = interrupt_channel()
    options = ExecutionOptions(
        interruptibility=Interruptible(receiver),
        sinks=(witness,),
        settings=ExecutionSettings(invocation.options.max_concurrency or MAX_CONCURRENCY),
        door="terminal",
    )
    with prints_shown(show.say):
        ctx = contexts.cmd_ctx(invocation.options.profile, invocation.options.flow, options)
        invocation.profile, invocation.flow = ctx.profile, ctx.flow.id
        known += _look_back(contexts, ctx, show)
        end = _run(invocation, job, ctx, sender, show)
    return _execution(end, witness, title)


def _look_back(contexts: Contexts, ctx: CmdCtx, show: Show) -> list[ExecutionId]:
    """Tells of executions that were killed; the IDs of the latest ones, which a short ID is told from."""
    latest = contexts.executions.list(profile=ctx.profile, limit=20).records
    survivors = contexts.executions.survivors(ctx.profile)
    for notice in lost_notices(latest[0] if latest else None, survivors):
        show.say(notice)
    return [record.id for record in latest]


def _run(
    invocation: Invocation, job: Job, ctx: CmdCtx, sender: InterruptSender, show: Show
) -> LoopEnd[CmdOutcome[object]]:
    signals = invocation.signals

    async def main() -> CmdOutcome[object]:
        async with interrupt_on_signals(sender, on_press=show.pressed):
            with signals.last_resort():
                try:
                    return await job.run(ctx)
                finally:
                    # From here on a signal comes too late; the exit code is known a little later.
                    signals.ending(1)

    def patience() -> float:
        signal = sender.signal
        killed = signal is not None and signal.level is InterruptLevel.KILL
        return _PATIENCE_AFTER_KILL if killed else _PATIENCE

    fd = invocation.stderr.fd if invocation.stderr.is_terminal else None
    with TerminalModes(fd, all_keys=show.draws, on_resume=show.redraw) as modes:
        signals.at_once = modes.restore
        return run_in_loop(main(), patience)


@dataclass(slots=True)
class _Witness:
    """Hands events on, and remembers the first and the last: what the outcome does not tell."""

    inner: OutputSink
    started: ExecutionStarted | None = None
    ended: ExecutionEnded | None = None
    statuses: dict[ItemId, ItemStatus] = field(default_factory=dict)

    def receive(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case ItemEnded(item=item, status=status):
                    self.statuses[item] = status
                case ItemStarted(item=item):
                    # Until its ending is known.
                    self.statuses[item] = ItemStatus.ABANDONED
                case BlockStarted(items=items):
                    if items:
                        self.statuses = dict.fromkeys(items, ItemStatus.NOT_STARTED)
                case ExecutionStarted():
                    self.started = event
                case ExecutionEnded():
                    self.ended = event
                case _:
                    pass
        self.inner.receive(events)

    def close(self) -> None:
        self.inner.close()


def _execution(
    end: LoopEnd[CmdOutcome[object]], witness: _Witness, title: Callable[[ExecutionInfo], str]
) -> Execution:
    started, error = witness.started, end.error
    if error is not None and not isinstance(error, PeacefulError):
        error = Unexpected(error)
    if started is None:
        assert error is not None, "an execution without a beginning has no outcome"
        raise error
    ended_at = started.at if witness.ended is None else witness.ended.at
    return Execution(
        title=title(started.execution),
        info=started.execution,
        items=started.items,
        timings=Timings(started.at, ended_at),
        statuses=witness.statuses,
        interrupt=None if witness.ended is None else witness.ended.interrupt,
        outcome=end.value,
        error=error,
        stuck=end.stuck,
    )


def _title(
    invocation: Invocation, job: Job, info: ExecutionInfo, known: Sequence[ExecutionId]
) -> str:
    dry = " --dry-run" if job.dry_run else ""
    what = f"{info.app} {job.words[0]}{dry}"
    flow = [info.flow] if len(invocation.app.flows) > 1 else []
    return " · ".join([what, info.profile, *flow, short_id(info.id, known)])


# ---- what it answers


def result_of(
    execution: Execution,
    invocation: Invocation,
    job: Job,
    *,
    more: Callable[[Page], Sequence[Line]] | None = None,
    more_document: dict[str, JsonValue] | None = None,
) -> Result:
    """What a command answers that was run.

    Args:
        execution: how it ended.
        invocation: the run of the command line.
        job: what was run.
        more: further lines, or none.
        more_document: further entries of the document, or none.
    """
    told = _told(execution, invocation, job)

    def lines(page: Page) -> Sequence[Line]:
        shown = outcome_lines(told, page)
        return shown if more is None else [*shown, *more(page)]

    return Result(
        document={**execution.document, **(more_document or {})},
        lines=lines,
        exit_code=execution.exit_code,
        errors=execution.errors,
        stuck=execution.stuck,
    )


def _told(execution: Execution, invocation: Invocation, job: Job) -> Told:
    outcome = execution.outcome
    results = {} if outcome is None else outcome.items
    statuses = {item: result.status for item, result in results.items()} or execution.statuses
    summary = summarised(
        OutcomeKind.ERROR if outcome is None else outcome_kind(outcome),
        statuses or dict.fromkeys(job.only or execution.items, ItemStatus.NOT_STARTED),
        seconds=execution.timings.seconds,
        interrupt=execution.interrupt if outcome is None else outcome.interrupt,
    )
    messages = (
        [(item, result.status, result.message) for item, result in results.items()]
        if job.dry_run
        else []
    )
    return Told(
        title=execution.title,
        summary=summary,
        carry_on=invocation.line(*job.words),
        what_is_left=invocation.line("diff") if job.shows_left else "",
        messages=messages,
    )
