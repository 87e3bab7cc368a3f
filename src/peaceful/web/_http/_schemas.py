"""What documents of the API hold, as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from peaceful.model import (
    INTERRUPT_LEVELS,
    ExecutionState,
    InterruptSource,
    ItemStatus,
    JsonValue,
    LocationKind,
)
from peaceful.web._http._start import COMMANDS
from peaceful.web._http._views import PENDING, RUNNING

_TEXT: Final[JsonValue] = {"type": "string"}
_NAME: Final[JsonValue] = {"type": "string", "maxLength": 100}
_TEXTS: Final[JsonValue] = {"type": "array", "items": _TEXT}
_MOMENT: Final[JsonValue] = {"type": "string", "format": "date-time"}
_ID: Final[JsonValue] = {"type": "string", "format": "uuid"}
_ANY: Final[JsonValue] = {}
_LEVEL: Final[JsonValue] = {"enum": [*INTERRUPT_LEVELS]}
_BY_NAME: Final[JsonValue] = {"type": "object", "additionalProperties": True}


def _object(*needed: str, **properties: JsonValue) -> Mapping[str, JsonValue]:
    return {"type": "object", "properties": properties, "required": list(needed)}


def _closed(described: Mapping[str, JsonValue]) -> JsonValue:
    """An object without other entries, for what is sent to the server."""
    return {**described, "additionalProperties": False}


def _all(**properties: JsonValue) -> Mapping[str, JsonValue]:
    """An object in which all of these are."""
    return _object(*properties, **properties)


def _list_of(each: JsonValue) -> JsonValue:
    return {"type": "array", "items": each}


def _or_none(each: JsonValue) -> JsonValue:
    return {"anyOf": [each, {"type": "null"}]}


def ref(name: str) -> JsonValue:
    """Another schema, by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


_SIGNAL: Final = _all(
    level=_LEVEL,
    source={"enum": [each.value for each in InterruptSource]},
    requested_at=_MOMENT,
    reason=_or_none(_TEXT),
)

_EXECUTION: Final[Mapping[str, JsonValue]] = {
    "id": _ID,
    "app": _TEXT,
    "profile": _NAME,
    "flow": _NAME,
    "command": _TEXT,
    "started_by": _all(user=_TEXT, host=_TEXT, pid={"type": "integer"}, door=_TEXT),
    "started_at": _MOMENT,
    "ended_at": _or_none(_MOMENT),
    "state": {"enum": [each.value for each in ExecutionState]},
    "interrupt": _or_none(_SIGNAL),
    "can_interrupt": {"type": "boolean"},
    "dry_run": {"type": "boolean"},
    "only": _TEXTS,
    "summary": _or_none(_BY_NAME),
    "outcome": _or_none(_BY_NAME),
}

_ITEM: Final = _object(
    "status",
    "state",
    "message",
    status={"enum": [*(each.value for each in ItemStatus), PENDING, RUNNING]},
    state=_ANY,
    message=_TEXT,
    shown=_TEXT,
    seconds={"type": "number"},
    progress=_or_none(_BY_NAME),
)

_FLOW: Final[Mapping[str, JsonValue]] = {"id": _NAME, "help": _TEXT, "parameters": _BY_NAME}
_NODES: Final = _list_of(_all(id=_NAME, kind=_TEXT, inside=_or_none(_TEXT), waits_for=_TEXTS))
_EDGES: Final = _list_of(_all(source=_NAME, target=_NAME, kind={"enum": ["logic", "contains"]}))

SCHEMAS: Final[Mapping[str, JsonValue]] = {
    "Start": _closed(
        _object(
            "profile",
            "flow",
            "command",
            profile=_NAME,
            flow=_NAME,
            command={"enum": list(COMMANDS)},
            dry_run={"type": "boolean", "default": False},
            only=_list_of(_NAME),
            params=_BY_NAME,
        )
    ),
    "Interrupt": _closed(_object(level=_LEVEL, reason=_or_none(_TEXT))),
    "Interrupted": _all(
        execution_id=_ID, state={"const": "interrupting"}, level=_LEVEL, requested_at=_MOMENT
    ),
    "Execution": _all(**_EXECUTION, items={"type": "object", "additionalProperties": ref("Item")}),
    "ExecutionInfo": _all(**_EXECUTION),
    "ExecutionPage": _all(executions=_list_of(ref("ExecutionInfo")), cursor=_or_none(_ID)),
    "Item": _ITEM,
    "Picture": _all(
        execution=_or_none(_BY_NAME),
        items=_TEXTS,
        waits_for={"type": "object", "additionalProperties": _TEXTS},
        block=_TEXT,
        block_items=_TEXTS,
        waiting={"type": "integer"},
        running=_BY_NAME,
        since=_BY_NAME,
        ended=_BY_NAME,
        interrupt=_or_none(_BY_NAME),
        ending=_or_none(_BY_NAME),
    ),
    "Flow": _all(**_FLOW),
    "Flows": _all(app=_TEXT, flows=_list_of(ref("Flow"))),
    "FlowWithItems": _all(
        **_FLOW, items=_or_none(_NODES), edges=_or_none(_EDGES), why=_or_none(_BY_NAME)
    ),
    "Graph": _object(
        "flow",
        "kind",
        "items",
        "edges",
        "statuses",
        flow=_NAME,
        kind={"enum": ["progress", "outcome"]},
        items=_NODES,
        edges=_EDGES,
        statuses=_BY_NAME,
        places=_list_of(
            _all(
                id=_TEXT,
                name=_TEXT,
                kind={"enum": [each.value for each in LocationKind]},
                inside=_or_none(_TEXT),
                by_example={"type": "boolean"},
            )
        ),
        acts=_list_of(_all(item=_NAME, source=_TEXT, target=_TEXT)),
        without_places={"type": "object", "additionalProperties": _TEXT},
    ),
    "Profiles": _all(profiles=_list_of(_NAME)),
    "States": _all(
        profile=_NAME,
        flow=_NAME,
        kind=_TEXT,
        states=_BY_NAME,
        shown={"type": "object", "additionalProperties": _TEXT},
        in_progress_since=_BY_NAME,
        not_in_flow=_TEXTS,
    ),
    "Diffs": _all(profile=_NAME, flow=_NAME, diffs=_BY_NAME, unknown=_BY_NAME),
    "Status": _all(status={"const": "ok"}),
    "Problem": _object(
        "type",
        "title",
        "status",
        "detail",
        "code",
        "help",
        "details",
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        code=_TEXT,
        help=_TEXT,
        details=_list_of(_all(label=_TEXT, text=_TEXT)),
        errors=_list_of(_all(field=_TEXT, reason=_TEXT, origin=_TEXT)),
        execution=_or_none(ref("Execution")),
        outcome=_or_none(_BY_NAME),
    ),
}
"""By name."""
