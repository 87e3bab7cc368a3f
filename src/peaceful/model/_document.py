"""The JSON document of a command: one form for the terminal, the web and the register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from peaceful.errors import PeacefulError
from peaceful.model._execution import ExecutionInfo
from peaceful.model._interrupt import InterruptSignal
from peaceful.model._json import JsonValue, to_json
from peaceful.model._names import ItemId
from peaceful.model._outcome import (
    CmdOutcome,
    ItemError,
    ItemResult,
    ItemStatus,
    OutcomeKind,
    Timings,
    outcome_kind,
)

_NONE_ENDED: Final[Mapping[ItemId, ItemResult]] = {}
TOLD: Final = "told"
"""Where a register keeps what is not part of the document."""

_NOT_STARTED: Final = ItemResult(ItemStatus.NOT_STARTED)


def outcome_document(
    execution: ExecutionInfo, items: Sequence[ItemId], outcome: CmdOutcome[object]
) -> dict[str, JsonValue]:
    """How an execution ended, as a JSON object.

    Args:
        execution: who ran what.
        items: every item of the flow, in order; what the outcome does not know was not started.
        outcome: how it ended.
    """
    errors: Mapping[ItemId, PeacefulError] = (
        outcome.errors if isinstance(outcome, ItemError) else {}
    )
    return _document(
        execution,
        outcome_kind(outcome),
        outcome.interrupt,
        # Of items that have left the flow, the outcome may know too.
        {item: _item(outcome.items.get(item)) for item in (*items, *outcome.items)},
        errors,
        outcome.timings,
    )


def failure_document(
    execution: ExecutionInfo,
    items: Sequence[ItemId],
    error: PeacefulError,
    interrupt: InterruptSignal | None,
    timings: Timings,
    results: Mapping[ItemId, ItemResult] = _NONE_ENDED,
) -> dict[str, JsonValue]:
    """How an execution ended that failed as a whole; its error is under an empty name.

    Args:
        execution: who ran what.
        items: every item of the flow, in order.
        error: what it failed with.
        interrupt: the latched signal, or none.
        timings: when it ran.
        results: how items had ended before it failed; the others were not started.
    """
    return _document(
        execution,
        OutcomeKind.ERROR,
        interrupt,
        {item: _item(results.get(item)) for item in (*items, *results)},
        {"": error},
        timings,
    )


def kept_document(
    document: Mapping[str, JsonValue], results: Mapping[ItemId, ItemResult]
) -> dict[str, JsonValue]:
    """The document of an execution as a register keeps it: with what only pages tell besides.

    Args:
        document: how it ended.
        results: how its items did.

    Returns:
        The document, and under `told`, by item, `shown` (its state in a few words) and `seconds`
        (how long it was in progress).
    """
    told: dict[str, JsonValue] = {
        item: {"shown": result.shown, "seconds": round(result.seconds, 3)}
        for item, result in results.items()
        if result.shown or result.seconds
    }
    return {**document, TOLD: told}


def _document(
    execution: ExecutionInfo,
    kind: OutcomeKind,
    interrupt: InterruptSignal | None,
    items: dict[str, JsonValue],
    errors: Mapping[ItemId, PeacefulError],
    timings: Timings,
) -> dict[str, JsonValue]:
    return {
        "execution_id": execution.id,
        "app": execution.app,
        "profile": execution.profile,
        "flow": execution.flow,
        "command": execution.command,
        "outcome": str(kind),
        "interrupt": to_json(interrupt),
        "items": items,
        "errors": {item: cast(JsonValue, dict(error.to_json())) for item, error in errors.items()},
        "started_at": to_json(timings.started_at),
        "ended_at": to_json(timings.ended_at),
    }


def _item(result: ItemResult | None) -> dict[str, JsonValue]:
    result = result or _NOT_STARTED
    return {"status": str(result.status), "state": result.state, "message": result.message}
