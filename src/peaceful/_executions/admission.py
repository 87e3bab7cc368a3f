"""Registration of executions of this process, and their removal in reverse order."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from msgspec.structs import replace

from peaceful._aio import DaemonThreadPool, run_shielded
from peaceful._errors.running import ProfileBusy, StorageError
from peaceful._executions.control_server import ControlLimits, ControlServer
from peaceful._executions.process_files import RUNNING_HERE, LivenessMonitor
from peaceful._executions.records import ExecutionRecord
from peaceful._executions.running import InterruptSenders, ProgressSource, RunningExecution
from peaceful._model.field_types import ExecutionId
from peaceful.interrupt import InterruptSender

_LOG = logging.getLogger("peaceful.executions")

_THREADS: Final = 8
"""How many threads wait for the store at once."""


class LocalExecutions:
    """The executions of this process; `running` has those that are registered now."""

    def __init__(
        self, monitor: LivenessMonitor, senders: InterruptSenders, limits: ControlLimits
    ) -> None:
        self.running: dict[ExecutionId, RunningExecution] = {}
        self._monitor = monitor
        self._senders = senders
        self._limits = limits
        self._threads = DaemonThreadPool(_THREADS, "peaceful-register")

    @asynccontextmanager
    async def register(
        self, record: ExecutionRecord, progress: ProgressSource, sender: InterruptSender | None
    ) -> AsyncGenerator[RunningExecution]:
        """Register an execution. Once its record can be found, its sender and socket are in place.

        Raises `ProfileBusy` if another execution runs on the profile.
        """
        if record.id in self.running:
            raise ValueError(f"execution {record.id} is running")
        if sender is not None:
            self._senders.register(record.id, sender)
        RUNNING_HERE.add(record.id)
        try:
            async with self._listening(record, progress) as running:
                yield running
        finally:
            RUNNING_HERE.discard(record.id)
            self._senders.drop(record.id)

    @asynccontextmanager
    async def _listening(
        self, record: ExecutionRecord, progress: ProgressSource
    ) -> AsyncGenerator[RunningExecution]:
        listening, address = self._socket(record.id)
        record = replace(record, address=address)
        running = RunningExecution(
            record, progress, self._monitor.store, self._senders, self._threads
        )
        server = ControlServer(running, self._limits)
        try:
            if listening is not None:
                await server.serve(listening)
            self.running[record.id] = running
            async with self._inserted(running):
                yield running
        finally:
            self.running.pop(record.id, None)
            try:
                await server.close(running.last_event())
            finally:
                if address is not None:
                    self._monitor.sockets.remove(address)

    def _socket(self, execution_id: ExecutionId) -> tuple[socket.socket | None, str | None]:
        """Return a socket and its address, or None: then only this process can interrupt it."""
        try:
            return self._monitor.sockets.listen(execution_id)
        except OSError as error:
            _LOG.warning("execution %s cannot be reached by others: %s", execution_id, error)
            return None, None

    @asynccontextmanager
    async def _inserted(self, running: RunningExecution) -> AsyncGenerator[None]:
        try:
            await run_shielded(self._threads.submit(self._insert, running))
            yield
        finally:
            if running.inserted and not running.stored:
                await run_shielded(self._threads.submit(self._abandon, running.id))

    def _insert(self, running: RunningExecution) -> None:
        while True:
            present = self._monitor.store.insert(running.record)
            if present.id == running.id:
                running.inserted = True
                break
            present = self._monitor.mark_if_lost(present)
            if not present.state.ended:
                raise busy_error(present)
        self._monitor.sweep()

    def _abandon(self, execution_id: ExecutionId) -> None:
        try:
            self._monitor.store.mark_lost(execution_id, self._monitor.clock.now())
        except StorageError as error:
            # This process will be seen not to run it any more: then others mark it.
            _LOG.warning("execution %s was left without an ending: %s", execution_id, error)


def busy_error(record: ExecutionRecord) -> ProfileBusy:
    """Return the error that names the execution which runs on a profile."""
    info = record.info
    return ProfileBusy(
        info.profile,
        app=info.app,
        flow=info.flow,
        command=info.command,
        started_by=str(info.started_by),
        host=info.started_by.host,
        since=info.started_at,
        execution_id=info.id,
    )
