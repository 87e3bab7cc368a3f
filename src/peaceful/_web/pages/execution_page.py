"""The page of an execution, the stream of its changes, and the question before a higher level."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful._aio import run_in_thread
from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import PageUnknown
from peaceful._executions.records import ExecutionRecord
from peaceful._executions.registry import Executions
from peaceful._model.codec import ExecutionId
from peaceful._model.events import Snapshot
from peaceful._model.interrupt import InterruptLevel
from peaceful._present.summary import level_label
from peaceful._web.api.executions import record_in_path
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import error_status
from peaceful._web.live.broadcast import Broadcast, Change, parse_number
from peaceful._web.live.event_stream import EventStream
from peaceful._web.live.watches import ExecutionWatch, microseconds, run_for
from peaceful._web.pages.flow_pages import execution_diagram
from peaceful._web.pages.plans import Offer, offer_of
from peaceful._web.pages.rows import ItemRow
from peaceful._web.pages.site import Site, by_script, page, piece
from peaceful._web.pages.view import ExecutionView

_LOG = logging.getLogger("peaceful.web")

_TEMPLATE: Final = "execution_parts.html"

_PARTS: Final = ("head", "meter", "note", "asking", "failures", "plan")

LIVE_ROWS: Final = 500
"""Items of which each row is kept up to date; of more items, only those that matter now."""

_PAGE_ROWS: Final = 200
"""Rows on a page, of executions with very many items."""

BETWEEN: Final = 0.2
"""Seconds between two changes of a page: faster than an eye asks for."""

LOOK: Final = 2.0
"""Seconds without an event after which the page is made again, to say that nothing moves."""

_ENDED: Final = b"event: ended\ndata: -\n\n"
"""Tells a page that nothing more comes."""

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
    """Show an execution; to its own script, a part of it, such as the title of its tab."""
    record = await record_in_path(request, server)
    if (part := request.query_params.get("part")) in _PARTS:
        site = Site.of(request, server)
        return HTMLResponse(execution_parts(site, await _view(server, site, record))[part])
    return await execution_page(request, server, record)


async def execution_page(
    request: Request,
    server: ServerContext,
    record: ExecutionRecord,
    wrong: PeacefulError | None = None,
) -> Response:
    """Return the page of an execution; `wrong` says why its plan is not carried out."""
    site = Site.of(request, server)
    # First of all: whatever comes later than the view is sent by the stream.
    since = page_version(server, record.id, site)
    view = await _view(server, site, record)
    kind = "outcome" if request.query_params.get("kind") == "outcome" else "progress"
    many = len(view.rows) > LIVE_ROWS
    pages = range(0, len(view.rows), _PAGE_ROWS) if many else range(1)
    asked = parse_number(request.query_params.get("first", ""))
    first = asked if asked is not None and asked in pages else 0
    return page(
        "execution.html",
        site,
        200 if wrong is None else error_status(wrong).value,
        view=view,
        wrong=wrong,
        kind=kind,
        diagram=await execution_diagram(server, view, kind),
        shown=view.rows[first : first + _PAGE_ROWS] if many else view.rows,
        first=first,
        pages=pages,
        live_rows=LIVE_ROWS,
        since=since,
        icon=view.state.value,
    )


async def live(request: Request, server: ServerContext) -> Response:
    """Stream the parts of an execution's page that change."""
    record, site = await record_in_path(request, server), Site.of(request, server)
    # What the page says when it comes back counts more than its address.
    seen = request.headers.get("last-event-id") or request.query_params.get("since", "")
    return EventStream(
        lambda: watched_page(server, record, site),
        server.metrics.stream,
        seen=parse_number(seen),
    )


async def ask_interrupt(request: Request, server: ServerContext) -> Response:
    """Ask before a higher level, and say what it costs."""
    site = Site.of(request, server)
    view = await _view(server, site, await record_in_path(request, server))
    levels = {str(level): level for level in InterruptLevel}
    level = levels.get(request.query_params.get("level", ""))
    if level is None:
        raise PageUnknown(request.url.path)
    return page(
        "confirm_interrupt.html",
        site,
        view=view,
        level=level,
        label=level_label(level),
        costs=_COSTS[level],
        dialog=by_script(request),
    )


async def started_part(
    request: Request, server: ServerContext, record: ExecutionRecord
) -> Response:
    """Return the piece that shows a page's script where to watch a started execution."""
    site = Site.of(request, server)
    view = await _view(server, site, record)
    return HTMLResponse(piece("lists.html", "running", site, [view]))


async def _view(server: ServerContext, site: Site, record: ExecutionRecord) -> ExecutionView:
    executions = server.executions
    earlier = await run_in_thread(_resumed_execution, executions, record)
    # Copies: what is followed goes on while the page is made, of which all parts are to agree.
    snapshot = (await server.watches.snapshot(record)).copy()
    if not record.state.ended and snapshot.ending is not None:
        # It has ended meanwhile: by now the register says how.
        record = await run_in_thread(executions.get, record.id)
        snapshot = (await server.watches.snapshot(record)).copy()
    offer = await run_in_thread(offer_of, server, record, site.verbs.label("ensure"))
    now = server.clock.now()
    idle = server.watches.idle_seconds(record)
    return ExecutionView(record, snapshot, site.verbs, now, idle, earlier, offer)


def _resumed_execution(executions: Executions, record: ExecutionRecord) -> ExecutionId:
    """Return the ID of the execution that one carries on, or an empty text.

    It is the one before on the same profile and flow, if it did the same and did not complete.
    """
    info = record.info
    page = executions.list(profile=info.profile, flow=info.flow, limit=1, cursor=record.id)
    for before in page.records:
        same = before.info.command == info.command and before.info.dry_run == record.info.dry_run
        if same and before.state.resumable:
            return before.id
    return ""


def execution_parts(site: Site, view: ExecutionView) -> Mapping[str, Markup]:
    """Return the parts of the page except rows, by the IDs of their elements."""
    parts = {name: piece(_TEMPLATE, name, site, view) for name in _PARTS}
    if len(view.rows) > LIVE_ROWS:
        parts["matters"] = piece(_TEMPLATE, "matters", view.important_rows)
    return parts


class PageBroadcast(Broadcast[str]):
    """A broadcast of a page's parts, by the IDs of their elements."""

    def message(self, changes: Sequence[Change[str]] | None) -> bytes:
        """Encode parts as one of the Server-Sent Events."""
        newer = self.everything() if changes is None else changes
        parts = "\n".join([text for _, text in newer])
        # Only these end a line of the stream.
        lines = [line for line in parts.replace("\r", "\n").split("\n") if line.strip()]
        end = _ENDED if self.ended else b""
        if not lines:
            return end
        # The end has no ID: whoever comes again with that of the last parts is told of it again.
        data = "\ndata: ".join(lines)
        event = f"id: {self.version - self.ended}\ndata: {data}\n\n"
        return event.encode(errors="replace") + end


def page_version(server: ServerContext, execution_id: ExecutionId, site: Site) -> int:
    """Return the version of a page that is made now; 0 if nobody watches it yet."""
    watch = server.watches.get(execution_id)
    page = None if watch is None else watch.pages.get(site.root)
    return 0 if page is None else page.version


@contextmanager
def watched_page(
    server: ServerContext, record: ExecutionRecord, site: Site
) -> Generator[Broadcast[str]]:
    """Keep the page of an execution up to date within the context."""
    root = site.root
    with server.watches.watched(record.id) as watch:
        page = watch.pages.get(root)
        if page is None:
            page = watch.pages[root] = PageBroadcast(microseconds(server.clock.now()))
            if watch.stopped and not watch.ended:
                page.stop()
            else:
                updater = _PageUpdater(page, watch, record, replace(site, roles=""), server)
                run_for(watch, updater.run())
        page.watchers += 1
        try:
            yield page
        finally:
            page.watchers -= 1
            if page.stopped and not page.watchers and watch.pages.get(root) is page:
                del watch.pages[root]


@dataclass
class _PageUpdater:
    """Makes the parts of a page after each event, once for all who watch it."""

    page: PageBroadcast
    watch: ExecutionWatch
    record: ExecutionRecord
    site: Site
    server: ServerContext
    earlier: str = ""
    offer: Offer | None = None
    shown: dict[str, ItemRow] = field(default_factory=dict[str, ItemRow])

    async def run(self) -> None:
        """Update the page until the execution has ended or nobody watches it any more."""
        executions = self.server.executions
        try:
            self.earlier = await run_in_thread(_resumed_execution, executions, self.record)
            await self._follow()
            if self.watch.ended:
                record = await run_in_thread(executions.get, self.record.id)
                verb = self.site.verbs.label("ensure")
                self.offer = await run_in_thread(offer_of, self.server, record, verb)
                self._update(record, record.snapshot())
                self.page.put("ended", "", last=True)
        except PeacefulError as error:
            _LOG.warning("the page of execution %s stays behind: %s", self.record.id, error)
        except Exception:  # noqa: BLE001 - nobody awaits this task, so nobody would see it
            _LOG.exception("the page of execution %s stays behind", self.record.id)
        finally:
            self.page.stop()
            if not self.page.watchers:
                self.watch.pages.pop(self.site.root, None)

    async def _follow(self) -> None:
        events = self.watch
        seen = 0 if events.begun else events.version
        while self.page.watchers and not events.ended:
            if seen == events.version:
                if events.stopped:
                    return
                await events.wait(LOOK)
                if not events.begun or events.ended:
                    continue
            seen = events.version
            self._update(self.record, self.watch.snapshot, self.watch.idle_seconds)
            await asyncio.sleep(BETWEEN)

    def _update(self, record: ExecutionRecord, snapshot: Snapshot, idle: float = 0.0) -> None:
        now = self.server.clock.now()
        verbs = self.site.verbs
        view = ExecutionView(record, snapshot, verbs, now, idle, self.earlier, self.offer)
        parts = dict(execution_parts(self.site, view))
        if len(view.rows) <= LIVE_ROWS:
            for row in view.rows:
                if self.shown.get(row.item) != row:
                    self.shown[row.item] = row
                    parts[f"row-{row.item}"] = piece(_TEMPLATE, "row", row)
        changed = False
        for name, part in parts.items():
            text = f'<hx-partial id="{name}">{part}</hx-partial>'
            if self.page.get(name) != text:
                self.page.put(name, text)
                changed = True
        if changed:
            self.page.notify()
