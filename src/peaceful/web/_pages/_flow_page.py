"""The page of a flow: what it is made of, before anything exists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful.app import Contexts
from peaceful.errors import PeacefulError
from peaceful.model import JsonObject
from peaceful.runtime import BuiltFlow, CmdCtx
from peaceful.web._context import ServerContext
from peaceful.web._http._found import checked_or_unknown, found_in_thread
from peaceful.web._pages._diagram import flow_diagram
from peaceful.web._pages._param_fields import as_object, object_of, shown_value, type_words
from peaceful.web._pages._site import Site, page


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An item of a flow.

    Attributes:
        id: its name.
        kind: its class.
        inside: the item that holds it, or none.
        waits_for: the items whose end it waits for.
    """

    id: str
    kind: str
    inside: str | None
    waits_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParamLine:
    """A parameter of a flow.

    Attributes:
        name: its name.
        type: what it may be.
        hint: what it means.
        otherwise: what it is where nobody says.
    """

    name: str
    type: str
    hint: str
    otherwise: str


async def flow(request: Request, server: ServerContext) -> Response:
    """Shows a flow, as the parameters of a profile make it."""
    contexts = server.contexts
    name = checked_or_unknown("a flow", request.path_params["flow"])
    definition = await found_in_thread(lambda: contexts.app.flow_def(name))
    profiles = await run_in_thread(contexts.workspace.profiles)
    asked = request.query_params.get("profile") or None
    profile = await found_in_thread(lambda: contexts.profile(asked)) if profiles else None
    ctx, trouble = await _ctx(contexts, profile, name)
    diagrams: list[tuple[str, str, Markup]] = []
    if ctx is not None:
        diagrams = [
            (title, f"{kind}-card", await flow_diagram(server, ctx, kind))
            for kind, title in (("progress", "Flow"), ("outcome", "What it touches"))
        ]
    return page(
        "flow.html",
        Site.of(request, server),
        flow=name,
        about=definition.summary,
        profiles=profiles,
        profile=profile,
        diagrams=diagrams,
        items=None if ctx is None else tuple(_items(ctx.flow)),
        params=tuple(_params(contexts.params_schema(name))),
        trouble=trouble,
    )


async def _ctx(
    contexts: Contexts, profile: str | None, name: str
) -> tuple[CmdCtx | None, PeacefulError | None]:
    if profile is None:
        return None, None
    try:
        return await run_in_thread(lambda: contexts.cmd_ctx(profile, name)), None
    except PeacefulError as error:
        # Without parameters it is not known what the flow will be.
        return None, error


def _items(built: BuiltFlow) -> Iterator[ItemLine]:
    for item in built.graph.order:
        yield ItemLine(
            item,
            type(built.items[item].item).kind(),
            built.graph.container_of(item),
            tuple(built.graph.predecessors(item)),
        )


def _params(schema: JsonObject) -> Iterator[ParamLine]:
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    for name, found in object_of(schema, "properties").items():
        of = as_object(found)
        hint = of.get("description")
        otherwise = "needed" if name in needed else shown_value(of.get("default"))
        yield ParamLine(
            name, type_words(schema, of), hint if isinstance(hint, str) else "", otherwise
        )
