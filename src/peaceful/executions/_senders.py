"""Which executions of this process can be interrupted, and how to reach them."""

from __future__ import annotations

import threading

from peaceful.interrupt import InterruptSender, SendResult
from peaceful.model import ExecutionId, InterruptSignal


class InterruptSenders:
    """From execution ID to the sender of its interrupts. Safe from any thread.

    A sender is registered before the ID is handed out, and dropped after the outcome is stored.
    One lock decides, where an execution ends just as it is interrupted, which of the two was first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._senders: dict[ExecutionId, InterruptSender] = {}
        self._closed: set[ExecutionId] = set()

    def register(self, execution_id: ExecutionId, sender: InterruptSender) -> None:
        """The execution can be interrupted from now on.

        Raises:
            ValueError: the ID is registered.
        """
        with self._lock:
            if execution_id in self._senders:
                raise ValueError(f"execution {execution_id} is registered")
            self._senders[execution_id] = sender

    def get(self, execution_id: ExecutionId) -> InterruptSender | None:
        """The sender of an execution; none where the execution is not registered."""
        with self._lock:
            return self._senders.get(execution_id)

    def interrupt(self, execution_id: ExecutionId, signal: InterruptSignal) -> SendResult | None:
        """Sends a signal to an execution.

        Returns:
            What became of it: too late, once the execution was closed. None where the execution is
            not registered.
        """
        with self._lock:
            sender = self._senders.get(execution_id)
            if sender is None:
                return None
            if execution_id in self._closed:
                return SendResult.TOO_LATE
            return sender.send(signal)

    def close(self, execution_id: ExecutionId) -> InterruptSignal | None:
        """From now on every signal comes too late: the execution's outcome is settled.

        Returns:
            The signal that was latched until then, or none.
        """
        with self._lock:
            self._closed.add(execution_id)
            sender = self._senders.get(execution_id)
            return None if sender is None else sender.signal

    def drop(self, execution_id: ExecutionId) -> None:
        """The execution's outcome is stored: forgets it. It need not be registered."""
        with self._lock:
            self._senders.pop(execution_id, None)
            self._closed.discard(execution_id)

    def __contains__(self, execution_id: ExecutionId) -> bool:
        """Whether the execution is registered."""
        with self._lock:
            return execution_id in self._senders

    def __len__(self) -> int:
        """How many executions are registered."""
        with self._lock:
            return len(self._senders)
