"""A diagram in the form that a request asks for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from peaceful.web._diagrams import Plan, Style, dot, drawn, svg
from peaceful.web._http._bodies import wrong_field
from peaceful.web._http._documents import Graph
from peaceful.web._http._route import JSON, json_response

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


def graph_response(form: str, plan: Plan, style: Style, graph: Graph) -> Response:
    """A diagram as an answer.

    Args:
        form: one of `FORMS`.
        plan: what is drawn.
        style: how its parts are named.
        graph: the same as data.

    Raises:
        DiagramTooLarge: it would have more boxes than anyone could take in.
    """
    if form == "json":
        return json_response(graph)
    statuses = {item: each.status.value for item, each in graph.statuses.items()}
    text = svg(drawn(plan), statuses, style) if form == "svg" else dot(plan, statuses)
    # The name has no quotes in it: flows are named by letters, digits and `_`.
    name = f"{plan.flow}-{style.name}.{form}"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(text.encode(), headers=headers, media_type=FORMS[form])
