"""Pages of flows and of environments, with their diagrams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful._app.contexts import Contexts
from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import DiagramFailed, DiagramTooLarge
from peaceful._errors.usage import ExtraMissing, ParamsInvalid
from peaceful._model.codec import JsonObject
from peaceful._present.text import count, name_list
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.flow import BuiltFlow
from peaceful._web.context import ServerContext
from peaceful._web.diagrams.drawing import Drawing
from peaceful._web.diagrams.outcome import plan_of
from peaceful._web.diagrams.plan import check_size
from peaceful._web.http.bodies import checked_or_unknown, found_in_thread, status_of
from peaceful._web.pages.overview_pages import busy_on
from peaceful._web.pages.param_fields import (
    as_object,
    object_of,
    param_fields,
    shown_value,
    type_words,
)
from peaceful._web.pages.rows import Changes, changes_of
from peaceful._web.pages.site import Site, by_script, page, piece
from peaceful._web.pages.view import ExecutionView, Verbs

_NO_STATUSES: Final[Mapping[str, str]] = {}


async def execution_diagram(server: ServerContext, view: ExecutionView, kind: str) -> Markup:
    """Returns the diagram of an execution's flow, or of what it touches.

    Args:
        server: the server's context.
        view: the execution.
        kind: `progress` or `outcome`.
    """
    contexts, info = server.contexts, view.record.info
    try:
        # For very many items not even the flow is made, which takes its time.
        check_size(info.flow, len(view.rows))
        ctx = await run_in_thread(lambda: contexts.cmd_ctx(info.profile, info.flow))
    except PeacefulError as error:
        return _why_not(error)
    return await flow_diagram(server, ctx, kind, {row.item: row.stand.value for row in view.rows})


async def flow_diagram(
    server: ServerContext, ctx: CmdCtx, kind: str, statuses: Mapping[str, str] = _NO_STATUSES
) -> Markup:
    """Returns the diagram of a flow, or of what it touches; else, why there is none.

    Args:
        server: the server's context.
        ctx: the flow, as the parameters of a profile make it.
        kind: `progress` or `outcome`.
        statuses: by item, how it stands.
    """
    try:
        plan = await run_in_thread(lambda: plan_of(ctx, kind, to_draw=True))
    except PeacefulError as error:
        return _why_not(error)
    try:
        layout = await server.layouts.of(plan)
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
