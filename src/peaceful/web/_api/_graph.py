"""A diagram in the form that a request asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful.runtime import CmdCtx
from peaceful.web._context import ServerContext
from peaceful.web._diagrams import Drawing, as_dot, plan_of
from peaceful.web._http._bodies import wrong_field
from peaceful.web._http._route import JSON

KINDS: Final = ("progress", "outcome")
"""What can be drawn: what waits for what, and which places are touched."""

SVG: Final = "image/svg+xml"
DOT: Final = "text/vnd.graphviz"

FORMS: Final = {"json": JSON, "svg": SVG, "dot": DOT}
"""By the word for a form, its media type."""


def asked(request: Request, field: str, known: Collection[str]) -> str:
    """What a request asks for in a field of its query; the first of what is known by default.

    Raises:
        ParamsInvalid: it is none of these.
    """
    default = next(iter(known))
    word = request.query_params.get(field, default)
    if word not in known:
        raise wrong_field(field, f"it is one of {', '.join(known)}")
    return word


async def picture(
    server: ServerContext, ctx: CmdCtx, kind: str, form: str, statuses: Mapping[str, str]
) -> Response:
    """Returns a diagram as a file.

    Args:
        server: the server's context.
        ctx: the flow.
        kind: one of `KINDS`.
        form: `svg` or `dot`.
        statuses: by item, how it stands.

    Raises:
        DiagramTooLarge: nobody could take in the picture.
        DiagramFailed: Graphviz could not draw it.
        ExtraMissing: Graphviz is not installed.
    """
    plan = await run_in_thread(lambda: plan_of(ctx, kind, to_draw=form == "svg"))
    if form == "svg":
        layout = await server.layouts.of(plan)
        text = await run_in_thread(Drawing(kind, plan, layout, statuses, in_page=False).svg)
    else:
        text = as_dot(plan, statuses)
    # The name has no quotes in it: flows are named by letters, digits and `_`.
    headers = {"Content-Disposition": f'inline; filename="{ctx.flow.id}-{kind}.{form}"'}
    return Response(text.encode(), headers=headers, media_type=FORMS[form])
