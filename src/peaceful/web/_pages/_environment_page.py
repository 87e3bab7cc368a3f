"""The page of a flow in a profile: what would change, its parameters, what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful.app import Contexts
from peaceful.errors import ParamsInvalid, PeacefulError
from peaceful.model import JsonObject
from peaceful.present import count, name_list
from peaceful.runtime import CmdCtx
from peaceful.web._context import ServerContext
from peaceful.web._http._found import checked_or_unknown, found_in_thread
from peaceful.web._http._problems import status_of
from peaceful.web._pages._changes import Changes, changes_of
from peaceful.web._pages._diagram import flow_diagram
from peaceful.web._pages._environments import busy_on
from peaceful.web._pages._param_fields import param_fields
from peaceful.web._pages._site import Site, by_script, page
from peaceful.web._pages._verbs import Verbs

_RECENT: Final = 5
_NAMED: Final = 8
_MOST_ROWS: Final = 500


async def environment(request: Request, server: ServerContext) -> Response:
    """Shows a flow of a profile."""
    profile, flow = await _names(request, server)
    return await environment_page(request, server, profile, flow)


async def environment_page(
    request: Request,
    server: ServerContext,
    profile: str,
    flow: str,
    *,
    typed: JsonObject | None = None,
    error: PeacefulError | None = None,
) -> Response:
    """The page of a flow in a profile.

    Args:
        request: who asks.
        server: the server's context.
        profile: the profile.
        flow: the flow.
        typed: parameters that somebody has typed.
        error: why what they asked for was refused.
    """
    contexts, executions = server.contexts, server.executions
    ctx, changes, trouble = await _changes(contexts, profile, flow)
    stored = await run_in_thread(lambda: contexts.stored(profile, flow))
    busy = await run_in_thread(lambda: busy_on(executions, profile))
    recent = await run_in_thread(lambda: executions.list(profile=profile, flow=flow, limit=_RECENT))
    kind = "progress" if request.query_params.get("kind") == "progress" else "outcome"
    diagram = Markup() if ctx is None else await flow_diagram(server, ctx, kind)
    return page(
        "environment.html",
        Site.of(request, server),
        200 if error is None else status_of(error).value,
        profile=profile,
        flow=flow,
        about=contexts.app.flow_def(flow).summary,
        busy=busy,
        latest=next(iter(recent.records), None),
        trouble=error or trouble,
        changes=changes,
        most_rows=_MOST_ROWS,
        diagram=diagram,
        kind=kind,
        fields=tuple(
            param_fields(
                contexts.app.declared.flow(flow),
                contexts.params_schema(flow),
                {**stored, **(typed or {})},
                _wrong(error),
            )
        ),
        recent=recent.records,
        verbs=Verbs.of(server),
    )


async def ask_clean(request: Request, server: ServerContext) -> Response:
    """Asks before a flow is cleaned up: it says what that removes."""
    profile, flow = await _names(request, server)
    return await clean_question(request, server, profile, flow)


async def clean_question(
    request: Request,
    server: ServerContext,
    profile: str,
    flow: str,
    wrong: PeacefulError | None = None,
) -> Response:
    """The question before a flow is cleaned up.

    Args:
        request: who asks.
        server: the server's context.
        profile: the profile.
        flow: the flow.
        wrong: why the answer was refused, if it was.
    """
    contexts = server.contexts
    ctx = await run_in_thread(lambda: contexts.cmd_ctx(profile, flow))
    items = ctx.flow.graph.order
    return page(
        "confirm_clean.html",
        Site.of(request, server),
        200 if wrong is None else status_of(wrong).value,
        profile=profile,
        flow=flow,
        names=f"{name_list(items, _NAMED)} ({count(len(items), 'item')})",
        asks=await run_in_thread(lambda: contexts.asks_before_clean(profile)),
        wrong=wrong,
        dialog=by_script(request),
    )


async def _names(request: Request, server: ServerContext) -> tuple[str, str]:
    contexts = server.contexts
    profile = checked_or_unknown("a profile", request.path_params["profile"])
    flow = checked_or_unknown("a flow", request.path_params["flow"])
    await found_in_thread(lambda: (contexts.profile(profile), contexts.app.flow_def(flow)))
    return profile, flow


async def _changes(
    contexts: Contexts, profile: str, flow: str
) -> tuple[CmdCtx | None, Changes | None, PeacefulError | None]:
    """The flow, and what it would change; or why that cannot be said."""

    def look() -> tuple[CmdCtx, Changes]:
        ctx = contexts.cmd_ctx(profile, flow)
        return ctx, changes_of(ctx)

    try:
        return *await run_in_thread(look), None
    except PeacefulError as error:
        return None, None, error


def _wrong(error: PeacefulError | None) -> Mapping[str, str]:
    if not isinstance(error, ParamsInvalid):
        return {}
    return {problem.field: problem.reason for problem in error.problems}
