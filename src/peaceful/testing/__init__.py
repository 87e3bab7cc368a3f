"""Fakes of the framework's ports, for people's own tests: in memory, without waiting."""

from peaceful.testing._execution_store import MemoryExecutionStore

__all__ = [
    "MemoryExecutionStore",
]
