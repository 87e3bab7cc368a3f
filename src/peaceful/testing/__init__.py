"""Helpers for tests of items and flows: harnesses, and in-memory fakes of stores and clocks."""

from peaceful.testing._conformance import check_item
from peaceful.testing._fakes import ManualClock, MemoryStateStore, RecordingSink
from peaceful.testing._harness import FlowHarness, ItemHarness, run_item

__all__ = [
    "FlowHarness",
    "ItemHarness",
    "ManualClock",
    "MemoryStateStore",
    "RecordingSink",
    "check_item",
    "run_item",
]
