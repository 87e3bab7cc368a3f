"""The handlers of calls about executions, which pages use too, and about the server itself."""

from __future__ import annotations

from msgspec import structs
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful._commands.run_request import EditName, RunRequest
from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import ServerStopping
from peaceful._errors.running import AlreadyEnded, NotInterruptible, ProfileBusy
from peaceful._executions.records import ExecutionRecord, InterruptReceipt
from peaceful._executions.registry import Executions
from peaceful._model.codec import ExecutionId
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import (
    Refusal,
    find_in_thread,
    json_body,
    name_in_path,
    root_path,
    wrong_field,
)
from peaceful._web.http.documents import ExecutionPage, Interrupted, Status, execution_document
from peaceful._web.http.fields import (
    approve_request,
    checked_id,
    edit_request,
    interrupt_request,
    page_request,
    start_request,
)
from peaceful._web.http.route import Caller, json_response
from peaceful._web.live.broadcast import parse_number, saw_the_end
from peaceful._web.live.event_stream import EventStream
from peaceful._web.live.watches import record_of
from peaceful._web.work.running import LONGEST_KEY
from peaceful._web.work.sinks import METRICS_TYPE
from peaceful.interrupt import SendResult


async def start(request: Request, server: ServerContext) -> Response:
    """Start an execution."""
    return await _start(request, server, start_request(await json_body(request)))


async def forget(request: Request, server: ServerContext) -> Response:
    """Drop what is stored of an item."""
    return await _edit(request, server, "states forget")


async def adopt(request: Request, server: ServerContext) -> Response:
    """Let what was found count as made."""
    return await _edit(request, server, "states adopt")


async def move(request: Request, server: ServerContext) -> Response:
    """Store what is stored of an item under another name."""
    return await _edit(request, server, "states move")


async def _edit(request: Request, server: ServerContext, command: EditName) -> Response:
    body = await json_body(request, may_be_empty=command != "states move")
    profile, flow = name_in_path(request, "profile"), name_in_path(request, "flow")
    item = name_in_path(request, "item")
    wanted = edit_request(body, command, profile, flow, item)
    contexts = server.contexts
    await find_in_thread(lambda: contexts.flow_id(flow, left_in=contexts.profile(profile)))
    return await _start(request, server, wanted)


async def _start(request: Request, server: ServerContext, wanted: RunRequest) -> Response:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise wrong_field("Idempotency-Key", f"it has from 1 to {LONGEST_KEY} characters")
    try:
        started = await server.idempotency_keys.start_once(
            key, wanted, lambda: server.running.start(wanted, "api", Caller.of(request).name)
        )
    except ProfileBusy as error:
        busy = await try_get(server.executions, error.execution_id)
        if busy is None:
            raise Refusal(error, execution=None) from error
        document = execution_document(busy, server.watches.followed_snapshot(busy))
        raise Refusal(error, execution=document) from error
    record = await record_of(server.executions, started.record.id)
    return json_response(
        execution_document(record, server.watches.followed_snapshot(record)),
        202 if started.is_new else 200,
        {"Location": f"{root_path(request)}/api/executions/{record.id}"},
    )


async def list_executions(request: Request, server: ServerContext) -> Response:
    """List executions, newest first."""
    query = page_request(request.query_params, request.query_params.getlist("state"))
    page = await run_in_thread(server.executions.list, **asdict(query))
    return json_response(ExecutionPage([each.document() for each in page.records], page.cursor))


async def one(request: Request, server: ServerContext) -> Response:
    """Show an execution."""
    record = await record_in_path(request, server)
    return json_response(execution_document(record, await server.watches.running_snapshot(record)))


async def plan(request: Request, server: ServerContext) -> Response:
    """Show the plan that an execution has made."""
    record = await record_in_path(request, server)
    found = server.contexts.plan_by(record)
    if found is None:
        raise server.contexts.no_plan(record)
    # What secrets could be guessed by stays here.
    return json_response(structs.replace(found, secrets=dict.fromkeys(found.secrets, ""), salt=""))


async def interrupt(request: Request, server: ServerContext) -> Response:
    """Interrupt an execution."""
    execution_id = checked_id(request.path_params["id"])
    level, reason = interrupt_request(await json_body(request, may_be_empty=True))
    receipt = await interrupt_execution(server, execution_id, level, InterruptSource.API, reason)
    return json_response(
        Interrupted(receipt.execution_id, "interrupting", receipt.level, receipt.requested_at), 202
    )


async def approve(request: Request, server: ServerContext) -> Response:
    """Answer what an item asks people to approve."""
    execution_id = checked_id(request.path_params["id"])
    item = name_in_path(request, "item") if "item" in request.path_params else None
    reply = approve_request(await json_body(request), Caller.of(request).name, "api")
    return json_response(await server.executions.answer(execution_id, item, reply))


async def progress(request: Request, server: ServerContext) -> Response:
    """Show the snapshot of an execution."""
    record = await record_in_path(request, server)
    snapshot = await server.watches.running_snapshot(record)
    if snapshot is None:
        # It may have ended meanwhile.
        snapshot = (await record_in_path(request, server)).snapshot()
    return json_response(snapshot)


async def events(request: Request, server: ServerContext) -> Response:
    """Stream the events of an execution."""
    record = await record_in_path(request, server)
    seen = parse_number(request.headers.get("last-event-id", ""))
    if record.state.ended and (seen is None or saw_the_end(seen)):
        return Response(status_code=204)
    return EventStream(lambda: server.watches.watched(record.id), server.metrics.stream, seen=seen)


async def interrupt_execution(
    server: ServerContext,
    execution_id: ExecutionId,
    level: InterruptLevel,
    source: InterruptSource,
    reason: str | None,
) -> InterruptReceipt:
    """Interrupt an execution of any process.

    Raises `Refusal`, with the execution, if it has ended or cannot be interrupted; and
    `PeacefulError` if it is unknown or its process does not answer.
    """
    executions = server.executions
    signal = InterruptSignal(level, source, server.clock.now(), reason)
    # In this process without the disk, which may be busy.
    sender = executions.senders.get(execution_id)
    if sender is not None and (result := sender.send(signal)) is not SendResult.TOO_LATE:
        return InterruptReceipt(
            execution_id,
            (sender.signal or signal).level,
            (sender.first or signal).requested_at,
            changed=result is SendResult.ACCEPTED,
        )
    try:
        return await run_in_thread(
            executions.interrupt, execution_id, level=level, source=source, reason=reason
        )
    except (AlreadyEnded, NotInterruptible) as error:
        record = await try_get(executions, execution_id)
        if record is None:
            raise Refusal(error, execution=None, outcome=None) from error
        outcome = None if record.outcome is None else record.outcome.plain()
        raise Refusal(error, execution=execution_document(record), outcome=outcome) from error


async def record_in_path(request: Request, server: ServerContext) -> ExecutionRecord:
    """Return the execution that the path of a request names; raise `ExecutionUnknown`."""
    return await record_of(server.executions, checked_id(request.path_params["id"]))


async def try_get(executions: Executions, execution_id: ExecutionId) -> ExecutionRecord | None:
    """Return an execution to be shown with an error, or `None` if it cannot be read."""
    try:
        return await record_of(executions, execution_id)
    except PeacefulError:
        return None


async def healthz(_: Request, __: ServerContext) -> Response:
    """Say that the server is there."""
    return json_response(Status())


async def readyz(_: Request, server: ServerContext) -> Response:
    """Say whether the server can work: it is not stopping, and can read its files."""
    if server.running.stopping:
        raise ServerStopping
    await run_in_thread(server.contexts.executions.running)
    return json_response(Status())


async def metrics(_: Request, server: ServerContext) -> Response:
    """Return the metrics in the text format of Prometheus."""
    return Response(server.metrics.text(running=len(server.running)), media_type=METRICS_TYPE)
