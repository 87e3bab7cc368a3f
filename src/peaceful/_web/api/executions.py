"""The calls about executions: start, list, look at, interrupt, watch."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful._errors.running import ProfileBusy
from peaceful._executions.records import ExecutionRecord
from peaceful._model.field_types import ExecutionId
from peaceful._model.interrupt import InterruptSource
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import Refusal, json_body, wrong_field
from peaceful._web.http.documents import ExecutionPage, Interrupted, execution_document
from peaceful._web.http.fields import (
    checked_id,
    interrupt_request,
    page_of,
    page_request,
    start_request,
)
from peaceful._web.http.interrupts import interrupted, try_get
from peaceful._web.http.route import json_response
from peaceful._web.live.broadcast import saw_the_end
from peaceful._web.live.event_stream import EventStream
from peaceful._web.live.watches import record_of
from peaceful._web.work.running import LONGEST_KEY


async def start(request: Request, server: ServerContext) -> Response:
    """Starts an execution."""
    running, before = server.running, server.started_before
    wanted = start_request(await json_body(request))
    key = _idempotency_key(request)
    try:
        started = await before.once(key, wanted, lambda: running.start(wanted, "api"))
    except ProfileBusy as error:
        record = await try_get(server.executions, error.execution_id)
        shown = (
            None
            if record is None
            else execution_document(record, server.watches.followed_snapshot(record))
        )
        raise Refusal(error, execution=shown) from error
    record = await _get(server, started.record.id)
    return json_response(
        execution_document(record, server.watches.followed_snapshot(record)),
        202 if started.is_new else 200,
        {"Location": f"{request.scope.get('root_path', '')}/api/executions/{record.id}"},
    )


async def listing(request: Request, server: ServerContext) -> Response:
    """Lists executions, newest first."""
    executions = server.executions
    asked = page_request(request.query_params, request.query_params.getlist("state"))
    page = await run_in_thread(lambda: page_of(executions, asked))
    return json_response(ExecutionPage([each.document() for each in page.records], page.cursor))


async def one(request: Request, server: ServerContext) -> Response:
    """Shows an execution."""
    record = await _get(server, checked_id(request.path_params["id"]))
    return json_response(execution_document(record, await server.watches.running_snapshot(record)))


async def interrupt(request: Request, server: ServerContext) -> Response:
    """Interrupts an execution."""
    execution_id = checked_id(request.path_params["id"])
    level, reason = interrupt_request(await json_body(request, may_be_empty=True))
    receipt = await interrupted(server, execution_id, level, InterruptSource.API, reason)
    told = Interrupted(receipt.execution_id, "interrupting", receipt.level, receipt.requested_at)
    return json_response(told, 202)


async def progress(request: Request, server: ServerContext) -> Response:
    """Shows how everything stands in an execution."""
    record = await _get(server, checked_id(request.path_params["id"]))
    snapshot = await server.watches.running_snapshot(record)
    if snapshot is None:
        # It may have ended meanwhile.
        record = await _get(server, record.id)
        snapshot = record.snapshot()
    return json_response(snapshot)


async def events(request: Request, server: ServerContext) -> Response:
    """Tells what happens in an execution, as it happens."""
    record = await _get(server, checked_id(request.path_params["id"]))
    seen = _seen(request)
    if record.state.ended and (seen is None or saw_the_end(seen)):
        return Response(status_code=204)
    return EventStream(lambda: server.watches.events(record.id), server.metrics.stream, seen=seen)


async def _get(server: ServerContext, execution_id: ExecutionId) -> ExecutionRecord:
    return await record_of(server.executions, execution_id)


def _seen(request: Request) -> int | None:
    """The ID of the last event that a watcher has seen; none where it is none of ours."""
    text = request.headers.get("last-event-id", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise wrong_field("Idempotency-Key", f"it has from 1 to {LONGEST_KEY} characters")
    return key
