"""Executions that the server runs, each started once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import msgspec

from peaceful._aio import run_in_thread, wait_shielded
from peaceful._app.contexts import Contexts, ExecutionOptions
from peaceful._commands.run_request import RunRequest
from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import KeyReused, ServerStopping
from peaceful._errors.running import ExecutionUnknown, ProfileBusy
from peaceful._executions.admission import busy_error
from peaceful._executions.records import ExecutionRecord
from peaceful._executions.registry import Executions
from peaceful._executions.running import InterruptSenders, RunningExecution
from peaceful._model.field_types import ExecutionId, ProfileName
from peaceful._model.interrupt import InterruptSignal
from peaceful._model.outcome import Complete
from peaceful._present.text import one_line
from peaceful._runtime.ctx import ExecutionSettings
from peaceful._runtime.hub import OutputSink
from peaceful._runtime.register import Registered, Starting
from peaceful.interrupt import Interruptible, interrupt_channel

_LOG = logging.getLogger("peaceful.web")

_TRIES: Final = 50
_BETWEEN: Final = 0.05
"""Seconds until it is tried again on a profile whose execution has ended, but holds its lock."""

OnStart = Callable[[Starting], None]
"""Told of an execution that is about to begin, before its first event."""


class Started(msgspec.Struct, frozen=True):
    """What came of a request to execute something.

    Attributes:
        record: the execution that does it.
        is_new: whether it was started by this request.
    """

    record: ExecutionRecord
    is_new: bool


class RunningExecutions:
    """The executions that this server runs, each as a task of its event loop.

    Args:
        contexts: makes what they run on.
        senders: interrupts them.
        on_start: told of each before its first event.
        sinks: makes what is told of the events of one.
        settings: how they behave.
    """

    def __init__(
        self,
        contexts: Contexts,
        senders: InterruptSenders,
        on_start: OnStart,
        sinks: Callable[[], tuple[OutputSink, ...]],
        settings: ExecutionSettings | None = None,
    ) -> None:
        self._contexts = contexts
        self._senders = senders
        self._on_start = on_start
        self._sinks = sinks
        self._settings = settings or ExecutionSettings()
        self._tasks: dict[ExecutionId, asyncio.Task[object]] = {}
        self._starting: dict[ProfileName, asyncio.Lock] = {}
        self._stop: InterruptSignal | None = None
        self._cut: list[ExecutionId] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._tasks)

    @property
    def cut(self) -> tuple[ExecutionId, ...]:
        """Those that had not done everything when nothing new was started any more."""
        return tuple(self._cut)

    @property
    def stopping(self) -> bool:
        """Whether nothing new is started any more."""
        return self._stop is not None

    async def start(self, request: RunRequest, door: str) -> Started:
        """Starts an execution, unless one that does the same is running on the profile.

        Args:
            request: what to do.
            door: where the request came in: `web` or `api`.

        Raises:
            ProfileBusy: another execution runs on the profile.
            ServerStopping: nothing new is started any more.
            UsageError: a name is unknown, or parameters are missing or wrong.
            PeacefulError: it cannot be started for another reason.
        """
        profile = await run_in_thread(lambda: self._contexts.profile(request.profile))
        async with self._starting.setdefault(profile, asyncio.Lock()):
            return await self._started(request, door)

    def interrupt_all(self, signal: InterruptSignal) -> None:
        """Starts nothing new any more, and interrupts what runs."""
        if self._stop is None or signal.level > self._stop.level:
            self._stop = signal
        for execution_id in self._tasks:
            self._senders.interrupt(execution_id, signal)

    async def ended(self) -> None:
        """Returns when nothing runs. To be awaited once nothing new is started any more."""
        for lock in tuple(self._starting.values()):
            async with lock:
                pass
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    async def _started(self, request: RunRequest, door: str) -> Started:
        for tries in range(_TRIES):
            if self.stopping:
                raise ServerStopping
            there = await run_in_thread(lambda: self._there(request.profile))
            if there is not None:
                return _same(there, request)
            try:
                return await self._begin(request, door)
            except ProfileBusy as error:
                # Another process was faster; or its execution has ended, and is leaving.
                other = await run_in_thread(partial(self._known, error.execution_id))
                if other is not None and not other.state.ended:
                    return _same(other, request)
                if other is None or tries == _TRIES - 1:
                    raise
                await asyncio.sleep(_BETWEEN)
        raise AssertionError("the last try returns or raises")

    async def _begin(self, request: RunRequest, door: str) -> Started:
        sender, receiver = interrupt_channel()
        options = ExecutionOptions(
            interruptibility=Interruptible(receiver),
            sinks=self._sinks(),
            settings=self._settings,
            door=door,
        )
        ctx = await run_in_thread(lambda: self._contexts.ctx_for(request, options))
        announced: asyncio.Future[ExecutionRecord] = asyncio.get_running_loop().create_future()
        register = _Announcing(self._contexts.executions, self._announce(announced))
        task = asyncio.ensure_future(request.run(replace(ctx, register=register)))
        await asyncio.wait((task, announced), return_when=asyncio.FIRST_COMPLETED)
        if not announced.done():
            announced.cancel()
            await task
            raise AssertionError("an execution that was not registered did not run")
        record = announced.result()
        self._tasks[record.id] = task
        task.add_done_callback(lambda _: self._end(record.id))
        if self._stop is not None:
            # It came while this one was being started.
            sender.send(self._stop)
        return Started(record, is_new=True)

    def _announce(self, announced: asyncio.Future[ExecutionRecord]) -> _OnRegistered:
        def on_registered(starting: Starting, running: RunningExecution) -> None:
            self._on_start(starting)
            announced.set_result(running.record)

        return on_registered

    def _there(self, profile: ProfileName) -> ExecutionRecord | None:
        running = self._contexts.executions.running()
        return next((each for each in running if each.info.profile == profile), None)

    def _known(self, execution_id: ExecutionId) -> ExecutionRecord | None:
        try:
            return self._contexts.executions.get(execution_id)
        except ExecutionUnknown:
            return None

    def _end(self, execution_id: ExecutionId) -> None:
        task = self._tasks.pop(execution_id)
        error = None if task.cancelled() else task.exception()
        fields = {"execution_id": execution_id}
        if isinstance(error, PeacefulError):
            _LOG.debug("execution %s failed: %s", execution_id, one_line(str(error)), extra=fields)
        elif error is not None:
            _LOG.error("execution %s failed", execution_id, exc_info=error, extra=fields)
        complete = error is None and not task.cancelled() and isinstance(task.result(), Complete)
        if self.stopping and not complete:
            self._cut.append(execution_id)


_OnRegistered = Callable[[Starting, RunningExecution], None]


class _Announcing:
    """A register that says when an execution can be found in it."""

    def __init__(self, inner: Executions, on_registered: _OnRegistered) -> None:
        self._inner = inner
        self._on_registered = on_registered

    def registered(self, starting: Starting) -> AbstractAsyncContextManager[Registered]:
        return self._registered(starting)

    @asynccontextmanager
    async def _registered(self, starting: Starting) -> AsyncGenerator[Registered]:
        async with self._inner.registered(starting) as running:
            self._on_registered(starting, running)
            yield running


def _same(there: ExecutionRecord, request: RunRequest) -> Started:
    """What runs already, if it does what is asked for."""
    info = there.info
    if (
        (info.flow, info.command) != (request.flow, request.command)
        or there.dry_run != request.dry_run
        or set(there.only) != set(request.only)
    ):
        raise busy_error(there)
    return Started(there, is_new=False)


KEPT: Final = 1000
"""How many of the newest keys are remembered."""

LONGEST_KEY: Final = 255
"""How many characters a key may have."""


@dataclass(frozen=True, slots=True)
class _Before:
    request: RunRequest
    starting: asyncio.Task[Started]


class StartedBefore:
    """What was started with which idempotency key, as long as the server runs.

    The idea is that of the IETF draft "The Idempotency-Key HTTP Header Field". A request that
    failed is forgotten: nothing was started.
    """

    def __init__(self) -> None:
        self._before: dict[str, _Before] = {}

    async def once(
        self,
        key: str | None,
        request: RunRequest,
        # Any: what a coroutine yields is between it and the loop.
        start: Callable[[], Coroutine[Any, Any, Started]],
    ) -> Started:
        """Starts what is asked for, unless it was with the same key.

        What was begun goes on, also where whoever asked for it does not wait any more.

        Args:
            key: the key, or none.
            request: what is asked for.
            start: starts it.

        Raises:
            KeyReused: the key was used for another request.
            PeacefulError: it cannot be started.
        """
        before = None if key is None else self._before.get(key)
        if before is None:
            before = _Before(request, asyncio.ensure_future(start()))
            before.starting.add_done_callback(_failed)
            if key is not None:
                self._remember(key, before)
        elif before.request != request:
            raise KeyReused(key or "")
        return await wait_shielded(before.starting)

    def _remember(self, key: str, before: _Before) -> None:
        self._before[key] = before
        if len(self._before) > KEPT:
            del self._before[next(iter(self._before))]

        def forget(starting: asyncio.Task[Started]) -> None:
            if _failed(starting) and self._before.get(key) is before:
                del self._before[key]

        before.starting.add_done_callback(forget)


def _failed(starting: asyncio.Task[Started]) -> bool:
    """Whether nothing was started. Also where nobody waits for that any more."""
    return starting.cancelled() or starting.exception() is not None
