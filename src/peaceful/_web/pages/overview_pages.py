"""The overview of profiles and flows, and the list of executions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful._aio import run_in_thread
from peaceful._app.contexts import Contexts
from peaceful._executions.records import ExecutionRecord
from peaceful._executions.registry import Executions
from peaceful._model.execution import ExecutionState
from peaceful._model.field_types import FlowId, ProfileName
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import checked_or_unknown, found_in_thread
from peaceful._web.http.fields import page_of, page_request
from peaceful._web.pages.site import Site, page, piece
from peaceful._web.pages.view import ExecutionView, Verbs


@dataclass(frozen=True, slots=True)
class Environment:
    """A flow of a profile.

    Attributes:
        profile: the profile.
        flow: the flow.
        help: what the flow is for.
        latest: its newest execution, or none.
        busy: the execution that keeps the profile busy, of this flow or another; none where none
            does.
        first: whether it is the first one of its profile.
    """

    profile: ProfileName
    flow: FlowId
    help: str
    latest: ExecutionRecord | None
    busy: ExecutionRecord | None = None
    first: bool = True


def environments(
    contexts: Contexts, executions: Executions, profiles: Iterable[ProfileName]
) -> tuple[Environment, ...]:
    """Each flow of each profile, with its newest execution.

    Args:
        contexts: the application in its workspace.
        executions: the register.
        profiles: which profiles.
    """
    busy = {each.info.profile: each for each in executions.running()}
    return tuple(
        Environment(
            profile,
            flow.id,
            flow.summary,
            latest_of(executions, profile, flow.id),
            busy.get(profile),
            not place,
        )
        for profile in profiles
        for place, flow in enumerate(contexts.app.flows.values())
    )


def latest_of(executions: Executions, profile: ProfileName, flow: FlowId) -> ExecutionRecord | None:
    """The newest execution of a flow of a profile; none where there was none."""
    return next(iter(executions.list(profile=profile, flow=flow, limit=1).records), None)


def busy_on(executions: Executions, profile: ProfileName) -> ExecutionRecord | None:
    """The execution that keeps a profile busy; none where none does."""
    running = executions.running()
    return next((each for each in running if each.info.profile == profile), None)


_RECENT: Final = 10
_MOST_RUNNING: Final = 20


async def home(request: Request, server: ServerContext) -> Response:
    """Shows everything at a glance; to its own script, only what runs now."""
    site = Site.of(request, server)
    running = await _running(server)
    if request.query_params.get("part") == "now":
        told = piece("lists.html", "now", site, running)
        return HTMLResponse(told)
    contexts, executions = server.contexts, server.executions
    profiles = await run_in_thread(contexts.workspace.profiles)
    known = await run_in_thread(lambda: environments(contexts, executions, profiles))
    recent = await run_in_thread(lambda: executions.list(limit=_RECENT))
    return page(
        "home.html",
        site,
        about=contexts.app.help,
        running=running,
        profiles=profiles,
        environments=known,
        recent=recent.records,
        flows=tuple(contexts.app.flows.values()),
        verbs=Verbs.of(server),
        folder=str(contexts.workspace.root),
        init=contexts.typed("init", "--help"),
        icon="running" if running else "idle",
    )


async def _running(server: ServerContext) -> list[ExecutionView]:
    watches, verbs = server.watches, Verbs.of(server)
    records = await run_in_thread(server.executions.running)
    now = server.clock.now()
    return [
        ExecutionView(record, await watches.snapshot(record), verbs, now, watches.still_for(record))
        for record in records[:_MOST_RUNNING]
    ]


async def executions(request: Request, server: ServerContext) -> Response:
    """Lists executions, newest first."""
    site, register, contexts = Site.of(request, server), server.executions, server.contexts
    query = {name: value for name, value in request.query_params.items() if value}
    words = [word for word in request.query_params.getlist("state") if word]
    asked = page_request(query, words)
    listed = await run_in_thread(lambda: page_of(register, asked))
    profiles = await run_in_thread(contexts.workspace.profiles)
    state = asked.state[0].value if len(asked.state) == 1 else ""
    kept = {"profile": asked.profile or "", "flow": asked.flow or "", "state": state}
    older = site.links.to("executions", **kept, cursor=listed.cursor) if listed.cursor else ""
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
        verbs=Verbs.of(server),
    )


async def profile(request: Request, server: ServerContext) -> Response:
    """Shows a profile: its flows, and what was executed on it."""
    contexts, register = server.contexts, server.executions
    asked = checked_or_unknown("a profile", request.path_params["profile"])
    name = await found_in_thread(lambda: contexts.profile(asked))
    recent = await run_in_thread(lambda: register.list(profile=name, limit=20))
    return page(
        "profile.html",
        Site.of(request, server),
        profile=name,
        environments=await run_in_thread(lambda: environments(contexts, register, [name])),
        recent=recent.records,
        verbs=Verbs.of(server),
    )
