"""What happens in executions, told in the server's log."""

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
    """Logs what happens in one execution: an `OutputSink`.

    That is its beginning, interrupts, failed items, and its end. Records have the fields
    `execution_id`, and `item_id` where they are about an item. Texts that come from elsewhere are
    made safe for a line.
    """

    def __init__(self) -> None:
        self._info: ExecutionInfo | None = None

    def receive(self, events: Sequence[Event]) -> None:
        """Logs events."""
        for event in events:
            if isinstance(event, ExecutionStarted):
                self._info = event.execution
                _log_start(event.execution)
            elif self._info is not None:
                _log_event(event, self._info)

    def close(self) -> None:
        """There is nothing to end."""


def _log_start(info: ExecutionInfo) -> None:
    _log(
        logging.INFO,
        info,
        f"started: {info.command} of {info.profile}, {info.flow}, by {info.started_by}",
        command=info.command,
        profile=info.profile,
        flow=info.flow,
    )


def _log_event(event: Event, info: ExecutionInfo) -> None:
    match event:
        case InterruptRequested(signal=signal):
            said = "" if signal.reason is None else f": “{_clean(signal.reason)}”"
            level, source = str(signal.level), signal.source.value
            fields = {"interrupt_level": level, "interrupt_source": source}
            _log(logging.INFO, info, f"interrupt accepted: {level}, by {source}{said}", **fields)
        case ItemEnded(item=item, status=ItemStatus.FAILED, message=message):
            _log(logging.WARNING, info, f"{item} failed: {_clean(message)}", item_id=item)
        case ExecutionEnded():
            _log_end(event, info)
        case _:
            pass


def _log_end(event: ExecutionEnded, info: ExecutionInfo) -> None:
    seconds = (event.at - info.started_at).total_seconds()
    why = "" if event.error is None else f": {_clean(event.error.message)}"
    _log(
        logging.INFO if event.error is None else logging.WARNING,
        info,
        f"{event.state} after {duration(seconds)}{why}",
        outcome="" if event.outcome is None else event.outcome.value,
        seconds=round(seconds, 3),
    )


def _log(severity: int, info: ExecutionInfo, text: str, /, **fields: object) -> None:
    message = f"execution {info.id} {one_line(text, 2 * _LONGEST)}"
    _LOG.log(severity, "%s", message, extra={"execution_id": info.id, **fields})


def _clean(text: str) -> str:
    return one_line(text, _LONGEST)
