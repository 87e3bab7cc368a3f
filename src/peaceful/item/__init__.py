"""What people extend and are given: `Item`, its context, and how states are compared."""

from peaceful.item._child import CAPTURED
from peaceful.item._child_order import ChildResult
from peaceful.item._children import Children
from peaceful.item._ctx import ItemCtx
from peaceful.item._diff import Change, StateDiff, field_wise_diff
from peaceful.item._files import write_atomically
from peaceful.item._interrupt_flag import InterruptFlag
from peaceful.item._item import AnyItem, Item
from peaceful.item._progress import ProgressReporter
from peaceful.item._reference_check import checked_references
from peaceful.item._resolution import (
    Unresolvable,
    checked_state,
    example_of,
    partially_resolved,
    resolved,
    specs_of,
    stored_params,
)
from peaceful.item._retry import Backoff
from peaceful.item._safe_point import Passed, StoppedAtSafePoint
from peaceful.item._scope import ExecutionScope
from peaceful.item._stored_values import with_stored_values

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
