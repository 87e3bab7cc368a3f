"""The calls about the server itself."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful.app import Contexts
from peaceful.errors import ServerStopping
from peaceful.resources import Resources
from peaceful.web._http._documents import Status
from peaceful.web._http._route import json_response
from peaceful.web._work._metrics import TEXT, Metrics
from peaceful.web._work._running import RunningExecutions


async def healthz(_: Request, __: Resources) -> Response:
    """Says that the server is there."""
    return json_response(Status())


async def readyz(_: Request, parts: Resources) -> Response:
    """Says whether the server can do its work: it is not about to end, and reads its files."""
    if parts.get(RunningExecutions).stopping:
        raise ServerStopping
    await run_in_thread(parts.get(Contexts).executions.running)
    return json_response(Status())


async def metrics(_: Request, parts: Resources) -> Response:
    """Counts what happens, for Prometheus."""
    running = len(parts.get(RunningExecutions))
    text = parts.get(Metrics).text(running=running)
    return Response(text, media_type=TEXT)
