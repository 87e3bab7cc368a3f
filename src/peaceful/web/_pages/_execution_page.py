"""The page of an execution, what keeps it up to date, and the question before a higher level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful._aio import run_in_thread
from peaceful.errors import PageUnknown
from peaceful.executions import ExecutionRecord
from peaceful.model import InterruptLevel
from peaceful.present import level_label
from peaceful.web._context import ServerContext
from peaceful.web._http._fields import checked_id
from peaceful.web._live.event_stream import EventStream
from peaceful.web._pages._diagram import execution_diagram
from peaceful.web._pages._earlier import carried_on
from peaceful.web._pages._execution_parts import LIVE_ROWS, execution_parts
from peaceful.web._pages._live_page import page_version, watched_page
from peaceful.web._pages._site import Site, by_script, page, piece
from peaceful.web._pages._verbs import Verbs
from peaceful.web._pages._view import ExecutionView

_SHOWN: Final = 200
"""Rows on a page, of executions with very many items."""

_COSTS: Final[Mapping[InterruptLevel, str]] = {
    InterruptLevel.STOP: (
        "What is in progress finishes, and nothing new starts. What is done stays done."
    ),
    InterruptLevel.CANCEL: (
        "What is in progress is asked to end at once, and cancelled if it does not. Its own "
        "clean-up still runs. What it was doing may be half done: the next run looks at it anew. "
        "What is done stays done."
    ),
    InterruptLevel.KILL: (
        "What is in progress is abandoned where it is, and its child processes are killed, "
        "without any clean-up. It may leave something half made, or a lock at a service, that you "
        "have to remove by hand. What is done stays done."
    ),
}


async def execution(request: Request, server: ServerContext) -> Response:
    """Shows an execution; to a page in the background, only what its tab is to say."""
    site, view = Site.of(request, server), await execution_view(request, server)
    if request.query_params.get("part") == "head":
        return HTMLResponse(execution_parts(site, view)["head"])
    kind = "outcome" if request.query_params.get("kind") == "outcome" else "progress"
    many = len(view.rows) > LIVE_ROWS
    pages = range(0, len(view.rows), _SHOWN) if many else range(1)
    first = _first(request, pages)
    shown = view.rows[first : first + _SHOWN] if many else view.rows
    return page(
        "execution.html",
        site,
        view=view,
        kind=kind,
        diagram=await execution_diagram(server, view, kind),
        shown=shown,
        first=first,
        pages=pages,
        live_rows=LIVE_ROWS,
        since=page_version(server, view.id, site),
        icon=view.state.value,
    )


async def live(request: Request, server: ServerContext) -> Response:
    """Sends the parts of an execution's page that change, as they do."""
    record = await _record(server, request.path_params["id"])
    site = Site.of(request, server)
    return EventStream(
        lambda: watched_page(server, record, site),
        server.metrics.stream,
        seen=_seen(request),
    )


async def ask_interrupt(request: Request, server: ServerContext) -> Response:
    """Asks before a higher level: it says what that costs."""
    view = await execution_view(request, server)
    levels = {str(level): level for level in InterruptLevel}
    level = levels.get(request.query_params.get("level", ""))
    if level is None:
        raise PageUnknown(request.url.path)
    return page(
        "confirm_interrupt.html",
        Site.of(request, server),
        view=view,
        level=level,
        label=level_label(level),
        costs=_COSTS[level],
        dialog=by_script(request),
    )


async def started_part(
    request: Request, server: ServerContext, record: ExecutionRecord
) -> Response:
    """The piece that tells a page's script of an execution: where to watch it."""
    view = await view_of(server, record)
    return HTMLResponse(piece("lists.html", "running", Site.of(request, server), [view]))


async def execution_view(request: Request, server: ServerContext) -> ExecutionView:
    """The execution that an address names, in the words of its page."""
    return await view_of(server, await _record(server, request.path_params["id"]))


async def view_of(server: ServerContext, record: ExecutionRecord) -> ExecutionView:
    """An execution, in the words of its page."""
    executions = server.executions
    snapshot = await server.watches.snapshot(record)
    if not record.state.ended and snapshot.ending is not None:
        # It has ended meanwhile: by now the register says how.
        record = await run_in_thread(lambda: executions.get(record.id))
        snapshot = await server.watches.snapshot(record)
    earlier = await run_in_thread(lambda: carried_on(executions, record))
    now = server.clock.now()
    return ExecutionView(
        record, snapshot, Verbs.of(server), now, server.watches.still_for(record), earlier
    )


async def _record(server: ServerContext, execution_id: str) -> ExecutionRecord:
    executions, known = server.executions, checked_id(execution_id)
    return await run_in_thread(lambda: executions.get(known))


def _first(request: Request, pages: range) -> int:
    asked = request.query_params.get("first", "0")
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else 0
    return number if number in pages else 0


def _seen(request: Request) -> int | None:
    """The version that a page has; what it said when it came back counts more than its address."""
    text = request.headers.get("last-event-id") or request.query_params.get("since", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
