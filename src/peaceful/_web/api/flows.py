"""The API's calls about flows, diagrams, profiles and stored states."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from msgspec.structs import asdict, replace
from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful._app.contexts import Contexts
from peaceful._commands.diff import DiffCmd
from peaceful._commands.status import StatusCmd
from peaceful._errors.usage import UsageError
from peaceful._model.codec import ItemId
from peaceful._model.events import Phase
from peaceful._model.location import LocationKind
from peaceful._runtime.ctx import CmdCtx
from peaceful._storage.stored_state import StateKind
from peaceful._web.context import ServerContext
from peaceful._web.diagrams.drawing import Drawing, as_dot
from peaceful._web.diagrams.plan import Outcome, plan_of
from peaceful._web.http.bodies import find, find_in_thread, name_in_path, wrong_field
from peaceful._web.http.documents import (
    Act,
    Diffs,
    Flow,
    Flows,
    FlowWithItems,
    Graph,
    Item,
    Place,
    Profiles,
    States,
    item_documents,
    nodes_of,
)
from peaceful._web.http.fields import checked_id
from peaceful._web.http.route import JSON, json_response

KINDS: Final = ("progress", "outcome")
"""The kinds of diagrams: what waits for what, and which places are touched."""

SVG: Final = "image/svg+xml"
DOT: Final = "text/vnd.graphviz"

FORMATS: Final = {"json": JSON, "svg": SVG, "dot": DOT}
"""The media types of diagrams, by the `format` of a request."""


async def flows(_: Request, server: ServerContext) -> Response:
    """List the flows of the application."""
    contexts = server.contexts
    return json_response(
        Flows(contexts.app.name, [_flow(contexts, name) for name in contexts.app.flows])
    )


async def flow(request: Request, server: ServerContext) -> Response:
    """Show a flow, with its items where a profile has the parameters for it."""
    contexts, name = server.contexts, name_in_path(request, "flow")
    fields = asdict(find(lambda: _flow(contexts, name)))
    profile = request.query_params.get("profile")
    if profile is not None:
        await find_in_thread(lambda: contexts.profile(profile))
    try:
        built = await run_in_thread(lambda: contexts.build(contexts.profile(profile), name))
    except UsageError as error:
        # Without parameters it is not known what the flow will be.
        return json_response(FlowWithItems(**fields, items=None, edges=None, why=error.to_json()))
    return json_response(
        FlowWithItems(**fields, items=nodes_of(built), edges=built.graph.edges, why=None)
    )


async def graph(request: Request, server: ServerContext) -> Response:
    """Draw a flow, with the status of each item in an execution."""
    contexts, name = server.contexts, name_in_path(request, "flow")
    kind, form = _choice(request, "kind", KINDS), _choice(request, "format", FORMATS)
    execution_id = request.query_params.get("execution")
    statuses: dict[ItemId, Item] = {}
    profile = request.query_params.get("profile")
    if execution_id is not None:
        record = await run_in_thread(lambda: server.executions.get(checked_id(execution_id)))
        if record.info.flow != name:
            raise wrong_field("execution", f"it is an execution of {record.info.flow}")
        statuses = item_documents(await server.watches.snapshot(record), record.only)
        profile = record.info.profile
    ctx = await find_in_thread(lambda: contexts.cmd_ctx(profile, name))
    if form == "json":
        return json_response(await run_in_thread(_graph, ctx, kind, statuses))
    plan = await run_in_thread(lambda: plan_of(ctx, kind, to_draw=form == "svg"))
    words = {
        item: (each.phase if each.phase is Phase.LOOKING else each.status).value
        for item, each in statuses.items()
    }
    if form == "svg":
        layout = await server.layouts.get(plan)
        text = await run_in_thread(Drawing(kind, plan, layout, words, in_page=False).svg)
    else:
        text = as_dot(plan, words)
    # The name has no quotes in it: flows are named by letters, digits and `_`.
    headers = {"Content-Disposition": f'inline; filename="{ctx.flow.id}-{kind}.{form}"'}
    return Response(text.encode(), headers=headers, media_type=FORMATS[form])


def _graph(ctx: CmdCtx, kind: str, statuses: Mapping[ItemId, Item]) -> Graph:
    graph = Graph(
        flow=ctx.flow.id,
        kind="outcome" if kind == "outcome" else "progress",
        items=nodes_of(ctx.flow),
        edges=ctx.flow.graph.edges,
        statuses=statuses,
    )
    if kind != "outcome":
        return graph
    outcome = Outcome.of(ctx, to_draw=False)
    return replace(
        graph,
        places=[
            Place(node.id, node.label, LocationKind(node.sort), node.inside, node.by_example)
            for node in outcome.places
        ],
        acts=[Act(*each) for each in outcome.acts],
        without_places=outcome.without_places,
    )


async def profiles(_: Request, server: ServerContext) -> Response:
    """List the profiles of the workspace."""
    return json_response(Profiles(await run_in_thread(server.contexts.workspace.profiles)))


async def states(request: Request, server: ServerContext) -> Response:
    """Show stored states."""
    kind = _choice(request, "kind", [each.value for each in StateKind])
    ctx = await _ctx(request, server, by_stored=True)
    known = await run_in_thread(lambda: StatusCmd.exec(ctx, StateKind(kind)))
    stored = {item: each.stored for item, each in known.items()}
    return json_response(
        States(
            profile=ctx.profile,
            flow=ctx.flow.id,
            kind=kind,
            states={item: None if each is None else each.state for item, each in stored.items()},
            shown={item: each.shown for item, each in known.items()},
            in_progress_since={
                item: each.in_progress_since
                for item, each in stored.items()
                if each is not None and each.in_progress_since is not None
            },
            stopped=[item for item, each in stored.items() if each is not None and each.stopped],
            not_in_flow=[item for item, each in known.items() if not each.in_flow],
            warnings=ctx.notices,
        )
    )


async def diff(request: Request, server: ServerContext) -> Response:
    """Show the differences between stored current and goal states."""
    ctx = await _ctx(request, server)
    stored = await run_in_thread(DiffCmd.stored, ctx)
    return json_response(
        Diffs(
            profile=ctx.profile,
            flow=ctx.flow.id,
            diffs={
                item: None if each is None else each.to_json()
                for item, each in stored.diffs.items()
            },
            unknown=stored.unknown,
            left=stored.left,
            taken_over=stored.taken_over,
            replaced=stored.replaced,
        )
    )


def _choice(request: Request, field: str, choices: Collection[str]) -> str:
    """Return a field of the query; the first choice by default."""
    word = request.query_params.get(field, next(iter(choices)))
    if word not in choices:
        raise wrong_field(field, f"it is one of {', '.join(choices)}")
    return word


async def _ctx(request: Request, server: ServerContext, *, by_stored: bool = False) -> CmdCtx:
    profile, flow = name_in_path(request, "profile"), name_in_path(request, "flow")
    contexts = server.contexts
    return await find_in_thread(lambda: contexts.cmd_ctx(profile, flow, by_stored=by_stored))


def _flow(contexts: Contexts, name: str) -> Flow:
    definition = contexts.app.flow_def(name)
    parameters = contexts.params_schema(name)
    return Flow(id=definition.id, help=definition.help, parameters=parameters)
