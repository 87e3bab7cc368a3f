"""The last event of an execution, made from what the register has stored of it."""

from __future__ import annotations

from datetime import datetime

from peaceful.executions import ExecutionRecord, JsonObject
from peaceful.model import ExecutionState, JsonValue, OutcomeKind, to_json
from peaceful.web._live._feed import LAST
from peaceful.web._live._picture import object_of

_LOST: JsonObject = {
    "code": "EXECUTION-LOST",
    "message": "Its process ended without writing an ending: killed, or the machine went down.",
    "help": "run the same command again: it carries on from there",
}


def ending_of(record: ExecutionRecord) -> JsonObject | None:
    """The last event of an execution that has ended; none where it has not."""
    if not record.state.ended:
        return None
    lost = record.state is ExecutionState.LOST
    summary, outcome = record.summary, record.outcome or {}
    kind = None if lost or summary is None else summary.outcome or OutcomeKind.ERROR
    return {
        "event": LAST,
        "at": to_json(record.info.ended_at),
        "execution_id": record.id,
        "outcome": None if kind is None else kind.value,
        "counts": {} if summary is None else to_json(summary.counts),
        "interrupt": to_json(record.info.interrupt),
        "error": _LOST if lost else object_of(outcome, "errors").get(""),
        "state": record.state.value,
    }


def picture_of(record: ExecutionRecord) -> dict[str, JsonValue]:
    """How everything stood at the end of an execution, in the form of `Picture.to_json`."""
    items = record.items
    return {
        "execution": to_json(record.info),
        "items": list(items),
        "waits_for": {},
        "block": "",
        "block_items": [],
        "waiting": 0,
        "running": {},
        "since": {},
        "ended": items,
        "interrupt": to_json(record.info.interrupt),
        "ending": ending_of(record),
    }


def microseconds(moment: datetime) -> int:
    """A moment as an ID of an event: in microseconds since 1970."""
    return int(moment.timestamp() * 1_000_000)
