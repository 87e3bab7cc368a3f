"""What happens in executions, told in the server's log."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

from peaceful.executions import JsonObject, ProgressSource
from peaceful.model import ExecutionInfo, JsonValue
from peaceful.present import duration, one_line
from peaceful.web._live._picture import object_of, state_after

_LOG = logging.getLogger("peaceful.web.executions")

_LONGEST: Final = 300
"""Characters of a text from elsewhere."""


class LoggedSource:
    """Logs what its one reader is told of an execution.

    That is its beginning, interrupts, failed items, and its end. Records have the fields
    `execution_id`, and `item_id` where they are about an item. Texts that come from elsewhere are
    made safe for a line.

    Args:
        inner: tells what happens.
        info: of the execution.
    """

    def __init__(self, inner: ProgressSource, info: ExecutionInfo) -> None:
        self._inner = inner
        self._info = info

    def snapshot(self) -> JsonValue:
        """How everything stands now."""
        return self._inner.snapshot()

    def subscribe(self) -> AsyncIterator[JsonObject]:
        """The events from now on."""
        info = self._info
        _log(
            logging.INFO,
            info,
            f"started: {info.command} of {info.profile}, {info.flow}, by {info.started_by}",
            command=info.command,
            profile=info.profile,
            flow=info.flow,
        )
        return _logged(self._inner.subscribe(), info)


async def _logged(
    events: AsyncIterator[JsonObject], info: ExecutionInfo
) -> AsyncIterator[JsonObject]:
    async for event in events:
        tell = _TOLD.get(str(event.get("event")))
        if tell is not None:
            tell(event, info)
        yield event


def _interrupted(event: JsonObject, info: ExecutionInfo) -> None:
    signal = object_of(event, "signal")
    level, source, reason = str(signal["level"]), str(signal["source"]), signal["reason"]
    said = "" if reason is None else f": “{_clean(reason)}”"
    fields = {"interrupt_level": level, "interrupt_source": source}
    _log(logging.INFO, info, f"interrupt accepted: {level}, by {source}{said}", **fields)


def _item_ended(event: JsonObject, info: ExecutionInfo) -> None:
    if event["status"] == "failed":
        item = str(event["item"])
        why = _clean(event["message"])
        _log(logging.WARNING, info, f"{item} failed: {why}", item_id=item)


def _ended(event: JsonObject, info: ExecutionInfo) -> None:
    seconds = (datetime.fromisoformat(str(event["at"])) - info.started_at).total_seconds()
    state = state_after(event)
    error = event.get("error")
    why = f": {_clean(object_of(event, 'error').get('message'))}" if error else ""
    _log(
        logging.WARNING if error else logging.INFO,
        info,
        f"{state} after {duration(seconds)}{why}",
        outcome=str(event["outcome"]),
        seconds=round(seconds, 3),
    )


_TOLD: Final[dict[str, Callable[[JsonObject, ExecutionInfo], None]]] = {
    "interrupt_requested": _interrupted,
    "item_ended": _item_ended,
    "execution_ended": _ended,
}


def _log(severity: int, info: ExecutionInfo, text: str, /, **fields: object) -> None:
    message = f"execution {info.id} {one_line(text, 2 * _LONGEST)}"
    _LOG.log(severity, "%s", message, extra={"execution_id": info.id, **fields})


def _clean(text: JsonValue) -> str:
    return one_line(str(text), _LONGEST)
