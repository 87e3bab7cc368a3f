"""The log of what happens in the server's executions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from peaceful._model.event import (
    Event,
    ExecutionEnded,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
)
from peaceful._model.execution import ExecutionInfo
from peaceful._model.outcome import ItemStatus
from peaceful._present.numbers import duration
from peaceful._present.text import one_line

_LOG = logging.getLogger("peaceful.web.executions")

_LONGEST: Final = 300
"""Characters of a text from elsewhere."""


class LogSink:
    """An `OutputSink` that logs the start, interrupts, failed items and the end of an execution.

    Records have the field `execution_id`, and `item_id` if they are about an item.
    """

    def __init__(self) -> None:
        self._info: ExecutionInfo | None = None

    def receive(self, events: Sequence[Event]) -> None:
        """Log events."""
        for event in events:
            if isinstance(event, ExecutionStarted):
                self._info = event.execution
            if self._info is not None:
                _log_event(event, self._info)

    def close(self) -> None:
        """Do nothing: there is nothing to end."""


def _log_event(event: Event, info: ExecutionInfo) -> None:
    match event:
        case ExecutionStarted():
            _log(
                logging.INFO,
                info,
                f"started: {info.command} of {info.profile}, {info.flow}, by {info.started_by}",
                command=info.command,
                profile=info.profile,
                flow=info.flow,
            )
        case InterruptRequested(signal=signal):
            reason = "" if signal.reason is None else f": “{_clean(signal.reason)}”"
            level, source = str(signal.level), signal.source.value
            fields = {"interrupt_level": level, "interrupt_source": source}
            _log(logging.INFO, info, f"interrupt accepted: {level}, by {source}{reason}", **fields)
        case ItemEnded(item=item, status=ItemStatus.FAILED, message=message):
            _log(logging.WARNING, info, f"{item} failed: {_clean(message)}", item_id=item)
        case ExecutionEnded(error=error, outcome=outcome):
            seconds = (event.at - info.started_at).total_seconds()
            why = "" if error is None else f": {_clean(error.message)}"
            _log(
                logging.INFO if error is None else logging.WARNING,
                info,
                f"{event.state} after {duration(seconds)}{why}",
                outcome="" if outcome is None else outcome.value,
                seconds=round(seconds, 3),
            )
        case _:
            pass


def _log(severity: int, info: ExecutionInfo, text: str, /, **fields: object) -> None:
    message = f"execution {info.id} {one_line(text, 2 * _LONGEST)}"
    _LOG.log(severity, "%s", message, extra={"execution_id": info.id, **fields})


def _clean(text: str) -> str:
    return one_line(text, _LONGEST)
