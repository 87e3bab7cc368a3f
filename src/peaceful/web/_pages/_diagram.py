"""The diagrams of pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup, escape

from peaceful.app import Contexts
from peaceful.errors import DiagramTooLarge, PeacefulError
from peaceful.resources import Resources
from peaceful.runtime import CmdCtx, in_thread
from peaceful.web._diagrams import outcome_drawing, outcome_of, progress_drawing
from peaceful.web._pages._view import ExecutionView

_NO_STATUSES: Final[Mapping[str, str]] = {}


async def execution_diagram(parts: Resources, view: ExecutionView, kind: str) -> Markup:
    """The diagram of an execution's flow, or of what it touches.

    Args:
        parts: the server's context.
        view: the execution.
        kind: `progress` or `outcome`.
    """
    info = view.record.info
    statuses = {row.item: row.stand.value for row in view.rows}
    return await flow_diagram(parts, info.profile, info.flow, kind, statuses)


async def flow_diagram(
    parts: Resources,
    profile: str,
    flow: str,
    kind: str,
    statuses: Mapping[str, str] = _NO_STATUSES,
) -> Markup:
    """The diagram of a flow, or of what it touches; or a sentence that says why there is none.

    Args:
        parts: the server's context.
        profile: whose parameters make the flow.
        flow: the flow.
        kind: `progress` or `outcome`.
        statuses: by item, how it stands.
    """
    contexts = parts.get(Contexts)

    def draw() -> str:
        return _drawn(contexts.cmd_ctx(profile, flow), kind, statuses)

    try:
        # It was made from names and messages that are escaped where they are written down.
        return Markup(await in_thread(draw))  # noqa: S704
    except DiagramTooLarge as error:
        return _why_not(f"{error.message} {error.help}".strip())
    except PeacefulError as error:
        return _why_not(error.message)


def _drawn(ctx: CmdCtx, kind: str, statuses: Mapping[str, str]) -> str:
    if kind == "outcome":
        return outcome_drawing(ctx.flow.id, outcome_of(ctx), statuses)
    return progress_drawing(ctx.flow, statuses)


def _why_not(text: str) -> Markup:
    return Markup('<p class="nothing">{}</p>').format(escape(text))
