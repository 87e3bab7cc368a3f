"""The calls about executions: start, list, look at, interrupt, watch."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from peaceful.errors import AlreadyEnded, NotInterruptible, PeacefulError, ProfileBusy
from peaceful.executions import ExecutionRecord, Executions, InterruptSenders, JsonObject
from peaceful.interrupt import SendResult
from peaceful.model import (
    ExecutionId,
    ExecutionState,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
    to_json,
)
from peaceful.resources import Resources
from peaceful.runtime import in_thread
from peaceful.web._bodies import json_body, wrong_field
from peaceful.web._endings import microseconds, picture_of
from peaceful.web._fields import checked_id, interrupt_request, page_request, start_request
from peaceful.web._idempotency import LONGEST_KEY, StartedBefore
from peaceful.web._pictures import any_picture, followed_picture
from peaceful.web._problems import Refusal
from peaceful.web._route import json_response
from peaceful.web._running import RunningExecutions
from peaceful.web._stream import EventStream
from peaceful.web._times import Times
from peaceful.web._trackers import ProgressTrackers
from peaceful.web._views import execution_view


async def start(request: Request, parts: Resources) -> Response:
    """Starts an execution."""
    running, before = parts.get(RunningExecutions), parts.get(StartedBefore)
    wanted = start_request(await json_body(request))
    key = _idempotency_key(request)
    try:
        started = await before.once(key, wanted, lambda: running.start(wanted, "api"))
    except ProfileBusy as error:
        record = await _try_get(parts.get(Executions), error.execution_id)
        shown = None if record is None else execution_view(record, followed_picture(parts, record))
        raise Refusal(error, execution=shown) from error
    record = await _get(parts, started.record.id)
    return json_response(
        execution_view(record, followed_picture(parts, record)),
        202 if started.is_new else 200,
        {"Location": f"{request.scope.get('root_path', '')}/api/executions/{record.id}"},
    )


async def listing(request: Request, parts: Resources) -> Response:
    """Lists executions, newest first."""
    executions = parts.get(Executions)
    profile, flow, states, limit, cursor = page_request(
        request.query_params, request.query_params.getlist("state")
    )
    page = await in_thread(
        lambda: executions.list(
            profile=profile, flow=flow, states=states, limit=limit, cursor=cursor
        )
    )
    shown = [each.to_json() for each in page.records]
    return json_response({"executions": list(shown), "cursor": page.cursor})


async def one(request: Request, parts: Resources) -> Response:
    """Shows an execution."""
    record = await _get(parts, checked_id(request.path_params["id"]))
    return json_response(execution_view(record, await any_picture(parts, record)))


async def interrupt(request: Request, parts: Resources) -> Response:
    """Interrupts an execution."""
    execution_id = checked_id(request.path_params["id"])
    level, reason = interrupt_request(await json_body(request, may_be_empty=True))
    return await interrupted(parts, execution_id, level, InterruptSource.API, reason)


async def interrupted(
    parts: Resources,
    execution_id: ExecutionId,
    level: InterruptLevel,
    source: InterruptSource,
    reason: str | None,
) -> Response:
    """The answer to somebody who wants an execution interrupted."""
    signal = InterruptSignal(level, source, parts.get(Times).clock.now(), reason)
    receipt = _here(parts.get(InterruptSenders), execution_id, signal)
    if receipt is None:
        receipt = await _anywhere(parts.get(Executions), execution_id, signal)
    return json_response(receipt, 202)


async def progress(request: Request, parts: Resources) -> Response:
    """Shows how everything stands in an execution."""
    record = await _get(parts, checked_id(request.path_params["id"]))
    if not record.state.ended:
        picture = await any_picture(parts, record)
        if picture is not None:
            return json_response(picture)
        record = await _get(parts, record.id)
    return json_response(picture_of(record))


async def events(request: Request, parts: Resources) -> Response:
    """Tells what happens in an execution, as it happens."""
    trackers, executions = parts.get(ProgressTrackers), parts.get(Executions)
    record = await _get(parts, checked_id(request.path_params["id"]))
    seen = _seen(request)
    tracker = trackers.get(record.id)
    if tracker is not None and tracker.feed.ending is not None:
        missed = seen is not None and seen < tracker.feed.last_id
    else:
        ended_at = record.info.ended_at
        missed = seen is not None and ended_at is not None and seen < microseconds(ended_at)
    if record.state.ended and not missed:
        return Response(status_code=204)
    return EventStream(record.id, trackers, executions, seen=seen)


def _here(
    senders: InterruptSenders, execution_id: ExecutionId, signal: InterruptSignal
) -> JsonObject | None:
    """Interrupts an execution of this process, at once: without the disk, which may be busy.

    Returns:
        The receipt; none where it is not one of this process, or has ended.
    """
    sender = senders.get(execution_id)
    result = senders.interrupt(execution_id, signal)
    if sender is None or result not in {SendResult.ACCEPTED, SendResult.UNCHANGED}:
        return None
    return _receipt(
        execution_id,
        (sender.signal or signal).level,
        to_json((sender.first or signal).requested_at),
    )


async def _anywhere(
    executions: Executions, execution_id: ExecutionId, signal: InterruptSignal
) -> JsonObject:
    ask = partial(
        executions.interrupt,
        execution_id,
        level=signal.level,
        source=signal.source,
        reason=signal.reason,
    )
    try:
        receipt = await in_thread(ask)
    except (AlreadyEnded, NotInterruptible) as error:
        record = await _try_get(executions, execution_id)
        shown = None if record is None else execution_view(record)
        outcome = None if record is None else record.outcome
        raise Refusal(error, execution=shown, outcome=outcome) from error
    return _receipt(receipt.execution_id, receipt.level, to_json(receipt.requested_at))


def _receipt(execution_id: ExecutionId, level: InterruptLevel, requested_at: object) -> JsonObject:
    return {
        "execution_id": execution_id,
        "state": ExecutionState.INTERRUPTING.value,
        "level": str(level),
        "requested_at": to_json(requested_at),
    }


async def _get(parts: Resources, execution_id: ExecutionId) -> ExecutionRecord:
    executions = parts.get(Executions)
    return await in_thread(lambda: executions.get(execution_id))


async def _try_get(executions: Executions, execution_id: ExecutionId) -> ExecutionRecord | None:
    """The record that an error tells of, if it can be had: the error itself says the rest."""
    try:
        return await in_thread(lambda: executions.get(execution_id))
    except PeacefulError:
        return None


def _seen(request: Request) -> int | None:
    """The ID of the last event that a watcher has seen; none where it is none of ours."""
    text = request.headers.get("last-event-id", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise wrong_field("Idempotency-Key", f"it has from 1 to {LONGEST_KEY} characters")
    return key
