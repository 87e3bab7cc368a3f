"""The first page: what runs now, every profile with its flows, what was executed last."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful._aio import run_in_thread
from peaceful.web._context import ServerContext
from peaceful.web._pages._environments import environments
from peaceful.web._pages._site import Site, page, piece
from peaceful.web._pages._verbs import Verbs
from peaceful.web._pages._view import ExecutionView

_RECENT: Final = 10
_MOST_RUNNING: Final = 20


async def home(request: Request, server: ServerContext) -> Response:
    """Shows everything at a glance; to its own script, only what runs now."""
    site = Site.of(request, server)
    running = await _running(server)
    if request.query_params.get("part") == "now":
        told = piece("lists.html", "now", site, running)
        return HTMLResponse(told)
    contexts, executions = server.contexts, server.executions
    profiles = await run_in_thread(contexts.workspace.profiles)
    known = await run_in_thread(lambda: environments(contexts, executions, profiles))
    recent = await run_in_thread(lambda: executions.list(limit=_RECENT))
    return page(
        "home.html",
        site,
        about=contexts.app.help,
        running=running,
        profiles=profiles,
        environments=known,
        recent=recent.records,
        flows=tuple(contexts.app.flows.values()),
        verbs=Verbs.of(server),
        folder=str(contexts.workspace.root),
        init=contexts.typed("init", "--help"),
        icon="running" if running else "idle",
    )


async def _running(server: ServerContext) -> list[ExecutionView]:
    watches, verbs = server.watches, Verbs.of(server)
    records = await run_in_thread(server.executions.running)
    now = server.clock.now()
    return [
        ExecutionView(record, await watches.snapshot(record), verbs, now, watches.still_for(record))
        for record in records[:_MOST_RUNNING]
    ]
