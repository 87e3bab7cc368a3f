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

from dataclasses import replace
from typing import Final, TypeAlias, TypeVar, cast

import msgspec

from peaceful._errors.json import ErrorJson
from peaceful._executions.records import cut_reason
from peaceful._model.codec import decode_json, encode_json
from peaceful._model.interrupt import InterruptSignal
from peaceful.interrupt import SendResult

T = TypeVar("T")

LONGEST_REQUEST: Final = 64 * 1024
"""How many bytes a request may have."""


class InterruptRequest(msgspec.Struct, frozen=True, tag_field="request", tag="interrupt"):
    """To interrupt the execution."""

    signal: InterruptSignal


class SnapshotRequest(msgspec.Struct, frozen=True, tag_field="request", tag="snapshot"):
    """To tell how everything stands now."""


class EventsRequest(msgspec.Struct, frozen=True, tag_field="request", tag="events"):
    """To tell how everything stands now, and then whatever happens."""


ControlRequest: TypeAlias = InterruptRequest | SnapshotRequest | EventsRequest


class InterruptAnswer(msgspec.Struct, frozen=True):
    """What became of a request to interrupt.

    Attributes:
        result: whether it changed anything.
        signal: the signal that is latched now: that of the highest level; or none.
        first: the signal that was accepted first, or none.
    """

    result: SendResult
    signal: InterruptSignal | None
    first: InterruptSignal | None


class Done(msgspec.Struct, frozen=True):
    """That a request was served.

    Attributes:
        ok: the answer.
    """

    ok: object


class Refused(msgspec.Struct, frozen=True):
    """That a request is not served.

    Attributes:
        error: why not.
    """

    error: ErrorJson


class _Reply(msgspec.Struct):
    ok: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: ErrorJson | None = None


def line_of(message: object) -> bytes:
    """Return the line that holds a message."""
    return encode_json(message) + b"\n"


def parsed_request(line: bytes) -> ControlRequest:
    """Return the request that a line holds.

    Raises:
        ValueError: it holds none; the text says why.
    """
    request = decode_json(line, cast("type[ControlRequest]", ControlRequest))
    if isinstance(request, InterruptRequest):
        signal = request.signal
        cut = replace(signal, reason=cut_reason(signal.reason))
        return InterruptRequest(cut)
    return request


def parsed_answer(line: bytes, kind: type[T]) -> T:
    """Return the answer that a line holds.

    Raises:
        ValueError: it holds none, or a refusal; the text says why.
    """
    reply = decode_json(line, _Reply)
    if reply.error is not None:
        raise ValueError(reply.error.message)
    if isinstance(reply.ok, msgspec.UnsetType):
        raise ValueError("the answer has no result")  # noqa: TRY004 - it is data, not a wrong call
    return decode_json(bytes(reply.ok), kind)


def refusal_in(line: bytes) -> str | None:
    """Return why a request is not served; none where the line does not say."""
    error = decode_json(line, _Reply).error
    return None if error is None else error.message
