"""The calls about flows, profiles and their stored states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response

from peaceful.app import Contexts
from peaceful.commands import DiffCmd, StatusCmd
from peaceful.errors import UsageError
from peaceful.executions import Executions, JsonObject
from peaceful.model import JsonValue, to_json
from peaceful.resources import Resources
from peaceful.runtime import BuiltFlow, CmdCtx, in_thread
from peaceful.storage import StateKind
from peaceful.web._api._graph import FORMS, KINDS, asked, picture
from peaceful.web._diagrams import Outcome
from peaceful.web._http._bodies import wrong_field
from peaceful.web._http._fields import checked_id
from peaceful.web._http._found import checked_or_unknown, found, found_in_thread
from peaceful.web._http._route import json_response
from peaceful.web._http._views import items_view
from peaceful.web._live._picture import object_of
from peaceful.web._live._pictures import picture_for


async def flows(_: Request, parts: Resources) -> Response:
    """Lists the flows of the application."""
    contexts = parts.get(Contexts)
    shown: list[JsonValue] = [_flow(contexts, name) for name in contexts.app.flows]
    return json_response({"app": contexts.app.name, "flows": shown})


async def flow(request: Request, parts: Resources) -> Response:
    """Shows a flow: as a profile's parameters make it, where that is possible."""
    contexts, name = parts.get(Contexts), _flow_name(request)
    shown = found(lambda: _flow(contexts, name))
    profile = request.query_params.get("profile")
    if profile is not None:
        await found_in_thread(lambda: contexts.profile(profile))
    try:
        built = await in_thread(lambda: contexts.build(contexts.profile(profile), name))
    except UsageError as error:
        # Without parameters it is not known what the flow will be.
        return json_response({**shown, "items": None, "edges": None, "why": to_json(error)})
    return json_response({**shown, **_items(built), "why": None})


async def graph(request: Request, parts: Resources) -> Response:
    """Draws a flow: what waits for what or which places it touches, and how each item stands."""
    contexts, name = parts.get(Contexts), _flow_name(request)
    kind, form = asked(request, "kind", KINDS), asked(request, "format", FORMS)
    execution_id = request.query_params.get("execution")
    statuses: JsonObject = {}
    profile = request.query_params.get("profile")
    if execution_id is not None:
        record = await in_thread(lambda: parts.get(Executions).get(checked_id(execution_id)))
        if record.info.flow != name:
            raise wrong_field("execution", f"it is an execution of {record.info.flow}")
        statuses = items_view(await picture_for(parts, record), record.only)
        profile = record.info.profile
    ctx = await found_in_thread(lambda: contexts.cmd_ctx(profile, name))
    if form == "json":
        data = await in_thread(lambda: _graph_data(ctx, kind))
        return json_response({**data, "statuses": statuses})
    words = {item: str(object_of(statuses, item)["status"]) for item in statuses}
    return await picture(parts, ctx, kind, form, words)


def _graph_data(ctx: CmdCtx, kind: str) -> JsonObject:
    touched = Outcome.of(ctx, to_draw=False).to_json() if kind == "outcome" else {}
    return {"flow": ctx.flow.id, "kind": kind, **_items(ctx.flow), **touched}


async def profiles(_: Request, parts: Resources) -> Response:
    """Lists the profiles of the workspace."""
    contexts = parts.get(Contexts)
    names = await in_thread(contexts.workspace.profiles)
    return json_response({"profiles": list(names)})


async def states(request: Request, parts: Resources) -> Response:
    """Shows stored states."""
    word = request.query_params.get("kind", "current")
    if word not in {kind.value for kind in StateKind}:
        raise wrong_field("kind", f"it is one of {', '.join(kind.value for kind in StateKind)}")
    ctx = await _ctx(request, parts)
    known = await in_thread(lambda: StatusCmd.exec(ctx, StateKind(word)))
    return json_response(
        {
            "profile": ctx.profile,
            "flow": ctx.flow.id,
            "kind": word,
            "states": {
                item: None if each.stored is None else each.stored.state
                for item, each in known.items()
            },
            "shown": {item: each.shown for item, each in known.items()},
            "in_progress_since": {
                item: to_json(each.stored.in_progress_since)
                for item, each in known.items()
                if each.stored is not None and each.stored.in_progress_since is not None
            },
            "not_in_flow": [item for item, each in known.items() if not each.in_flow],
        }
    )


async def diff(request: Request, parts: Resources) -> Response:
    """Shows what differs, by what is stored."""
    ctx = await _ctx(request, parts)
    diffs = await in_thread(lambda: DiffCmd.stored(ctx))
    return json_response(
        {
            "profile": ctx.profile,
            "flow": ctx.flow.id,
            "diffs": {
                item: None if each is None else each.to_json() for item, each in diffs.diffs.items()
            },
            "unknown": dict(diffs.unknown),
        }
    )


async def _ctx(request: Request, parts: Resources) -> CmdCtx:
    contexts, name = parts.get(Contexts), _flow_name(request)
    profile = checked_or_unknown("a profile", request.path_params["profile"])
    return await found_in_thread(lambda: contexts.cmd_ctx(profile, name))


def _flow(contexts: Contexts, name: str) -> dict[str, JsonValue]:
    definition = contexts.app.flow_def(name)
    return {
        "id": definition.id,
        "help": definition.help,
        "parameters": contexts.params_schema(name),
    }


def _items(built: BuiltFlow) -> dict[str, JsonValue]:
    return {"items": list(_nodes(built)), "edges": [to_json(edge) for edge in built.graph.edges]}


def _nodes(built: BuiltFlow) -> Iterator[Mapping[str, JsonValue]]:
    for item in built.graph.order:
        yield {
            "id": item,
            "kind": type(built.items[item].item).kind(),
            "inside": built.graph.container_of(item),
            "waits_for": list(built.graph.predecessors(item)),
        }


def _flow_name(request: Request) -> str:
    return checked_or_unknown("a flow", request.path_params["flow"])
