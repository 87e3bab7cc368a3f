"""The executions that a server runs; each is started once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

import msgspec

from peaceful._aio import loop_in_thread, run_in_thread, start_in_loop, wait_shielded
from peaceful._app.contexts import Contexts, ExecutionOptions
from peaceful._commands.run_request import RunRequest
from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import KeyReused, ServerStopping
from peaceful._errors.running import ApprovalNeeded, ExecutionUnknown, ProfileBusy
from peaceful._executions.records import ExecutionRecord
from peaceful._executions.registry import Executions, busy_error
from peaceful._executions.running import RunningExecution
from peaceful._model.codec import ExecutionId, ProfileName
from peaceful._model.document import Ending
from peaceful._model.interrupt import InterruptSignal
from peaceful._model.outcome import Complete
from peaceful._present.text import one_line
from peaceful._resources import SharedResources
from peaceful._runtime.ctx import CmdCtx, ExecutionSettings
from peaceful._runtime.hub import OutputSink
from peaceful._runtime.register import Registered, Starting
from peaceful.interrupt import Interruptible, interrupt_channel

_LOG = logging.getLogger("peaceful.web")

_LATEST: Final = 20
"""How many executions are looked through for one that did the same."""

_TRIES: Final = 50
_BETWEEN: Final = 0.05
"""Seconds between tries on a profile whose execution has ended, but still holds its lock."""

_ANSWERS: Final = 1.0
"""Seconds in which the loop of the executions answers, unless something blocks it."""

_CLOSING: Final = 10.0
"""Seconds for what executions share to close; a loop that something blocks closes nothing."""

KEPT: Final = 1000
"""How many of the newest keys are remembered."""

LONGEST_KEY: Final = 255
"""Characters that an idempotency key may have."""


class StartResult(msgspec.Struct, frozen=True):
    """The execution that answers a request; `is_new` if the request has started it."""

    record: ExecutionRecord
    is_new: bool


class RunningExecutions:
    """The executions that a server runs, in an event loop of their own.

    An item may block that one: requests are answered all the same, and the next executions get
    another loop.

    `on_start` is called with each before its first event, and `sinks` makes its sinks. `incomplete`
    are those that `interrupt_all` kept from completing.
    """

    def __init__(
        self,
        contexts: Contexts,
        on_start: Callable[[Starting], None],
        sinks: Callable[[], tuple[OutputSink, ...]],
        settings: ExecutionSettings | None = None,
        approve: Collection[ProfileName] = (),
    ) -> None:
        self._contexts = contexts
        self._executions = contexts.executions
        self._on_start = on_start
        self._sinks = sinks
        self._settings = settings or ExecutionSettings()
        self._approve = approve
        self._tasks: dict[ExecutionId, asyncio.Future[object]] = {}
        self._requests: dict[ExecutionId, RunRequest] = {}
        self._one_ended = asyncio.Event()
        self._loops = ExitStack()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shared: dict[asyncio.AbstractEventLoop, SharedResources] = {}
        self._starting: dict[ProfileName, asyncio.Lock] = {}
        self._stop: InterruptSignal | None = None
        self.incomplete: list[ExecutionId] = []

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def stopping(self) -> bool:
        """Whether new executions are refused."""
        return self._stop is not None

    async def start(self, request: RunRequest, door: str, by: str) -> StartResult:
        """Start an execution, unless one that does the same is running on the profile.

        Raise `ProfileBusy` if another one runs there, `ServerStopping` after `interrupt_all`, and
        `PeacefulError` if it cannot be started. The `door` is `web` or `api`.
        """
        profile = await run_in_thread(lambda: self._contexts.profile(request.profile))
        request = await run_in_thread(self._contexts.planned, request)
        await run_in_thread(self._check_approval, request)
        async with self._starting.setdefault(profile, asyncio.Lock()):
            return await self._start_locked(request, door, by)

    def needs_approval(self, profile: ProfileName) -> bool:
        """Return whether a profile is changed only by plans that somebody else has approved."""
        return profile in self._approve

    def _check_approval(self, request: RunRequest) -> None:
        """Raise `ApprovalNeeded` unless what a request changes was approved, or needs not be."""
        if not request.asks_first or not self.needs_approval(request.profile):
            return
        if request.plan is None:
            raise ApprovalNeeded.of_command(request.command, request.profile)
        approval = self._executions.get(request.plan_from).plan_approval
        if approval is None or not approval.approved:
            raise ApprovalNeeded.of_plan(request.plan_from, approval)

    def request_of(self, execution_id: ExecutionId) -> RunRequest | None:
        """Return what an execution that runs here was asked for; None for any other."""
        return self._requests.get(execution_id)

    def interrupt_all(self, signal: InterruptSignal) -> None:
        """Refuse new executions, and interrupt those that run."""
        if self._stop is None or signal.level > self._stop.level:
            self._stop = signal
        for execution_id in self._tasks:
            sender = self._executions.senders.get(execution_id)
            if sender is not None:
                sender.send(signal)

    async def wait_until_ended(self) -> None:
        """Wait until nothing runs, after `interrupt_all`."""
        for lock in tuple(self._starting.values()):
            async with lock:
                pass
        while self._tasks:
            self._one_ended.clear()
            await self._one_ended.wait()
        while self._shared:
            loop, shared = self._shared.popitem()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING):
                    for notice in await start_in_loop(loop, shared.close(_CLOSING / 2)):
                        _LOG.warning("%s", notice)
        self._loops.close()

    async def _start_locked(self, request: RunRequest, door: str, by: str) -> StartResult:
        for tries in range(_TRIES):
            if self.stopping:
                raise ServerStopping
            running = await run_in_thread(running_on, self._executions, request.profile)
            if running is not None:
                return self._same(running, request)
            try:
                return await self._begin(request, door, by)
            except ProfileBusy as error:
                other = None
                # Another process was faster; or its execution has ended, and is leaving.
                with suppress(ExecutionUnknown):
                    other = await run_in_thread(self._executions.get, error.execution_id)
                if other is not None and not other.state.ended:
                    return self._same(other, request)
                if other is None or tries == _TRIES - 1:
                    raise
                await asyncio.sleep(_BETWEEN)
        raise AssertionError("the last try returns or raises")

    async def _begin(self, request: RunRequest, door: str, by: str) -> StartResult:
        sender, receiver = interrupt_channel()
        options = ExecutionOptions(
            interruptibility=Interruptible(receiver),
            sinks=self._sinks(),
            settings=self._settings,
            door=door,
            by=by,
        )
        ctx = await run_in_thread(self._ctx_for, request, options)
        here = asyncio.get_running_loop()
        registered: asyncio.Future[ExecutionRecord] = here.create_future()

        async def on_registered(starting: Starting, running: RunningExecution) -> None:
            self._on_start(starting)
            registered.set_result(running.record)

        def on_late_end(ending: Ending) -> None:
            here.call_soon_threadsafe(self._left, ending)

        register = _NotifyingRegister(self._executions, here, on_registered)
        loop = await self._answering_loop()
        shared = self._shared.setdefault(loop, SharedResources())
        ctx = replace(ctx, shared=shared, register=register, on_late_end=on_late_end)
        task: asyncio.Future[object] = start_in_loop(loop, request.run(ctx))
        await asyncio.wait((task, registered), return_when=asyncio.FIRST_COMPLETED)
        if not registered.done():
            registered.cancel()
            await task
            raise AssertionError("an execution that was not registered did not run")
        record = registered.result()
        self._tasks[record.id], self._requests[record.id] = task, request
        task.add_done_callback(partial(self._end, record.id))
        if self._stop is not None:
            # It came while this one was being started.
            sender.send(self._stop)
        return StartResult(record, is_new=True)

    def _same(self, running: ExecutionRecord, request: RunRequest) -> StartResult:
        """Return an execution that runs if it does what is asked for; else raise `ProfileBusy`.

        Of one that another process runs, not all is known that it was asked for.
        """
        info, known = running.info, self._requests.get(running.id)
        plain = RunRequest(
            command=request.command,
            profile=request.profile,
            flow=request.flow,
            dry_run=request.dry_run,
            **msgspec.structs.asdict(request.selection),
        )
        if known != request and (
            known is not None
            or request != plain
            or (info.flow, info.command) != (request.flow, request.command)
            or info.dry_run != request.only_says
            or not running.chosen.is_same(request.selection)
        ):
            raise busy_error(running)
        return StartResult(running, is_new=False)

    def _ctx_for(self, request: RunRequest, options: ExecutionOptions) -> CmdCtx:
        ctx = self._contexts.ctx_for(request, options)
        page = self._executions.list(profile=ctx.profile, flow=ctx.flow.id, limit=_LATEST)
        return replace(ctx, expected=self._contexts.expected(request, page.records))

    async def _answering_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop of the executions; another one if something blocks that."""
        loop = self._executions_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWERS):
                await start_in_loop(loop, asyncio.sleep(0))
            return loop
        self._loop = None
        return self._executions_loop()

    def _executions_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = self._loops.enter_context(loop_in_thread("peaceful-executions"))
        return self._loop

    def _left(self, ending: Ending) -> None:
        """Forget an execution that was killed, and goes on: its ending is written down by now."""
        execution_id = ending.execution.id
        _LOG.error("execution %s was killed, but does not let go of its thread", execution_id)
        self._requests.pop(execution_id, None)
        if self._tasks.pop(execution_id, None) is not None:
            self.incomplete.append(execution_id)
        self._one_ended.set()

    def _end(self, execution_id: ExecutionId, task: asyncio.Future[object]) -> None:
        self._requests.pop(execution_id, None)
        if self._tasks.pop(execution_id, None) is None:
            return
        self._one_ended.set()
        error = None if task.cancelled() else task.exception()
        fields = {"execution_id": execution_id}
        if isinstance(error, PeacefulError):
            _LOG.debug("execution %s failed: %s", execution_id, one_line(str(error)), extra=fields)
        elif error is not None:
            _LOG.error("execution %s failed", execution_id, exc_info=error, extra=fields)
        complete = error is None and not task.cancelled() and isinstance(task.result(), Complete)
        if self.stopping and not complete:
            self.incomplete.append(execution_id)


def running_on(executions: Executions, profile: ProfileName) -> ExecutionRecord | None:
    """Return the execution that runs on a profile, or `None`."""
    running = executions.running()
    return next((each for each in running if each.info.profile == profile), None)


class _NotifyingRegister(msgspec.Struct):
    """A register that calls a function as soon as an execution can be found in it, in a loop."""

    inner: Executions
    loop: asyncio.AbstractEventLoop
    # Any: what a coroutine yields is between it and the loop.
    on_registered: Callable[[Starting, RunningExecution], Coroutine[Any, Any, None]]

    @asynccontextmanager
    async def registered(self, starting: Starting) -> AsyncGenerator[Registered]:
        async with self.inner.registered(starting) as running:
            await start_in_loop(self.loop, self.on_registered(starting, running))
            yield running


class IdempotencyKeys:
    """The executions that requests with idempotency keys have started, while the server runs.

    The idea is that of the IETF draft "The Idempotency-Key HTTP Header Field". A request that
    failed is forgotten: nothing was started.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[RunRequest, asyncio.Task[StartResult]]] = {}

    async def start_once(
        self,
        key: str | None,
        request: RunRequest,
        # Any: what a coroutine yields is between it and the loop.
        start: Callable[[], Coroutine[Any, Any, StartResult]],
    ) -> StartResult:
        """Start an execution, unless the same key has; raise `KeyReused` for another request.

        Once begun, the start goes on when the caller is cancelled.
        """
        if key is not None and key in self._known:
            known, starting = self._known[key]
            if known != request:
                raise KeyReused(key)
            return await wait_shielded(starting)
        starting = asyncio.ensure_future(start())
        starting.add_done_callback(partial(self._forget_failed, key))
        if key is not None:
            self._known[key] = request, starting
            if len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
        return await wait_shielded(starting)

    def _forget_failed(self, key: str | None, starting: asyncio.Task[StartResult]) -> None:
        # Also retrieves the exception, which asyncio would log where nobody waits for it any more.
        has_failed = starting.cancelled() or starting.exception() is not None
        if has_failed and key in self._known and self._known[key][1] is starting:
            del self._known[key]
