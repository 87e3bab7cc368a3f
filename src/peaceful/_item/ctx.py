"""`ItemCtx`: what an item may use while it works."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import msgspec

from peaceful._aio import run_from_thread
from peaceful._disclosure import hide_in_record
from peaceful._errors.running import ChildFailed, RetriesExhausted
from peaceful._item.child import CAPTURED, ChildOrder, Children, ChildResult, run_child
from peaceful._item.files import FileGroups, FileWrite
from peaceful._item.progress import ProgressReporter
from peaceful._item.retry import Backoff, one_line_message
from peaceful._item.safe_point import (
    PASSED,
    EndedWithChild,
    InterruptFlag,
    Passed,
    StoppedAtSafePoint,
)
from peaceful._model.clock import Clock
from peaceful._model.codec import ExecutionId, FlowId, ItemId, ProfileName
from peaceful._model.events import Event, ItemProgressed, Progress, Snapshot
from peaceful._model.execution import ExecutionInfo
from peaceful._model.state import State
from peaceful._resources import Resources
from peaceful._user_code import is_of_parent
from peaceful.interrupt import InterruptibilityState, NoInterrupt, wait_or_interrupted

if TYPE_CHECKING:
    from peaceful._item.approvals import Approvals
    from peaceful._resources import SharedResources

P = ParamSpec("P")
T = TypeVar("T")

_LOG: Final = logging.getLogger("peaceful.item")
_LOG.addFilter(hide_in_record)

_ENDED_BY_SIGINT: Final = frozenset({-SIGINT, 128 + SIGINT})


class ExecutionScope(msgspec.Struct, frozen=True):
    """The data that all items of one execution share.

    Attributes:
        execution: the execution, as it was at its start.
        workspace: the folder that contains `.peace`.
        publish: takes events from any thread, without blocking.
        publish_made: takes a function that makes an event of the snapshot, or none; no event comes
            between its look and its event. Returns whether it made one.
        resources: values that blocks and items pass to each other, by type.
        shared: what items open for all of them.
        loop: the event loop that the execution runs in.
        approvals: the questions that items ask people.
        files: writes the files of items that work at once.
    """

    execution: ExecutionInfo
    workspace: Path
    interruptibility: InterruptibilityState
    children: Children
    clock: Clock
    publish: Callable[[Event], None]
    publish_made: Callable[[Callable[[Snapshot], Event | None]], bool]
    resources: Resources
    shared: SharedResources
    loop: asyncio.AbstractEventLoop
    approvals: Approvals
    files: FileGroups = msgspec.field(default_factory=FileGroups)


class ItemCtx:
    """The context that an item's functions get.

    Attributes:
        item: the item's ID in its flow.
        leads_to_apply: whether `apply` follows at once where the item differs, so that what was
            asked for to know its goal may be kept for that. False where it is only looked at.
        progress: takes reports of the item's progress.
        interrupted: whether the item is asked to end now.
    """

    __slots__ = ("_scope", "_task", "interrupted", "item", "leads_to_apply", "progress")

    def __init__(
        self, item: ItemId, scope: ExecutionScope, *, leads_to_apply: bool = False
    ) -> None:
        self.item: ItemId = item
        self.leads_to_apply: bool = leads_to_apply
        self._scope = scope
        self._task = _this_task()
        self.interrupted: InterruptFlag = InterruptFlag(scope.interruptibility)
        self.progress: ProgressReporter = ProgressReporter(
            self._publish, scope.clock.monotonic, self._later
        )

    @property
    def execution_id(self) -> ExecutionId:
        """The ID of the execution."""
        return self._scope.execution.id

    @property
    def workspace(self) -> Path:
        """The folder that contains `.peace`."""
        return self._scope.workspace

    @property
    def profile(self) -> ProfileName:
        """The profile that the command runs for."""
        return self._scope.execution.profile

    @property
    def flow(self) -> FlowId:
        """The flow that the item belongs to."""
        return self._scope.execution.flow

    @property
    def command(self) -> str:
        """The command that is executed, such as `ensure` or `clean`."""
        return self._scope.execution.command

    @property
    def resources(self) -> Resources:
        """Values that blocks and items pass to each other, by type."""
        return self._scope.resources

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records carry the IDs of execution and item, and no known secrets."""
        return logging.LoggerAdapter(
            _LOG, {"execution_id": self.execution_id, "item_id": self.item}
        )

    def safe_point(self, partial: State | None = None, *, where: str = "") -> Passed:
        """Offer to end here, if the execution was interrupted.

        Asynchronous functions await the result; plain functions just call it. Work done so far must
        be in a form from which the next run can continue.

        Args:
            partial: the item's state so far, which is recorded. Without it, the next command
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
        """Yield the values of a source, with a safe point before each of them.

        Args:
            source: any iterable; an asynchronous generator is closed at the end.
            where: as for `safe_point`.

        Raises:
            StoppedAtSafePoint: the item is to end here; only the framework catches it.
        """
        if not isinstance(source, AsyncIterable):
            for value in source:
                await self.safe_point(where=where)
                yield value
            return
        values = aiter(source)
        try:
            await self.safe_point(where=where)
            async for value in values:
                yield value
                await self.safe_point(where=where)
        finally:
            if isinstance(values, AsyncGenerator):
                await values.aclose()

    async def wait_for(
        self, awaitable: Awaitable[T], *, partial: State | None = None, where: str = ""
    ) -> T:
        """Wait for work that may be given up at any moment, such as the next bytes of a download.

        An interrupt cancels it at once, and acts as a safe point.

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
        """Sleep; an interrupt ends the sleep at once, and acts as a safe point.

        Args:
            seconds: how long to sleep.
            where: as for `safe_point`.

        Raises:
            StoppedAtSafePoint: the item is to end here; only the framework catches it.
        """
        await self.wait_for(asyncio.sleep(seconds), where=where)
        await self.safe_point(where=where)

    async def approval(self, question: str, *, partial: State | None = None) -> None:
        """Wait until a person approves, such as at `await ctx.approval("Deploy 1.4 to prod?")`.

        Only in `apply` and `clean`. While the item waits, others may be in progress in its place,
        for as long as it takes. An interrupt ends the waiting at once, and acts as a safe point. An
        approval is on disk before the item goes on, and holds for the same question until this item
        is done, also in later executions; a refusal is asked anew.

        Args:
            question: what is approved, for people, in one line of at most 300 characters.
            partial: as for `safe_point`.

        Raises:
            ItemFailure: a person refused (code `NOT-APPROVED`). Let it end the item.
            DefinitionError: the item is only looked at, or the question cannot be shown.
            StoppedAtSafePoint: the item is to end here; only the framework catches it.
        """
        asking = self._scope.approvals.ask(self.item, question)
        await self.wait_for(asking, partial=partial, where=f"waiting for an approval: {question}")
        # Until now it was not stalled, but waiting for a person.
        self.progress.message(self.progress.last_message)

    async def resource(
        self,
        open: Callable[P, AbstractAsyncContextManager[T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return a resource that all items share, such as a pool of connections.

        ```python
        pool = await ctx.resource(database, self.url)
        ```

        It is opened by the first that asks, and closed when the execution ends, however that may
        be. Items that name the same function with equal arguments get the same resource. See
        `App.resource`.

        Args:
            open: a function that returns an asynchronous context manager: one decorated by
                `App.resource`, or by `contextlib.asynccontextmanager`.
            args: its arguments, which can be hashed, like `kwargs`.
            kwargs: its arguments by name.

        Raises:
            DefinitionError: an argument cannot be hashed.
            BaseException: whatever opening it raises. Who asks next tries anew.
        """
        return await self._scope.shared.get(open, *args, **kwargs)

    async def retry(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        on: type[Exception] | tuple[type[Exception], ...],
        backoff: Backoff | None = None,
        doing: str = "",
        at_least: Callable[[Exception], float] | None = None,
    ) -> T:
        """Call a function until it succeeds, as often as allowed. Delays between are safe points.

        Args:
            attempt: the function to call.
            on: the errors after which to try again; others are raised at once.
            backoff: the number of attempts, and the delays between them.
            doing: what is tried, for messages.
            at_least: returns, for an error that says how long to wait (such as HTTP's
                `Retry-After`), the minimum delay in seconds.

        Raises:
            RetriesExhausted: the last attempt failed too; its error is the cause.
            StoppedAtSafePoint: an interrupt came during a delay; only the framework catches it.
        """
        plan, doing = backoff or Backoff(), doing or "the attempt"
        number = 1
        for delay in plan.delays():
            try:
                return await attempt()
            except on as error:
                wait = max(delay, at_least(error) if at_least else 0.0)
                reason = one_line_message(error)
            number += 1
            next_one = f"attempt {number} of {plan.attempts}"
            self.progress.message(f"{doing} failed ({reason}); {next_one} in {wait:.1f} s")
            await self.sleep(wait, where=f"before {next_one} of {doing}")
        try:
            return await attempt()
        except on as error:
            times = "once" if number == 1 else f"{number} times; the last time"
            raise RetriesExhausted(
                f"{doing} failed {times}: {one_line_message(error)}",
                details=(("attempts", str(number)),),
                help="run the command again; if it stays so, mend the cause",
            ) from error

    async def run(
        self,
        *command: str | os.PathLike[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        pass_fds: Sequence[int] = (),
        on_line: Callable[[str], None] | None = None,
        capture: int = CAPTURED,
        terminal: bool = False,
        check: bool = True,
    ) -> ChildResult:
        """Run a child process, and wait until it and all processes of its group have ended.

        It runs in a process group of its own, so that a terminal's Ctrl-C does not reach it. STOP
        leaves it alone, CANCEL sends SIGTERM to its group, KILL sends SIGKILL; no process of the
        group is left behind. A process that leaves the group, as a daemon does, is neither waited
        for nor ended; its output is read for at most one second after the group's end.

        Args:
            command: the program and its arguments.
            cwd: the working directory; the current one by default.
            env: the environment; the current one by default.
            stdin: the input; empty by default.
            pass_fds: the descriptors of open files that the child gets, besides its three streams.
            on_line: called in the event loop with each line of output as it comes: must be quick.
            capture: how many of the last bytes of each output are kept.
            terminal: whether the child needs the terminal itself, for example for a password
                prompt. It then shares the group and the streams of this process (where stderr is
                the terminal, that for its stdout, too), its output is not captured, and only the
                child itself is signalled and waited for.
            check: whether a nonzero exit status raises `ChildFailed`.

        Raises:
            ChildFailed: it ended with an error, and `check` is set.
            ItemFailure: it could not be started.
            EndedWithChild: it ended with an error because of an interrupt, whatever `check` is;
                only the framework catches it.
        """
        words = tuple(os.fspath(word) for word in command)
        order = ChildOrder(
            words, cwd, env, stdin, tuple(pass_fds), on_line, capture, terminal, check
        )
        try:
            return await run_child(
                order, self._scope.children, self.execution_id, self.progress.message
            )
        except ChildFailed as failure:
            # A Ctrl-C reaches a child that shares the terminal too, and is no failure of the child.
            by_key = terminal and failure.exit_status in _ENDED_BY_SIGINT
            if by_key and not self._scope.interruptibility.may_go_on():
                raise EndedWithChild(words[0]) from failure
            raise

    async def write_file(
        self, path: Path, content: str | bytes | None, *, mode: int | None = None
    ) -> None:
        """Write a file whole, or remove it, as `write_atomically` does, sharing the disk's time.

        The event loop goes on meanwhile, and files that items write at the same time are synced
        together. When it returns, the file outlives a loss of power. It is written to its end even
        if the item is cancelled meanwhile.

        Args:
            path: the file; missing parent folders are made.
            content: the content, text as UTF-8; `None` removes the file.
            mode: the file's permissions; by default, those of the old file or of the process's
                umask.

        Raises:
            OSError: the operating system refused, or the path is not a regular file; the old file
                is intact, unless only its folder could not be synced.
        """
        await self._scope.files.write(FileWrite(path, content, mode))

    def blocking(self, work: Coroutine[object, object, T]) -> T:
        """Run a coroutine of this context from a plain function, and wait for it.

        ```python
        def apply(self, ctx, current, goal):
            ctx.blocking(ctx.run("make", "install"))
        ```

        Raises:
            RuntimeError: called from the event loop's own thread, which would wait for itself; or
                the execution is over.
            asyncio.CancelledError: the item was cancelled; only the framework catches it.
            BaseException: any error of the coroutine.
        """
        return run_from_thread(work, self._scope.loop, self._task)

    def _publish(self, progress: Progress) -> None:
        self._scope.publish(ItemProgressed(self._scope.clock.now(), self.item, progress))

    def _later(self, seconds: float, function: Callable[[], None]) -> None:
        loop = self._scope.loop
        if is_of_parent(loop):
            return
        # A loop that is closed shows nothing any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(loop.call_later, seconds, self._unless_ended, function)

    def _unless_ended(self, function: Callable[[], None]) -> None:
        if self._task is None or not self._task.done():
            function()


def _this_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
