"""The protocol of control sockets: a JSON object a line, in both directions.

```
→ {"request": "interrupt", "signal": {"level", "source", "requested_at", "reason"}}
← {"ok": {"result": "accepted" | "unchanged" | "too_late", "signal": …, "first": …}}
→ {"request": "snapshot"}
← {"ok": {…}}
→ {"request": "approve", "item": …, "reply": {"approve", "by", "comment", "question"}}
← {"ok": {"accepted": true | false, "approval": …, "asking": {…}}}
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
from peaceful._model.codec import ItemId, decode_json, encode_json
from peaceful._model.execution import Reply
from peaceful._model.interrupt import InterruptSignal
from peaceful.interrupt import SendResult

T = TypeVar("T")

LONGEST_REQUEST: Final = 64 * 1024
"""Size in bytes of the longest request."""


class InterruptRequest(msgspec.Struct, frozen=True, tag_field="request", tag="interrupt"):
    """Interrupt the execution."""

    signal: InterruptSignal


class SnapshotRequest(msgspec.Struct, frozen=True, tag_field="request", tag="snapshot"):
    """Return a snapshot."""


class EventsRequest(msgspec.Struct, frozen=True, tag_field="request", tag="events"):
    """Send a snapshot, then events."""


class ApproveRequest(msgspec.Struct, frozen=True, tag_field="request", tag="approve"):
    """Answer what an item asks."""

    item: ItemId
    reply: Reply


ControlRequest: TypeAlias = InterruptRequest | SnapshotRequest | EventsRequest | ApproveRequest


class InterruptAnswer(msgspec.Struct, frozen=True):
    """The answer to a request to interrupt: what it did, the latched signal, and the first one."""

    result: SendResult
    signal: InterruptSignal | None
    first: InterruptSignal | None


class _Reply(msgspec.Struct):
    ok: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: ErrorJson | None = None


def line_of(message: object) -> bytes:
    return encode_json(message) + b"\n"


def parse_request(line: bytes) -> ControlRequest:
    """Return the request in a line, or raise `ValueError` with the reason."""
    request = decode_json(line, cast("type[ControlRequest]", ControlRequest))
    if isinstance(request, InterruptRequest):
        cut = cut_reason(request.signal.reason)
        return InterruptRequest(replace(request.signal, reason=cut))
    return request


def parse_answer(line: bytes, kind: type[T]) -> T:
    """Return the answer in a line; raise `ValueError` for a refusal or none."""
    reply = decode_json(line, _Reply)
    if reply.error is not None:
        raise ValueError(reply.error.message)
    if isinstance(reply.ok, msgspec.UnsetType):
        raise ValueError("the answer has no result")  # noqa: TRY004 - it is data, not a wrong call
    return decode_json(bytes(reply.ok), kind)


def refusal_in(line: bytes) -> str | None:
    """Return why a request was refused, or None if the line does not say."""
    try:
        error = decode_json(line, _Reply).error
    except ValueError:
        return None
    return None if error is None else error.message
