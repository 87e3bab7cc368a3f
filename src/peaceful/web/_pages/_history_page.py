"""The page of all executions, and that of one profile."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful.model import ExecutionState
from peaceful.web._context import ServerContext
from peaceful.web._http._fields import page_of, page_request
from peaceful.web._http._found import checked_or_unknown, found_in_thread
from peaceful.web._pages._environments import environments
from peaceful.web._pages._site import Site, page
from peaceful.web._pages._verbs import Verbs


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
