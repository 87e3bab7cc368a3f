"""Which pages are watched: one maker of parts for all who watch the same execution."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from typing import Final

from peaceful._aio import run_in_thread
from peaceful.errors import PeacefulError
from peaceful.executions import ExecutionRecord, Executions
from peaceful.model import ExecutionId
from peaceful.web._context import ServerContext
from peaceful.web._live._live_page import LivePage
from peaceful.web._live._tracker import ProgressTracker
from peaceful.web._live._trackers import microseconds
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


def page_version(server: ServerContext, execution_id: ExecutionId, site: Site) -> int:
    """The version that a page has which is made now; 0 where nobody watches it yet."""
    live = server.pages.get((execution_id, site.links.root))
    return 0 if live is None else live.version


def watched_page(
    server: ServerContext, record: ExecutionRecord, site: Site
) -> AbstractContextManager[LivePage]:
    """The live page of an execution, for the length of a context.

    Args:
        server: the server's context.
        record: the execution.
        site: how pages are made.
    """

    def begin() -> LivePage:
        page = LivePage(microseconds(server.clock.now()))
        maker = _Maker(page, record, replace(site, roles=""), server)
        page.task = asyncio.create_task(maker.run())
        return page

    return server.pages.watched((record.id, site.links.root), begin)


class _Maker:
    """Makes the parts of a page, whenever something happens."""

    def __init__(
        self,
        page: LivePage,
        record: ExecutionRecord,
        site: Site,
        server: ServerContext,
    ) -> None:
        self._page = page
        self._record = record
        self._site = site
        self._verbs = Verbs.of(server)
        self._server = server
        self._earlier = ""
        self._shown: dict[str, ItemRow] = {}

    async def run(self) -> None:
        """Follows the execution until it has ended."""
        trackers, executions = self._server.trackers, self._server.executions
        try:
            self._earlier = await run_in_thread(lambda: carried_on(executions, self._record))
            with trackers.watched(self._record.id, executions) as tracker:
                await self._follow(tracker)
                ended = tracker.feed.ending is not None
            if ended:
                await self._show_end(executions)
                self._page.end()
        except PeacefulError as error:
            _LOG.warning("the page of execution %s stays behind: %s", self._record.id, error)
        except Exception:  # noqa: BLE001 - nobody waits for this task: it would be told to nobody
            _LOG.exception("the page of execution %s stays behind", self._record.id)
        finally:
            self._page.stop()

    async def _follow(self, tracker: ProgressTracker) -> None:
        async with aclosing(tracker.chunks(None, LOOK)) as chunks:
            async for _ in chunks:
                self._show(tracker)
                await asyncio.sleep(BETWEEN)

    def _show(self, tracker: ProgressTracker) -> None:
        self._show_view(
            ExecutionView(
                self._record,
                tracker.feed.snapshot,
                self._verbs,
                self._server.clock.now(),
                tracker.still_for,
                self._earlier,
            )
        )

    async def _show_end(self, executions: Executions) -> None:
        record = await run_in_thread(lambda: executions.get(self._record.id))
        now = self._server.clock.now()
        snapshot = record.snapshot()
        self._show_view(ExecutionView(record, snapshot, self._verbs, now, earlier=self._earlier))

    def _show_view(self, view: ExecutionView) -> None:
        changed = [row for row in view.rows if self._shown.get(row.item) != row]
        self._shown |= {row.item: row for row in changed}
        self._page.show({**execution_parts(self._site, view), **row_parts(changed, len(view.rows))})
