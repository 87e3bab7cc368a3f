"""Asks the process that runs an execution, or says why it cannot be asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from peaceful.errors import ExecutionEnded, ExecutorUnreachable
from peaceful.executions._control_client import ControlClient
from peaceful.executions._control_protocol import ControlRequest
from peaceful.executions._presence import Presence
from peaceful.executions._record import ExecutionRecord, JsonObject
from peaceful.model import JsonValue


class Reach:
    """The way to executions of other processes.

    Args:
        presence: knows which processes are there.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, presence: Presence, timeout: float) -> None:
        self._presence = presence
        self._client = ControlClient(presence.sockets, timeout)

    def ask(self, record: ExecutionRecord, request: ControlRequest) -> JsonValue:
        """Asks for one answer, and waits for it.

        Raises:
            ExecutionEnded: it has ended meanwhile.
            ExecutorUnreachable: its process cannot be asked, or does not answer.
        """
        address = self._address(record)
        try:
            return self._client.ask(address, request)
        except OSError as error:
            raise self._why_not(record, error) from error

    async def events(self, record: ExecutionRecord) -> AsyncGenerator[JsonObject]:
        """How everything stands, and then what happens.

        Raises:
            ExecutionEnded: it has ended meanwhile.
            ExecutorUnreachable: its process cannot be asked, or does not answer.
        """
        address = self._address(record)
        try:
            async with aclosing(self._client.events(address)) as events:
                async for event in events:
                    yield event
        except OSError as error:
            raise self._why_not(record, error) from error

    def _address(self, record: ExecutionRecord) -> str:
        if record.address is not None:
            return record.address
        if record.process is None:
            raise ExecutorUnreachable(
                f"Execution {record.id} is waiting for a process to run it.",
                help="try again once it runs",
            )
        raise ExecutorUnreachable(
            f"Execution {record.id} runs in process {record.process.pid} of "
            f"{record.process.machine.host}, which cannot be reached from another process.",
            help="interrupt it where it was started: in its terminal, by Ctrl-C",
        )

    def _why_not(self, record: ExecutionRecord, error: OSError) -> Exception:
        now = self._presence.settled(self._presence.store.get(record.id))
        if now.state.ended:
            return ExecutionEnded(now.id, now.state)
        by = record.info.started_by
        if by.host != self._presence.process.machine.host:
            return ExecutorUnreachable(
                f"Execution {record.id} runs on {by.host}, which cannot be reached from here.",
                details=(("process", str(by.pid)), ("reason", error.strerror or str(error))),
                help=f"run this on {by.host}",
            )
        return ExecutorUnreachable(
            f"Process {by.pid}, which runs execution {record.id}, does not answer.",
            details=(("reason", error.strerror or str(error)),),
            help=f"if it was stopped, let it go on: kill -CONT {by.pid}; "
            f"or interrupt it by: kill -TERM {by.pid}",
        )
