"""The overview of profiles and flows, the list of executions, and the reference of the API."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful._aio import run_in_thread
from peaceful._app.contexts import Contexts
from peaceful._executions.records import ExecutionRecord
from peaceful._executions.registry import Executions
from peaceful._model.codec import FlowId, JsonObject, ProfileName
from peaceful._model.execution import ExecutionState
from peaceful._web.api.routes import ROUTES
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import find_in_thread, name_in_path
from peaceful._web.http.fields import page_request
from peaceful._web.http.openapi import schemas
from peaceful._web.pages.site import Site, page, piece
from peaceful._web.pages.view import ExecutionView

_RECENT: Final = 10
_RECENT_OF_PROFILE: Final = 20
_MOST_RUNNING: Final = 20

_SCHEMAS: Final = {
    name: json.dumps(each, indent=2, ensure_ascii=False) for name, each in schemas(ROUTES).items()
}
"""The documents of the API, as texts."""


class Environment(msgspec.Struct, frozen=True):
    """A flow of a profile, as a row.

    Attributes:
        latest: its newest execution.
        busy: the execution that runs on the profile, of this flow or another.
        first: whether it is the first row of its profile.
        is_declared: false if the application does not have it: only its stored states are left.
    """

    profile: ProfileName
    flow: FlowId
    help: str
    latest: ExecutionRecord | None
    busy: ExecutionRecord | None
    first: bool
    is_declared: bool = True


def environments(
    contexts: Contexts, executions: Executions, profiles: Iterable[ProfileName]
) -> tuple[Environment, ...]:
    """Return each flow of some profiles, and what is left of others."""
    busy = {each.info.profile: each for each in executions.running()}

    def latest(profile: ProfileName, flow: FlowId) -> ExecutionRecord | None:
        return next(iter(executions.list(profile=profile, flow=flow, limit=1).records), None)

    flows = contexts.app.flows
    return tuple(
        Environment(
            profile,
            flow,
            flows[flow].summary if flow in flows else "",
            latest(profile, flow),
            busy.get(profile),
            number == 0,
            flow in flows,
        )
        for profile in profiles
        for number, flow in enumerate((*flows, *contexts.left_flows(profile)))
    )


async def home(request: Request, server: ServerContext) -> Response:
    """Show the overview; to its own script, only what runs now."""
    site = Site.of(request, server)
    running = await _running(server, site)
    if request.query_params.get("part") == "now":
        return HTMLResponse(piece("lists.html", "now", site, running))
    contexts, executions = server.contexts, server.executions
    profiles = await run_in_thread(contexts.workspace.profiles)
    rows = await run_in_thread(environments, contexts, executions, profiles)
    recent = await run_in_thread(executions.list, limit=_RECENT)
    return page(
        "home.html",
        site,
        about=contexts.app.help,
        running=running,
        profiles=profiles,
        environments=rows,
        recent=recent.records,
        flows=tuple(contexts.app.flows.values()),
        folder=str(contexts.workspace.root),
        init=contexts.typed("init", "--help"),
        icon="running" if running else "idle",
    )


async def _running(server: ServerContext, site: Site) -> list[ExecutionView]:
    watches = server.watches
    records = await run_in_thread(server.executions.running)
    now = server.clock.now()
    return [
        ExecutionView(
            record, await watches.snapshot(record), site.verbs, now, watches.idle_seconds(record)
        )
        for record in records[:_MOST_RUNNING]
    ]


async def executions(request: Request, server: ServerContext) -> Response:
    """List executions, newest first."""
    site, contexts = Site.of(request, server), server.contexts
    # An empty field of the form filters nothing.
    query = {name: value for name, value in request.query_params.items() if value}
    states = [state for state in request.query_params.getlist("state") if state]
    asked = page_request(query, states)
    listed = await run_in_thread(server.executions.list, **msgspec.structs.asdict(asked))
    profiles = await run_in_thread(contexts.workspace.profiles)
    state = asked.states[0].value if len(asked.states) == 1 else ""
    kept = {"profile": asked.profile or "", "flow": asked.flow or "", "state": state}
    older = site.to("executions", **kept, cursor=listed.cursor) if listed.cursor else ""
    return page(
        "executions.html",
        site,
        records=listed.records,
        older=older,
        filters=(
            ("profile", "Profile", profiles, asked.profile),
            ("flow", "Flow", tuple(contexts.app.flows), asked.flow),
            ("state", "State", tuple(each.value for each in ExecutionState), state),
        ),
    )


async def profile(request: Request, server: ServerContext) -> Response:
    """Show the flows of a profile, and its newest executions."""
    contexts, register = server.contexts, server.executions
    asked = name_in_path(request, "profile")
    name = await find_in_thread(lambda: contexts.profile(asked))
    recent = await run_in_thread(register.list, profile=name, limit=_RECENT_OF_PROFILE)
    return page(
        "profile.html",
        Site.of(request, server),
        profile=name,
        environments=await run_in_thread(environments, contexts, register, [name]),
        recent=recent.records,
    )


async def reference(request: Request, server: ServerContext) -> Response:
    """Show the calls of the API."""
    site = Site.of(request, server)
    return page("docs.html", site, calls=ROUTES, type_words=_type_words, schemas=_SCHEMAS)


def _type_words(schema: JsonObject) -> str:
    enum = schema.get("enum")
    if isinstance(enum, list):
        return " | ".join(each if isinstance(each, str) else json.dumps(each) for each in enum)
    items = schema.get("items")
    if isinstance(items, dict):
        return f"any of {_type_words(items)}"
    word = schema.get("format") or schema.get("type")
    return word if isinstance(word, str) else ""
