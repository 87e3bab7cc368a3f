"""The calls about the server itself."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful._errors.requests import ServerStopping
from peaceful._web.context import ServerContext
from peaceful._web.http.documents import Status
from peaceful._web.http.route import json_response
from peaceful._web.work.metrics import TEXT


async def healthz(_: Request, __: ServerContext) -> Response:
    """Says that the server is there."""
    return json_response(Status())


async def readyz(_: Request, server: ServerContext) -> Response:
    """Says whether the server can do its work: it is not about to end, and reads its files."""
    if server.running.stopping:
        raise ServerStopping
    await run_in_thread(server.contexts.executions.running)
    return json_response(Status())


async def metrics(_: Request, server: ServerContext) -> Response:
    """Counts what happens, for Prometheus."""
    running = len(server.running)
    text = server.metrics.text(running=running)
    return Response(text, media_type=TEXT)
