"""What is said over a control socket: a JSON object a line, in both directions.

```
→ {"request": "interrupt", "signal": {"level", "source", "requested_at", "reason"}}
← {"ok": {"result": "accepted" | "unchanged" | "too_late", "signal": …, "first": …}}
→ {"request": "snapshot"}
← {"ok": {…}}
→ {"request": "events"}
← {"event": "snapshot", "snapshot": {…}}, then an event a line, until the execution has ended
← {"error": {"code", "message", "help"}}, in place of any of these
```
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from peaceful.executions._signal import signal_from_json
from peaceful.interrupt import SendResult
from peaceful.model import InterruptSignal, JsonValue, to_json

LONGEST_REQUEST: Final = 64 * 1024
"""How many bytes a request may have."""


@dataclass(frozen=True, slots=True)
class InterruptRequest:
    """To interrupt the execution."""

    signal: InterruptSignal


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """To tell how everything stands now."""


@dataclass(frozen=True, slots=True)
class EventsRequest:
    """To tell how everything stands now, and then whatever happens."""


ControlRequest: TypeAlias = InterruptRequest | SnapshotRequest | EventsRequest


@dataclass(frozen=True, slots=True)
class InterruptAnswer:
    """What became of a request to interrupt.

    Attributes:
        result: whether it changed anything.
        signal: the signal that is latched now: that of the highest level; or none.
        first: the signal that was accepted first, or none.
    """

    result: SendResult
    signal: InterruptSignal | None
    first: InterruptSignal | None


def parsed_request(line: bytes) -> ControlRequest:
    """The request that a line holds.

    Raises:
        ValueError: it holds none; the text says why.
    """
    message = parsed_line(line)
    match message.get("request"):
        case "interrupt":
            return InterruptRequest(signal_from_json(message.get("signal")))
        case "snapshot":
            return SnapshotRequest()
        case "events":
            return EventsRequest()
        case _:
            raise ValueError("a request is one of interrupt, snapshot, events")


def request_line(request: ControlRequest) -> bytes:
    """The line that holds a request."""
    match request:
        case InterruptRequest(signal):
            return line_of({"request": "interrupt", "signal": to_json(signal)})
        case SnapshotRequest():
            return line_of({"request": "snapshot"})
        case EventsRequest():
            return line_of({"request": "events"})


def parsed_answer(value: JsonValue) -> InterruptAnswer:
    """The answer to a request to interrupt.

    Raises:
        ValueError: it is not one.
    """
    if not isinstance(value, Mapping):
        raise ValueError("an answer is an object")  # noqa: TRY004 - it is data, not a wrong call
    signal, first = (
        None if each is None else signal_from_json(each)
        for each in (value.get("signal"), value.get("first"))
    )
    return InterruptAnswer(SendResult(value.get("result")), signal, first)


def answer_json(answer: InterruptAnswer) -> JsonValue:
    """The answer as JSON."""
    return {
        "result": answer.result.value,
        "signal": to_json(answer.signal),
        "first": to_json(answer.first),
    }


def error_line(code: str, message: str, help: str) -> bytes:
    """The line that says what is wrong with a request."""
    return line_of({"error": {"code": code, "message": message, "help": help}})


def line_of(message: Mapping[str, JsonValue]) -> bytes:
    """A message as a line."""
    return json.dumps(message, separators=(",", ":"), default=dict).encode() + b"\n"


def parsed_line(line: bytes) -> Mapping[str, JsonValue]:
    """The message of a line.

    Raises:
        ValueError: it is not a JSON object.
    """
    try:
        message: JsonValue = json.loads(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(message, Mapping):
        raise ValueError("a message is a JSON object")  # noqa: TRY004 - it is data, not a wrong call
    return message
