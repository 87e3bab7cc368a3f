"""What an item's functions are given: everything that they may ask of the framework."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
)
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from peaceful.errors import PeacefulError, RetriesExhausted
from peaceful.interrupt import InterruptibilityState, NoInterrupt, wait_or_interrupted
from peaceful.item._children import CAPTURED, ChildResult, Children, run_child
from peaceful.item._progress import ProgressReporter
from peaceful.item._retry import Backoff
from peaceful.item._safe_point import PASSED, Passed, StoppedAtSafePoint
from peaceful.model import (
    Clock,
    Event,
    ExecutionId,
    FlowId,
    InterruptLevel,
    InterruptSignal,
    ItemId,
    ItemProgressed,
    ProfileName,
    Progress,
)
from peaceful.model.state import State
from peaceful.resources import Resources

T = TypeVar("T")

_LOG = logging.getLogger("peaceful.item")


@dataclass(frozen=True, slots=True)
class ExecutionScope:
    """What all items of one execution share.

    Attributes:
        execution_id: the execution's ID.
        app: the application's name.
        workspace: the folder that holds `.peace`.
        profile: the profile.
        flow: the flow.
        command: what is executed, such as `ensure`.
        interruptibility: the one place that says whether the next thing may start.
        children: the child processes that run.
        clock: tells the time.
        publish: takes events; from any thread, without waiting.
        resources: what blocks and items hand on to each other, by type.
        loop: the loop that the execution runs in.
    """

    execution_id: ExecutionId
    app: str
    workspace: Path
    profile: ProfileName
    flow: FlowId
    command: str
    interruptibility: InterruptibilityState
    children: Children
    clock: Clock
    publish: Callable[[Event], None]
    resources: Resources
    loop: asyncio.AbstractEventLoop


class Interrupted:
    """Whether an item is asked to end: set from CANCEL on. At STOP, items are left alone."""

    __slots__ = ("_state",)

    def __init__(self, state: InterruptibilityState) -> None:
        self._state = state

    def is_set(self) -> bool:
        """Whether the item should end now. Quick, and safe in any thread."""
        signal = self.signal
        return signal is not None and signal.level >= InterruptLevel.CANCEL

    def __bool__(self) -> bool:
        return self.is_set()

    @property
    def signal(self) -> InterruptSignal | None:
        """The interrupt that applies to this execution at its present level, or none."""
        return self._state.effective

    async def wait(self) -> InterruptSignal:
        """Returns once the item should end."""
        return await self._state.wait_for(InterruptLevel.CANCEL)


class ItemCtx:
    """What an item's functions are given.

    Attributes:
        item: the item's ID in its flow.
        progress: takes what the item says of its progress.
        interrupted: whether the item is asked to end now.
    """

    __slots__ = ("_scope", "interrupted", "item", "progress")

    def __init__(self, item: ItemId, scope: ExecutionScope) -> None:
        self.item = item
        self._scope = scope
        self.interrupted = Interrupted(scope.interruptibility)
        self.progress = ProgressReporter(self._publish, scope.clock.monotonic)

    @property
    def execution_id(self) -> ExecutionId:
        """The ID of the execution."""
        return self._scope.execution_id

    @property
    def workspace(self) -> Path:
        """The folder that holds `.peace`."""
        return self._scope.workspace

    @property
    def profile(self) -> ProfileName:
        """The profile that the command runs for."""
        return self._scope.profile

    @property
    def flow(self) -> FlowId:
        """The flow that the item belongs to."""
        return self._scope.flow

    @property
    def command(self) -> str:
        """What is executed, such as `ensure` or `clean`."""
        return self._scope.command

    @property
    def resources(self) -> Resources:
        """What blocks and items hand on to each other, by type."""
        return self._scope.resources

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records carry the execution's and the item's ID."""
        return logging.LoggerAdapter(
            _LOG, {"execution_id": self.execution_id, "item_id": self.item}
        )

    def safe_point(self, partial: State | None = None, *, where: str = "") -> Passed:
        """Offers to end here, if the execution was interrupted.

        Asynchronous functions await the result; plain functions just call it. Work done so far must be
        in a form from which the next run carries on.

        Args:
            partial: the item's state as far as it got; it is recorded. Without it, the next command
                discovers the state.
            where: what the item was doing, for people, such as `at 3.1 of 5.0 MB`.

        Raises:
            StoppedAtSafePoint: the item is to end here; only the framework catches it.
        """
        if self._scope.interruptibility.may_go_on():
            return PASSED
        raise StoppedAtSafePoint(partial, where or self.progress.last_message)

    async def interruptible(
        self, source: AsyncIterable[T] | Iterable[T], *, where: str = ""
    ) -> AsyncIterator[T]:
        """The values of a source, with a safe point before each of them.

        Raises:
            StoppedAtSafePoint: the item is to end here; only the framework catches it.
        """
        if isinstance(source, AsyncIterable):
            await self.safe_point(where=where)
            async for value in source:
                yield value
                await self.safe_point(where=where)
        else:
            for value in source:
                await self.safe_point(where=where)
                yield value

    async def wait_for(
        self, awaitable: Awaitable[T], *, partial: State | None = None, where: str = ""
    ) -> T:
        """Waits for something that may be given up at any moment, such as the next bytes of a download.

        An interrupt cancels it at once, and is a safe point.

        Args:
            awaitable: what to wait for.
            partial: as for `safe_point`.
            where: as for `safe_point`.

        Raises:
            StoppedAtSafePoint: the item is to end here; only the framework catches it.
        """
        step = await wait_or_interrupted(awaitable, self._scope.interruptibility)
        if isinstance(step, NoInterrupt):
            return step.value
        raise StoppedAtSafePoint(partial, where or self.progress.last_message)

    async def sleep(self, seconds: float, *, where: str = "") -> None:
        """Waits; an interrupt ends the waiting at once, as a safe point.

        Raises:
            StoppedAtSafePoint: the item is to end here; only the framework catches it.
        """
        stopped = asyncio.ensure_future(self._scope.interruptibility.wait_until_stopped())
        try:
            await asyncio.wait({stopped}, timeout=seconds)
        finally:
            stopped.cancel()
        await self.safe_point(where=where)

    async def retry(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        on: type[Exception] | tuple[type[Exception], ...],
        backoff: Backoff | None = None,
        doing: str = "",
        at_least: Callable[[Exception], float] | None = None,
    ) -> T:
        """Tries something until it succeeds, as often as allowed. The waits between are safe points.

        Args:
            attempt: what to try.
            on: the errors after which trying again makes sense; others are passed on at once.
            backoff: how often, and how long to wait between.
            doing: what is tried, for messages.
            at_least: for an error that says how long to wait (such as HTTP's `Retry-After`), the seconds
                that the wait has at least.

        Raises:
            RetriesExhausted: the last attempt failed too; its error is the cause.
            StoppedAtSafePoint: an interrupt came while waiting; only the framework catches it.
        """
        plan = backoff or Backoff()
        doing = doing or "the attempt"
        delays = plan.delays()
        number = 1
        while True:
            try:
                return await attempt()
            except on as error:
                delay = next(delays, None)
                if delay is None:
                    raise RetriesExhausted(
                        f"{doing} failed {number} times; the last time: {_said(error)}",
                        details=(("attempts", str(number)),),
                        help="run the command again; if it stays so, mend the cause",
                    ) from error
                number += 1
                next_one = f"attempt {number} of {plan.attempts}"
                if at_least is not None:
                    delay = max(delay, at_least(error))
                self.progress.message(
                    f"{doing} failed ({_said(error)}); {next_one} in {delay:.1f} s"
                )
            await self.sleep(delay, where=f"before {next_one} of {doing}")

    async def run(
        self,
        *command: str | os.PathLike[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        on_line: Callable[[str], None] | None = None,
        capture: int = CAPTURED,
        terminal: bool = False,
        check: bool = True,
    ) -> ChildResult:
        """Runs a child process to its end, and to the end of whatever it started in its group.

        It runs in a process group of its own, so that a terminal's Ctrl-C does not reach it. At STOP it is
        left alone, at CANCEL its group gets SIGTERM, at KILL SIGKILL; none of it is left behind.

        Args:
            command: the program and its arguments.
            cwd: the folder that it runs in; the present one by default.
            env: its environment; the present one by default.
            stdin: what it reads; nothing by default.
            on_line: is told each line of output, as it comes.
            capture: how many of the last bytes of each output are kept.
            terminal: it needs the terminal itself, for a password prompt say: it then shares the group
                and the streams of this process, and nothing of its output is captured.
            check: whether ending with an error raises.

        Raises:
            ChildFailed: it ended with an error, and `check` is set.
            ItemFailure: it could not be started.
        """
        return await run_child(
            command,
            children=self._scope.children,
            execution_id=self.execution_id,
            cwd=cwd,
            env=env,
            stdin=stdin,
            on_line=on_line,
            capture=capture,
            terminal=terminal,
            check=check,
        )

    def blocking(self, work: Coroutine[object, object, T]) -> T:
        """Runs a coroutine of this context from a plain function, and waits for it.

        ```python
        def apply(self, ctx, current, goal):
            ctx.blocking(ctx.run("make", "install"))
        ```

        Raises:
            RuntimeError: called from the loop's own thread, which would wait for itself.
        """
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._scope.loop:
            work.close()
            raise RuntimeError("ctx.blocking() is for plain functions; await the coroutine instead")
        return asyncio.run_coroutine_threadsafe(work, self._scope.loop).result()

    def _publish(self, progress: Progress) -> None:
        self._scope.publish(ItemProgressed(self._scope.clock.now(), self.item, progress))


def _said(error: Exception) -> str:
    """What an error says in one line."""
    return error.message if isinstance(error, PeacefulError) else str(error)
