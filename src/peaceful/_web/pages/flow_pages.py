"""The pages of a flow, and of a flow in a profile (an environment), with their diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful._app.contexts import Contexts
from peaceful._commands.run_request import RunRequest
from peaceful._commands.status import StatusCmd
from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import DiagramFailed, DiagramTooLarge
from peaceful._errors.usage import ExtraMissing, ParamProblem, ParamsInvalid
from peaceful._executions.records import ExecutionRecord
from peaceful._present.text import count, name_list
from peaceful._runtime.ctx import CmdCtx
from peaceful._web.context import ServerContext
from peaceful._web.diagrams.drawing import Drawing
from peaceful._web.diagrams.plan import check_size, plan_of
from peaceful._web.http.bodies import error_status, find_in_thread, name_in_path
from peaceful._web.http.documents import nodes_of
from peaceful._web.http.fields import checked_id
from peaceful._web.live.watches import record_of
from peaceful._web.pages.param_fields import ParamField, param_fields, param_lines, shown_value
from peaceful._web.pages.rows import changes_of
from peaceful._web.pages.site import Site, by_script, page, piece
from peaceful._web.pages.view import ExecutionView
from peaceful._web.work.running import running_on

_NO_STATUSES: Final[Mapping[str, str]] = {}
_RECENT: Final = 5
_NAMED: Final = 8
_MOST_ROWS: Final = 500


async def execution_diagram(server: ServerContext, view: ExecutionView, kind: str) -> Markup:
    """Return the diagram of an execution's flow, of a kind: `progress` or `outcome`."""
    info = view.record.info
    try:
        # For very many items not even the flow is made, which takes its time.
        check_size(info.flow, len(view.rows))
        ctx = await run_in_thread(_ctx_of, server, view.record)
    except PeacefulError as error:
        return _why_not(error)
    return await flow_diagram(server, ctx, kind, {row.item: row.status.value for row in view.rows})


def _ctx_of(server: ServerContext, record: ExecutionRecord) -> CmdCtx:
    """Return the context of an execution, of a plan with the parameters that it is made with."""
    info, plan = record.info, server.contexts.plan_by(record)
    request = server.running.request_of(record.id)
    if plan is not None:
        request = RunRequest(command="ensure", profile=info.profile, flow=info.flow, plan=plan)
    if request is not None and (request.only_says or request.plan is not None):
        # Such a request stores nothing here.
        return server.contexts.ctx_for(request)
    return server.contexts.cmd_ctx(info.profile, info.flow)


async def flow_diagram(
    server: ServerContext, ctx: CmdCtx, kind: str, statuses: Mapping[str, str] = _NO_STATUSES
) -> Markup:
    """Return the diagram of a flow, with the status of each item, or why there is none."""
    try:
        plan = await run_in_thread(lambda: plan_of(ctx, kind, to_draw=True))
    except PeacefulError as error:
        return _why_not(error)
    try:
        layout = await server.layouts.get(plan)
    except (ExtraMissing, DiagramFailed) as error:
        return _why_not(error) + piece("diagrams.html", kind, plan)
    except DiagramTooLarge as error:
        return _why_not(error)
    text = await run_in_thread(Drawing(kind, plan, layout, statuses, in_page=True).svg)
    # It was made from names and messages that are escaped where they are written down.
    return Markup(text)  # noqa: S704


def _why_not(error: PeacefulError) -> Markup:
    match error:
        case DiagramTooLarge() | DiagramFailed():
            # What they say to do is for programs: the page shows the items besides.
            sentence = error.message
        case ExtraMissing():
            sentence = f"{error.message} To get diagrams, {error.help}."
        case _:
            sentence = f"{error.message} {error.help}".strip()
    return piece("diagrams.html", "why_not", sentence)


async def flow(request: Request, server: ServerContext) -> Response:
    """Show a flow, as the parameters of a profile make it."""
    contexts, name = server.contexts, name_in_path(request, "flow")
    definition = await find_in_thread(lambda: contexts.app.flow_def(name))
    profiles = await run_in_thread(contexts.workspace.profiles)
    asked = request.query_params.get("profile") or None
    profile = await find_in_thread(lambda: contexts.profile(asked)) if profiles else None
    ctx, trouble = None, None
    if profile is not None:
        try:
            ctx = await run_in_thread(contexts.cmd_ctx, profile, name)
        except PeacefulError as error:
            # Without parameters it is not known what the flow will be.
            trouble = error
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
        items=None if ctx is None else nodes_of(ctx.flow),
        params=param_lines(contexts.params_schema(name)),
        trouble=trouble,
    )


async def environment(request: Request, server: ServerContext) -> Response:
    """Show a flow in a profile; with the parameters of a plan typed already, if one is named."""
    profile, flow = await _environment(request, server)
    typed: dict[str, str] = {}
    if plan_id := request.query_params.get("plan"):
        record = await record_of(server.executions, checked_id(plan_id))
        if (plan := server.contexts.plan_by(record)) is not None:
            typed = {name: shown_value(each) for name, each in plan.given.items()}
            typed |= dict.fromkeys(plan.unset, "")
    return await environment_page(request, server, profile, flow, typed=typed)


async def environment_page(
    request: Request,
    server: ServerContext,
    profile: str,
    flow: str,
    *,
    typed: Mapping[str, str] | None = None,
    error: PeacefulError | None = None,
) -> Response:
    """Return the page of a flow in a profile.

    `typed` are parameters that somebody has typed, and `error` why they were refused.
    """
    contexts, executions = server.contexts, server.executions
    ctx, changes, trouble = None, None, error
    notices: tuple[str, ...] = ()
    definition = contexts.app.flows.get(flow)
    try:
        found = await run_in_thread(lambda: contexts.cmd_ctx(profile, flow, by_stored=True))
        ctx, changes = found, await run_in_thread(changes_of, found)
        if definition is not None and found.flow.problem is not None and error is None:
            # Its notice, the first one, says the same.
            trouble, notices = found.flow.problem, found.notices[1:]
        else:
            notices = found.notices
    except PeacefulError as unknown:
        trouble = error or unknown
    busy = await run_in_thread(running_on, executions, profile)
    recent = await run_in_thread(executions.list, profile=profile, flow=flow, limit=_RECENT)
    kind = "progress" if request.query_params.get("kind") == "progress" else "outcome"
    is_built = ctx is not None and ctx.flow.problem is None
    diagram = await flow_diagram(server, ctx, kind) if ctx is not None and is_built else Markup()
    problems = error.problems if isinstance(error, ParamsInvalid) else ()
    return page(
        "environment.html",
        Site.of(request, server),
        200 if error is None else error_status(error).value,
        profile=profile,
        flow=flow,
        about="" if definition is None else definition.summary,
        is_declared=definition is not None,
        is_built=is_built,
        notices=notices,
        busy=busy,
        latest=next(iter(recent.records), None),
        trouble=trouble,
        changes=changes,
        most_rows=_MOST_ROWS,
        diagram=diagram,
        kind=kind,
        fields=()
        if definition is None
        else await run_in_thread(_fields, contexts, profile, flow, typed or {}, problems),
        recent=recent.records,
        typed=bool(typed),
    )


def _fields(
    contexts: Contexts,
    profile: str,
    flow: str,
    typed: Mapping[str, str],
    problems: Sequence[ParamProblem],
) -> tuple[ParamField, ...]:
    stored = contexts.stored(profile, flow)
    changed = {name: text for name, text in typed.items() if text or name in stored}
    return tuple(
        param_fields(
            contexts.app.declared.flow(flow),
            contexts.params_schema(flow),
            {**stored, **changed},
            {problem.field: problem.reason for problem in problems},
        )
    )


async def ask_clean(request: Request, server: ServerContext) -> Response:
    """Ask before a flow is cleaned."""
    return await clean_question(request, server, *await _environment(request, server))


async def clean_question(
    request: Request,
    server: ServerContext,
    profile: str,
    flow: str,
    *,
    wanted: RunRequest | None = None,
    wrong: PeacefulError | None = None,
) -> Response:
    """Return the question whether to clean a flow, as it is `wanted`; by default, all of it.

    `wrong` says why an answer was refused.
    """
    contexts = server.contexts
    ctx = await run_in_thread(lambda: contexts.cmd_ctx(profile, flow, by_stored=True))
    items = [*await run_in_thread(StatusCmd.exec, ctx)]
    names = f"{name_list(items, _NAMED)} ({count(len(items), 'item')})"
    return page(
        "confirm_clean.html",
        Site.of(request, server),
        200 if wrong is None else error_status(wrong).value,
        profile=profile,
        flow=flow,
        names=wanted.selection if wanted is not None and wanted.selection else names,
        wanted=wanted,
        asks=await run_in_thread(contexts.asks_before, "clean", profile),
        wrong=wrong,
        dialog=by_script(request),
    )


async def _environment(request: Request, server: ServerContext) -> tuple[str, str]:
    """Return the profile and the flow in the path; 404 if there is no such thing."""
    contexts = server.contexts
    profile, flow = name_in_path(request, "profile"), name_in_path(request, "flow")
    await find_in_thread(lambda: contexts.flow_id(flow, left_in=contexts.profile(profile)))
    return profile, flow
