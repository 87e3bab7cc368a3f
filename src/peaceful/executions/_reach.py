"""Asks the process that runs an execution, or says why it cannot be asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from peaceful.errors import AlreadyEnded, ExecutorUnreachable, PeacefulError
from peaceful.executions._control_client import ControlClient
from peaceful.executions._control_protocol import ControlRequest
from peaceful.executions._identity import ProcessIdentity
from peaceful.executions._presence import Presence
from peaceful.executions._record import ExecutionRecord
from peaceful.model import StreamEvent

T = TypeVar("T")


class Reach:
    """The way to executions of other processes.

    Args:
        presence: knows which processes are there.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, presence: Presence, timeout: float) -> None:
        self._presence = presence
        self._client = ControlClient(presence.sockets, timeout)

    def ask(self, record: ExecutionRecord, request: ControlRequest, kind: type[T]) -> T:
        """Asks for one answer, and waits for it.

        Args:
            record: the execution.
            request: what is asked.
            kind: what is answered.

        Raises:
            AlreadyEnded: it has ended meanwhile.
            ExecutorUnreachable: its process cannot be asked, or does not answer.
        """
        process, address = _found(record)
        try:
            return self._client.ask(address, request, kind)
        except OSError as error:
            raise self._why_not(record, process, error) from error

    async def events(self, record: ExecutionRecord) -> AsyncGenerator[StreamEvent]:
        """How everything stands, and then what happens.

        Raises:
            AlreadyEnded: it has ended meanwhile.
            ExecutorUnreachable: its process cannot be asked, or does not answer.
        """
        process, address = _found(record)
        try:
            async with aclosing(self._client.events(address)) as events:
                async for event in events:
                    yield event
        except OSError as error:
            raise self._why_not(record, process, error) from error

    def _why_not(
        self, record: ExecutionRecord, process: ProcessIdentity, error: OSError
    ) -> PeacefulError:
        now = self._presence.settled(self._presence.store.get(record.id))
        if now.state.ended:
            return AlreadyEnded(now.id, now.state)
        pid, host = process.pid, process.machine.host
        if host != self._presence.process.machine.host:
            return ExecutorUnreachable(
                f"Execution {record.id} runs on {host}, which cannot be reached from here.",
                details=(("process", str(pid)), ("reason", error.strerror or str(error))),
                help=f"run this on {host}",
            )
        return ExecutorUnreachable(
            f"Process {pid}, which runs execution {record.id}, does not answer.",
            details=(("reason", error.strerror or str(error)),),
            help=f"if it was stopped, let it go on: kill -CONT {pid}; "
            f"or interrupt it by: kill -TERM {pid}",
        )


def _found(record: ExecutionRecord) -> tuple[ProcessIdentity, str]:
    """Which process runs the execution, and where it listens."""
    process = record.process
    if record.address is None:
        raise ExecutorUnreachable(
            f"Execution {record.id} runs in process {process.pid} of {process.machine.host}, "
            "which cannot be reached from another process.",
            help="interrupt it where it was started: in its terminal, by Ctrl-C",
        )
    return process, record.address
