"""Helpers for tests of items and flows: harnesses, and in-memory fakes of stores and clocks."""

from peaceful.testing._clock import ManualClock
from peaceful.testing._harness import Command, FlowHarness, ItemHarness, run_item
from peaceful.testing._sink import RecordingSink
from peaceful.testing._state_store import MemoryStateStore

__all__ = [
    "Command",
    "FlowHarness",
    "ItemHarness",
    "ManualClock",
    "MemoryStateStore",
    "RecordingSink",
    "run_item",
]
