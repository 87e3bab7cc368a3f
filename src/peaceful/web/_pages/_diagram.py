"""The diagrams of pages, and what pages show where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from peaceful._aio import run_in_thread
from peaceful.errors import DiagramFailed, DiagramTooLarge, ExtraMissing, PeacefulError
from peaceful.runtime import CmdCtx
from peaceful.web._context import ServerContext
from peaceful.web._diagrams import Drawing, check_size, plan_of
from peaceful.web._pages._site import piece
from peaceful.web._pages._view import ExecutionView

_NO_STATUSES: Final[Mapping[str, str]] = {}


async def execution_diagram(server: ServerContext, view: ExecutionView, kind: str) -> Markup:
    """Returns the diagram of an execution's flow, or of what it touches.

    Args:
        server: the server's context.
        view: the execution.
        kind: `progress` or `outcome`.
    """
    contexts, info = server.contexts, view.record.info
    try:
        # For very many items not even the flow is made, which takes its time.
        check_size(info.flow, len(view.rows))
        ctx = await run_in_thread(lambda: contexts.cmd_ctx(info.profile, info.flow))
    except PeacefulError as error:
        return _why_not(error)
    return await flow_diagram(server, ctx, kind, {row.item: row.stand.value for row in view.rows})


async def flow_diagram(
    server: ServerContext, ctx: CmdCtx, kind: str, statuses: Mapping[str, str] = _NO_STATUSES
) -> Markup:
    """Returns the diagram of a flow, or of what it touches; else, why there is none.

    Args:
        server: the server's context.
        ctx: the flow, as the parameters of a profile make it.
        kind: `progress` or `outcome`.
        statuses: by item, how it stands.
    """
    try:
        plan = await run_in_thread(lambda: plan_of(ctx, kind, to_draw=True))
    except PeacefulError as error:
        return _why_not(error)
    try:
        layout = await server.layouts.of(plan)
    except (ExtraMissing, DiagramFailed) as error:
        return _why_not(error) + piece("diagrams.html", kind, plan)
    except DiagramTooLarge as error:
        return _why_not(error)
    text = await run_in_thread(Drawing(kind, plan, layout, statuses, in_page=True).svg)
    # It was made from names and messages that are escaped where they are written down.
    return Markup(text)  # noqa: S704


def _why_not(error: PeacefulError) -> Markup:
    match error:
        case DiagramTooLarge() | DiagramFailed():
            # What they say to do is for programs: the page shows the items besides.
            sentence = error.message
        case ExtraMissing():
            sentence = f"{error.message} To get diagrams, {error.help}."
        case _:
            sentence = f"{error.message} {error.help}".strip()
    return piece("diagrams.html", "why_not", sentence)
