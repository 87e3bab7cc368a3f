"""What people extend and are given: `Item`, its context, and how states are compared."""

from peaceful.item._child import CAPTURED, Children, ChildResult
from peaceful.item._ctx import ExecutionScope, ItemCtx
from peaceful.item._diff import Change, StateDiff, field_wise_diff
from peaceful.item._files import write_atomically
from peaceful.item._item import AnyItem, Item, checked_references
from peaceful.item._progress import ProgressReporter
from peaceful.item._resolution import (
    Unresolvable,
    checked_state,
    example_of,
    partially_resolved,
    resolved,
    specs_of,
    stored_params,
    with_stored_values,
)
from peaceful.item._retry import Backoff
from peaceful.item._safe_point import InterruptFlag, Passed, StoppedAtSafePoint

__all__ = [
    "CAPTURED",
    "AnyItem",
    "Backoff",
    "Change",
    "ChildResult",
    "Children",
    "ExecutionScope",
    "InterruptFlag",
    "Item",
    "ItemCtx",
    "Passed",
    "ProgressReporter",
    "StateDiff",
    "StoppedAtSafePoint",
    "Unresolvable",
    "checked_references",
    "checked_state",
    "example_of",
    "field_wise_diff",
    "partially_resolved",
    "resolved",
    "specs_of",
    "stored_params",
    "with_stored_values",
    "write_atomically",
]
