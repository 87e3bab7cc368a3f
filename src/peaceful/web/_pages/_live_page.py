"""The page of an execution while it runs: its parts are made once for all who watch it.

A browser that was away needs no history: it gets every part that has changed since.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from peaceful._aio import run_in_thread
from peaceful.errors import PeacefulError
from peaceful.executions import ExecutionRecord
from peaceful.model import ExecutionId, Snapshot
from peaceful.web._context import ServerContext
from peaceful.web._live.broadcast import Broadcast, Change, Latest
from peaceful.web._live.watches import ExecutionWatch, microseconds, run_for
from peaceful.web._pages._earlier import carried_on
from peaceful.web._pages._execution_parts import execution_parts, row_parts
from peaceful.web._pages._rows import ItemRow
from peaceful.web._pages._site import Site
from peaceful.web._pages._verbs import Verbs
from peaceful.web._pages._view import ExecutionView

_LOG = logging.getLogger("peaceful.web")

BETWEEN: Final = 0.2
"""Seconds between two changes of a page: faster than an eye asks for."""

LOOK: Final = 2.0
"""Seconds after which it is looked whether nothing has happened for too long."""

_ENDED: Final = b"event: ended\ndata: -\n\n"
"""Tells a page that nothing more comes."""


def page_broadcast(began: int) -> Broadcast[str]:
    """Return the broadcast of a page's parts, by the ID of the element that each fills.

    Args:
        began: microseconds since 1970.
    """
    latest = Latest[str](began)

    def message(changes: Sequence[Change[str]] | None) -> bytes:
        newer = latest.everything() if changes is None else changes
        parts = "\n".join([text for _, text in newer])
        # Only these end a line of the stream.
        lines = [line for line in parts.replace("\r", "\n").split("\n") if line.strip()]
        end = _ENDED if latest.ended else b""
        if not lines:
            return end
        # The end has no ID: whoever comes again with that of the last parts is told of it again.
        data = "\ndata: ".join(lines)
        told = f"id: {latest.version - latest.ended}\ndata: {data}\n\n"
        return told.encode(errors="replace") + end

    return Broadcast(latest, message)


def page_version(server: ServerContext, execution_id: ExecutionId, site: Site) -> int:
    """Return the version that a page has which is made now; 0 where nobody watches it yet."""
    watch = server.watches.get(execution_id)
    page = None if watch is None else watch.pages.get(site.links.root)
    return 0 if page is None else page.latest.version


@contextmanager
def watched_page(
    server: ServerContext, record: ExecutionRecord, site: Site
) -> Generator[Broadcast[str]]:
    """Keep the page of an execution up to date for the length of a context.

    Args:
        server: the server's context.
        record: the execution.
        site: how pages are made.
    """
    root = site.links.root
    with server.watches.watched(record.id) as watch:
        page = watch.pages.get(root)
        if page is None:
            page = watch.pages[root] = page_broadcast(microseconds(server.clock.now()))
            if watch.events.stopped and not watch.events.latest.ended:
                page.stop()
            else:
                maker = _Maker(page, watch, record, replace(site, roles=""), server)
                run_for(watch, maker.run())
        page.watchers += 1
        try:
            yield page
        finally:
            page.watchers -= 1
            if page.stopped and not page.watchers and watch.pages.get(root) is page:
                del watch.pages[root]


class _Maker:
    """Makes the parts of a page, whenever something happens."""

    def __init__(
        self,
        page: Broadcast[str],
        watch: ExecutionWatch,
        record: ExecutionRecord,
        site: Site,
        server: ServerContext,
    ) -> None:
        self._page = page
        self._watch = watch
        self._record = record
        self._site = site
        self._server = server
        self._verbs = Verbs.of(server)
        self._earlier = ""
        self._shown: dict[str, ItemRow] = {}

    async def run(self) -> None:
        """Make the parts until the execution has ended, or nobody watches any more."""
        executions = self._server.executions
        try:
            self._earlier = await run_in_thread(lambda: carried_on(executions, self._record))
            await self._follow()
            if self._watch.events.latest.ended:
                record = await run_in_thread(lambda: executions.get(self._record.id))
                self._show(record, record.snapshot())
                self._page.put("ended", "", last=True)
        except PeacefulError as error:
            _LOG.warning("the page of execution %s stays behind: %s", self._record.id, error)
        except Exception:  # noqa: BLE001 - nobody waits for this task: it would be told to nobody
            _LOG.exception("the page of execution %s stays behind", self._record.id)
        finally:
            self._page.stop()
            if not self._page.watchers:
                self._watch.pages.pop(self._site.links.root, None)

    async def _follow(self) -> None:
        events = self._watch.events
        seen = 0 if events.latest.begun else events.latest.version
        while self._page.watchers and not events.latest.ended:
            if seen == events.latest.version:
                if events.stopped:
                    return
                await events.news(LOOK)
                if not events.latest.begun or events.latest.ended:
                    continue
            seen = events.latest.version
            self._show(self._record, self._watch.snapshot, self._watch.still_for)
            await asyncio.sleep(BETWEEN)

    def _show(self, record: ExecutionRecord, snapshot: Snapshot, still_for: float = 0.0) -> None:
        now = self._server.clock.now()
        view = ExecutionView(record, snapshot, self._verbs, now, still_for, self._earlier)
        rows = [row for row in view.rows if self._shown.get(row.item) != row]
        self._shown |= {row.item: row for row in rows}
        parts = {**execution_parts(self._site, view), **row_parts(rows, len(view.rows))}
        changed = False
        for name, part in parts.items():
            text = f'<hx-partial id="{name}">{part}</hx-partial>'
            if self._page.latest.get(name) != text:
                self._page.put(name, text)
                changed = True
        if changed:
            self._page.tell()
