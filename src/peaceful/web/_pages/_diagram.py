"""The diagrams of pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from peaceful._aio import run_in_thread
from peaceful.app import Contexts
from peaceful.errors import DiagramTooLarge, PeacefulError
from peaceful.resources import Resources
from peaceful.runtime import CmdCtx
from peaceful.web._diagrams import MOST_NODES, outcome_drawing, outcome_of, progress_drawing
from peaceful.web._pages._view import ExecutionView

_NO_STATUSES: Final[Mapping[str, str]] = {}


async def execution_diagram(parts: Resources, view: ExecutionView, kind: str) -> Markup:
    """The diagram of an execution's flow, or of what it touches.

    Args:
        parts: the server's context.
        view: the execution.
        kind: `progress` or `outcome`.
    """
    contexts, info = parts.get(Contexts), view.record.info
    if len(view.rows) > MOST_NODES:
        # Not even the flow is made, which takes its time for so many.
        return _why_not(DiagramTooLarge(info.flow, len(view.rows), MOST_NODES))
    statuses = {row.item: row.stand.value for row in view.rows}

    def draw() -> Markup:
        return _drawn(contexts.cmd_ctx(info.profile, info.flow), kind, statuses)

    try:
        return await run_in_thread(draw)
    except PeacefulError as error:
        return _why_not(error)


async def flow_diagram(ctx: CmdCtx, kind: str) -> Markup:
    """The diagram of a flow, or of what it touches; or a sentence that says why there is none.

    Args:
        ctx: the flow, as the parameters of a profile make it.
        kind: `progress` or `outcome`.
    """
    try:
        return await run_in_thread(lambda: _drawn(ctx, kind, _NO_STATUSES))
    except PeacefulError as error:
        return _why_not(error)


def _drawn(ctx: CmdCtx, kind: str, statuses: Mapping[str, str]) -> Markup:
    if kind == "outcome":
        drawn = outcome_drawing(ctx.flow.id, outcome_of(ctx), statuses)
    else:
        drawn = progress_drawing(ctx.flow, statuses)
    # It was made from names and messages that are escaped where they are written down.
    return Markup(drawn)  # noqa: S704


def _why_not(error: PeacefulError) -> Markup:
    return Markup('<p class="nothing">{}</p>').format(f"{error.message} {error.help}".strip())
