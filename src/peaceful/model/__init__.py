"""Frozen data that every floor shares: names, signals, progress, events, outcomes and more.

No behaviour beyond reading itself, no I/O, nothing heavy to import. `State`, the base of items'
states, is in `peaceful.model.state`, because it needs pydantic. Names are loaded when they are
used: to make them all takes as long as to load click, and `--help` needs few of them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from peaceful._late import late

if TYPE_CHECKING:
    from peaceful.model._clock import Clock
    from peaceful.model._document import TOLD, failure_document, kept_document, outcome_document
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
    from peaceful.model._execution import (
        EXECUTION_VARIABLE,
        ExecutionInfo,
        ExecutionState,
        StartedBy,
    )
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
    "TOLD",
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
    "kept_document",
    "outcome_document",
    "outcome_kind",
    "to_json",
]

_HOMES = {
    "BlockEnded": "peaceful.model._event",
    "BlockInterrupted": "peaceful.model._outcome",
    "BlockStarted": "peaceful.model._event",
    "Clock": "peaceful.model._clock",
    "CmdOutcome": "peaceful.model._outcome",
    "Complete": "peaceful.model._outcome",
    "EXECUTION_VARIABLE": "peaceful.model._execution",
    "Event": "peaceful.model._event",
    "ExecutionEnded": "peaceful.model._event",
    "ExecutionId": "peaceful.model._names",
    "ExecutionInfo": "peaceful.model._execution",
    "ExecutionInterrupted": "peaceful.model._outcome",
    "ExecutionStarted": "peaceful.model._event",
    "ExecutionState": "peaceful.model._execution",
    "FlowId": "peaceful.model._names",
    "Interaction": "peaceful.model._location",
    "InterruptLevel": "peaceful.model._interrupt",
    "InterruptRequested": "peaceful.model._event",
    "InterruptSignal": "peaceful.model._interrupt",
    "InterruptSource": "peaceful.model._interrupt",
    "ItemEnded": "peaceful.model._event",
    "ItemError": "peaceful.model._outcome",
    "ItemId": "peaceful.model._names",
    "ItemProgressed": "peaceful.model._event",
    "ItemResult": "peaceful.model._outcome",
    "ItemStarted": "peaceful.model._event",
    "ItemStatus": "peaceful.model._outcome",
    "JsonValue": "peaceful.model._json",
    "Location": "peaceful.model._location",
    "LocationKind": "peaceful.model._location",
    "NAME_RULE": "peaceful.model._names",
    "OutcomeKind": "peaceful.model._outcome",
    "ProfileName": "peaceful.model._names",
    "Progress": "peaceful.model._progress",
    "ProgressUnit": "peaceful.model._progress",
    "Pull": "peaceful.model._location",
    "Push": "peaceful.model._location",
    "StartedBy": "peaceful.model._execution",
    "Timings": "peaceful.model._outcome",
    "Within": "peaceful.model._location",
    "checked_app_name": "peaceful.model._names",
    "checked_name": "peaceful.model._names",
    "event_json": "peaceful.model._event",
    "execution_id": "peaceful.model._names",
    "TOLD": "peaceful.model._document",
    "failure_document": "peaceful.model._document",
    "kept_document": "peaceful.model._document",
    "outcome_document": "peaceful.model._document",
    "outcome_kind": "peaceful.model._outcome",
    "to_json": "peaceful.model._json",
}
"""By name, the module that it is in."""

__getattr__: Callable[[str], object] = late(globals(), _HOMES)
