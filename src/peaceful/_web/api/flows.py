"""Flows, graphs, profiles and states, over HTTP."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from msgspec.structs import asdict, replace
from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful._app.contexts import Contexts
from peaceful._commands.diff import DiffCmd, StatusCmd
from peaceful._errors.usage import UsageError
from peaceful._model.codec import from_json
from peaceful._model.field_types import ItemId
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.flow import BuiltFlow
from peaceful._storage.stored_state import StateKind
from peaceful._web.context import ServerContext
from peaceful._web.diagrams.drawing import Drawing, as_dot
from peaceful._web.diagrams.outcome import Outcome, plan_of
from peaceful._web.http.bodies import checked_or_unknown, found, found_in_thread, wrong_field
from peaceful._web.http.documents import (
    Diffs,
    Flow,
    Flows,
    FlowWithItems,
    Graph,
    Item,
    Node,
    Places,
    Profiles,
    States,
    item_documents,
)
from peaceful._web.http.fields import checked_id
from peaceful._web.http.route import JSON, json_response

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


async def flows(_: Request, server: ServerContext) -> Response:
    """Lists the flows of the application."""
    contexts = server.contexts
    shown = [_flow(contexts, name) for name in contexts.app.flows]
    return json_response(Flows(contexts.app.name, shown))


async def flow(request: Request, server: ServerContext) -> Response:
    """Shows a flow: as a profile's parameters make it, where that is possible."""
    contexts, name = server.contexts, _flow_name(request)
    shown = found(lambda: _flow(contexts, name))
    profile = request.query_params.get("profile")
    if profile is not None:
        await found_in_thread(lambda: contexts.profile(profile))
    try:
        built = await run_in_thread(lambda: contexts.build(contexts.profile(profile), name))
    except UsageError as error:
        # Without parameters it is not known what the flow will be.
        unknown = FlowWithItems(**asdict(shown), items=None, edges=None, why=error.to_json())
        return json_response(unknown)
    edges = built.graph.edges
    return json_response(
        FlowWithItems(**asdict(shown), items=list(_nodes(built)), edges=edges, why=None)
    )


async def graph(request: Request, server: ServerContext) -> Response:
    """Draws a flow: what waits for what or which places it touches, and how each item stands."""
    contexts, name = server.contexts, _flow_name(request)
    kind, form = asked(request, "kind", KINDS), asked(request, "format", FORMS)
    execution_id = request.query_params.get("execution")
    statuses: dict[ItemId, Item] = {}
    profile = request.query_params.get("profile")
    if execution_id is not None:
        record = await run_in_thread(lambda: server.executions.get(checked_id(execution_id)))
        if record.info.flow != name:
            raise wrong_field("execution", f"it is an execution of {record.info.flow}")
        statuses = item_documents(await server.watches.snapshot(record), record.only)
        profile = record.info.profile
    ctx = await found_in_thread(lambda: contexts.cmd_ctx(profile, name))
    if form == "json":
        return json_response(await run_in_thread(lambda: _graph(ctx, kind, statuses)))
    words = {item: each.status.value for item, each in statuses.items()}
    return await picture(server, ctx, kind, form, words)


def _graph(ctx: CmdCtx, kind: str, statuses: dict[ItemId, Item]) -> Graph:
    graph = Graph(
        flow=ctx.flow.id,
        kind="outcome" if kind == "outcome" else "progress",
        items=list(_nodes(ctx.flow)),
        edges=ctx.flow.graph.edges,
        statuses=statuses,
    )
    if kind == "outcome":
        places = from_json(Outcome.of(ctx, to_draw=False).to_json(), Places)
        graph = replace(graph, **asdict(places))
    return graph


async def profiles(_: Request, server: ServerContext) -> Response:
    """Lists the profiles of the workspace."""
    contexts = server.contexts
    names = await run_in_thread(contexts.workspace.profiles)
    return json_response(Profiles(names))


async def states(request: Request, server: ServerContext) -> Response:
    """Shows stored states."""
    word = request.query_params.get("kind", "current")
    if word not in {kind.value for kind in StateKind}:
        raise wrong_field("kind", f"it is one of {', '.join(kind.value for kind in StateKind)}")
    ctx = await _ctx(request, server)
    known = await run_in_thread(lambda: StatusCmd.exec(ctx, StateKind(word)))
    return json_response(
        States(
            profile=ctx.profile,
            flow=ctx.flow.id,
            kind=word,
            states={
                item: None if each.stored is None else each.stored.state
                for item, each in known.items()
            },
            shown={item: each.shown for item, each in known.items()},
            in_progress_since={
                item: each.stored.in_progress_since
                for item, each in known.items()
                if each.stored is not None and each.stored.in_progress_since is not None
            },
            not_in_flow=[item for item, each in known.items() if not each.in_flow],
        )
    )


async def diff(request: Request, server: ServerContext) -> Response:
    """Shows what differs, by what is stored."""
    ctx = await _ctx(request, server)
    diffs = await run_in_thread(lambda: DiffCmd.stored(ctx))
    return json_response(
        Diffs(
            profile=ctx.profile,
            flow=ctx.flow.id,
            diffs={
                item: None if each is None else each.to_json() for item, each in diffs.diffs.items()
            },
            unknown=diffs.unknown,
        )
    )


async def _ctx(request: Request, server: ServerContext) -> CmdCtx:
    contexts, name = server.contexts, _flow_name(request)
    profile = checked_or_unknown("a profile", request.path_params["profile"])
    return await found_in_thread(lambda: contexts.cmd_ctx(profile, name))


def _flow(contexts: Contexts, name: str) -> Flow:
    definition = contexts.app.flow_def(name)
    parameters = contexts.params_schema(name)
    return Flow(id=definition.id, help=definition.help, parameters=parameters)


def _nodes(built: BuiltFlow) -> Iterator[Node]:
    for item in built.graph.order:
        kind = type(built.items[item].item).kind()
        yield Node(item, kind, built.graph.container_of(item), built.graph.predecessors(item))


def _flow_name(request: Request) -> str:
    return checked_or_unknown("a flow", request.path_params["flow"])
