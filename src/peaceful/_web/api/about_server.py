"""The API's calls about the server itself."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful._errors.requests import ServerStopping
from peaceful._web.context import ServerContext
from peaceful._web.http.documents import Status
from peaceful._web.http.route import json_response
from peaceful._web.work.sinks import TEXT


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
    return Response(server.metrics.text(running=len(server.running)), media_type=TEXT)
