"""Frozen data that every floor shares: names, signals, progress, events, outcomes and more.

No behaviour beyond reading itself, no I/O, nothing heavy to import. `State`, the base of items'
states, is in `peaceful.model.state`, because it needs pydantic.
"""

from peaceful.model._clock import Clock
from peaceful.model._document import failure_document, outcome_document
from peaceful.model._event import (
    BlockEnded,
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    event_json,
)
from peaceful.model._execution import EXECUTION_VARIABLE, ExecutionInfo, ExecutionState, StartedBy
from peaceful.model._interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful.model._json import JsonValue, to_json
from peaceful.model._location import Interaction, Location, LocationKind, Pull, Push, Within
from peaceful.model._names import (
    NAME_RULE,
    ExecutionId,
    FlowId,
    ItemId,
    ProfileName,
    checked_app_name,
    checked_name,
    execution_id,
)
from peaceful.model._outcome import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    ExecutionInterrupted,
    ItemError,
    ItemResult,
    ItemStatus,
    OutcomeKind,
    Timings,
    outcome_kind,
)
from peaceful.model._progress import Progress, ProgressUnit

__all__ = [
    "EXECUTION_VARIABLE",
    "NAME_RULE",
    "BlockEnded",
    "BlockInterrupted",
    "BlockStarted",
    "Clock",
    "CmdOutcome",
    "Complete",
    "Event",
    "ExecutionEnded",
    "ExecutionId",
    "ExecutionInfo",
    "ExecutionInterrupted",
    "ExecutionStarted",
    "ExecutionState",
    "FlowId",
    "Interaction",
    "InterruptLevel",
    "InterruptRequested",
    "InterruptSignal",
    "InterruptSource",
    "ItemEnded",
    "ItemError",
    "ItemId",
    "ItemProgressed",
    "ItemResult",
    "ItemStarted",
    "ItemStatus",
    "JsonValue",
    "Location",
    "LocationKind",
    "OutcomeKind",
    "ProfileName",
    "Progress",
    "ProgressUnit",
    "Pull",
    "Push",
    "StartedBy",
    "Timings",
    "Within",
    "checked_app_name",
    "checked_name",
    "event_json",
    "execution_id",
    "failure_document",
    "outcome_document",
    "outcome_kind",
    "to_json",
]
