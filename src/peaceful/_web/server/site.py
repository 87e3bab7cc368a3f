"""The server's ASGI application: pages, forms and the API behind one guard."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from peaceful._aio import run_in_thread
from peaceful._app.contexts import Contexts
from peaceful._app.web_settings import Role
from peaceful._commands.run_request import CommandName, RunRequest
from peaceful._errors.base import PeacefulError, Unexpected
from peaceful._errors.requests import (
    BodyRefused,
    MethodRefused,
    PageUnknown,
    RequestRefused,
    RoleRefused,
)
from peaceful._errors.running import AlreadyEnded
from peaceful._errors.usage import ParamsInvalid, ParamsMissing, UsageError
from peaceful._model.codec import ExecutionId, JsonObject, JsonValue
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._web.api.executions import interrupt_execution
from peaceful._web.api.routes import ROUTES
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import (
    Refusal,
    check_media_type,
    find,
    find_in_thread,
    path_of,
    problem_response,
    read_body,
    root_path,
    wants_page,
    wrong_field,
)
from peaceful._web.http.fields import approve_request, checked_id, interrupt_request, start_request
from peaceful._web.http.openapi import openapi
from peaceful._web.http.route import Access, Caller, Handler, Route, json_response
from peaceful._web.live.watches import record_of
from peaceful._web.pages.execution_page import (
    ask_interrupt,
    execution,
    execution_page,
    live,
    started_part,
)
from peaceful._web.pages.flow_pages import (
    ask_clean,
    clean_question,
    environment,
    environment_page,
    flow,
)
from peaceful._web.pages.overview_pages import executions, home, profile, reference
from peaceful._web.pages.param_fields import PARAM_PREFIX, given_params
from peaceful._web.pages.site import by_script, problem_page, static
from peaceful._web.server.guard import Guard

_LOG = logging.getLogger("peaceful.web")

_FORM: Final = "application/x-www-form-urlencoded"
_USE_FORM: Final = "use the form of the page"
_MOST_FIELDS: Final = 10_000
_NAMES: Final = {"flow_id": "flow"}
_LISTS: Final = frozenset({"only", "exclude", "tags", "replace", "unset"})

_FLAGS: Final = frozenset({"dry_run", "with_dependents", "prune", "left", "found", "fail_fast"})

_WORDS: Final = {"true": True, "on": True, "false": False, "": False}

_LONGEST_NAME: Final = 100

_MIN_COMPRESSED: Final = 1024
"""Bytes from which an answer is compressed; streams of events never are."""

_COMPRESSION: Final = 5
"""From 1 to 9: pages become eight times smaller at little cost."""


async def interrupt(request: Request, server: ServerContext) -> Response:
    """Interrupt an execution, as a form asks for it."""
    fields = dict(await _fields(request))
    execution_id = checked_id(fields.pop("execution_id", ""))
    level, reason = interrupt_request({name: value for name, value in fields.items() if value})
    try:
        await interrupt_execution(server, execution_id, level, InterruptSource.WEB, reason)
    except Refusal as refusal:
        # It ended meanwhile: its page says how.
        if not isinstance(refusal.error, AlreadyEnded):
            raise
    if by_script(request):
        # The page's stream shows what came of it, in the order in which it came about.
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return _redirect(request, execution_id)


async def approve(request: Request, server: ServerContext) -> Response:
    """Answer what an item asks, as a form says it."""
    fields = dict(await _fields(request))
    execution_id = checked_id(fields.pop("execution_id", ""))
    item = fields.pop("item", "")[:_LONGEST_NAME] or None
    said = fields.get("approve", "")
    # Only a word counts: a form without one refuses nothing.
    body: dict[str, JsonValue] = {**fields, "approve": _WORDS.get(said, said) if said else said}
    reply = approve_request(body, Caller.of(request).name, "web")
    await server.executions.answer(execution_id, item, reply)
    return _redirect(request, execution_id)


def _start_handler(command: CommandName) -> Handler:
    async def start(request: Request, server: ServerContext) -> Response:
        fields = await _fields(request)
        typed = {
            name.removeprefix(PARAM_PREFIX): value
            for name, value in fields
            if name.startswith(PARAM_PREFIX)
        }
        wanted = await _run_request(command, fields, server.contexts, typed)
        question = await _confirmation(request, server, wanted, dict(fields))
        if question is not None:
            return question
        try:
            started = await server.running.start(wanted, "web", Caller.of(request).name)
        except PeacefulError as error:
            may_mend = typed or isinstance(error, ParamsInvalid | ParamsMissing)
            if not may_mend or not wants_page(request) or by_script(request):
                raise
            # Whatever is in the way, what was typed is kept.
            return await environment_page(
                request, server, wanted.profile, wanted.flow, typed=typed, error=error
            )
        if by_script(request):
            return await started_part(request, server, started.record)
        return _redirect(request, started.record.id)

    return start


async def _run_request(
    command: CommandName,
    fields: list[tuple[str, str]],
    contexts: Contexts,
    typed: Mapping[str, str],
) -> RunRequest:
    body: dict[str, JsonValue] = {"command": command}
    lists: dict[str, list[JsonValue]] = {}
    for name, value in fields:
        if name in _LISTS:
            lists.setdefault(name, []).append(value)
        elif name in _FLAGS:
            body[name] = _WORDS.get(value.lower(), value)
        elif name == "command":
            raise wrong_field(name, "the address says which command it is")
        elif not name.startswith(PARAM_PREFIX) and name != "confirm":
            body[_NAMES.get(name, name)] = value
    body.update(lists)
    wanted = start_request(body)
    if not typed:
        return wanted
    group = find(lambda: contexts.app.declared.flow(wanted.flow))
    stored = await run_in_thread(contexts.stored, wanted.profile, wanted.flow)
    params, unset = given_params(group, typed, stored)
    return replace(wanted, params=params, unset=(*wanted.unset, *unset))


async def _confirmation(
    request: Request, server: ServerContext, wanted: RunRequest, fields: Mapping[str, str]
) -> Response | None:
    """Return the question whether to change a protected profile; `None` if it is answered."""
    command, profile = wanted.command, wanted.profile
    if not wanted.asks_first or fields.get("confirm") == profile:
        return None
    if not await find_in_thread(lambda: server.contexts.asks_before(command, profile)):
        return None
    wrong = UsageError(
        f"{profile} is protected, and its name was not typed: nothing was started.",
        help=f"type {profile} to go on"
        if command == "clean" or wanted.plan_from
        else "see first what would change: there, its name can be typed",
    )
    if not wants_page(request):
        raise wrong
    if command == "clean":
        return await clean_question(
            request, server, profile, wanted.flow, wanted=wanted, wrong=wrong
        )
    if not wanted.plan_from:
        return await environment_page(request, server, profile, wanted.flow, error=wrong)
    record = await record_of(server.executions, wanted.plan_from)
    return await execution_page(request, server, record, wrong)


def _redirect(request: Request, execution_id: ExecutionId) -> Response:
    location = f"{root_path(request)}/executions/{execution_id}"
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": location})


async def _fields(request: Request) -> list[tuple[str, str]]:
    body = await read_body(request)
    check_media_type(request, _FORM, "a form", _USE_FORM)
    try:
        text = body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Refusal(BodyRefused(f"The body is no form: {error}.", help=_USE_FORM)) from error


@cache
def _openapi(title: str, version: str) -> JsonObject:
    return openapi(title, version, ROUTES)


async def _description(_: Request, server: ServerContext) -> Response:
    app = server.contexts.app
    return json_response(_openapi(app.name, app.version))


_ROUTES: Final = (
    *ROUTES,
    Route("POST", "/cmd_exec_interrupt", interrupt, Role.INTERRUPT),
    Route("POST", "/plan_cmd", _start_handler("plan"), Role.RUN),
    Route("POST", "/approve_cmd", approve, Role.APPROVE),
    Route("POST", "/ensure_cmd", _start_handler("ensure"), Role.RUN),
    Route("POST", "/clean_cmd", _start_handler("clean"), Role.RUN),
    Route("POST", "/discover_cmd", _start_handler("discover"), Role.RUN),
    Route("GET", "/", home, Role.VIEW),
    Route("GET", "/flows/{flow}", flow, Role.VIEW),
    Route("GET", "/profiles/{profile}", profile, Role.VIEW),
    Route("GET", "/profiles/{profile}/{flow}", environment, Role.VIEW),
    Route("GET", "/profiles/{profile}/{flow}/clean", ask_clean, Role.RUN),
    Route("GET", "/executions", executions, Role.VIEW),
    Route("GET", "/executions/{id}", execution, Role.VIEW),
    Route("GET", "/executions/{id}/live", live, Role.VIEW),
    Route("GET", "/executions/{id}/interrupt", ask_interrupt, Role.INTERRUPT),
    Route("GET", "/static/{name}", static, None),
    Route("GET", "/api/docs", reference, Role.VIEW),
    Route("GET", "/api/openapi.json", _description, None),
)
"""The API, forms, pages, and the description of the API."""


class WebApp:
    """The pages, forms and API of an application, as an ASGI application to serve or to mount."""

    def __init__(self, server: ServerContext, access: Access) -> None:
        self.server: Final = server
        site = Starlette(
            routes=[_route(each, server) for each in _ROUTES],
            exception_handlers=dict.fromkeys(
                (PeacefulError, Refusal, HTTPException), self._on_error
            ),
            middleware=[
                Middleware(GZipMiddleware, minimum_size=_MIN_COMPRESSED, compresslevel=_COMPRESSION)
            ],
            lifespan=self.lifespan,
        )
        site.router.redirect_slashes = False
        self._guarded = Guard(site, access, self._refuse)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._guarded(scope, receive, send)

    def interrupt_all(self, signal: InterruptSignal) -> None:
        """Refuse new executions, and interrupt those that run; call it in the event loop.

        May be called again with a higher level.
        """
        self.server.running.interrupt_all(signal)

    async def wait_until_ended(self) -> None:
        """Wait until nothing runs and all streams have ended, after `interrupt_all`."""
        await self.server.running.wait_until_ended()
        await self.server.watches.close()
        await self.server.layouts.close()

    def _refuse(self, request: Request, error: Exception) -> Response:
        """Return a page for people, or a problem document for programs."""
        refusal = _refusal(request, error)
        if wants_page(request):
            return problem_page(request, self.server, refusal)
        return problem_response(refusal)

    async def _on_error(self, request: Request, error: Exception) -> Response:
        return self._refuse(request, error)

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncGenerator[None]:
        """At the end of the context, interrupt what runs, and wait for it.

        A site that this is mounted in takes it as its own `lifespan`, or enters it there.
        """
        yield
        # Whoever serves this may have interrupted everything before: then this changes nothing.
        now = self.server.clock.now()
        self.interrupt_all(InterruptSignal(InterruptLevel.STOP, InterruptSource.SIGTERM, now))
        await self.wait_until_ended()


def _route(route: Route, server: ServerContext) -> StarletteRoute:
    async def endpoint(request: Request) -> Response:
        if route.role is not None and route.role not in Caller.of(request).roles:
            raise RoleRefused(route.role.value)
        try:
            return await route.handler(request, server)
        except (PeacefulError, Refusal, HTTPException):
            raise
        except Exception as error:
            # Starlette would answer, and raise it again: that would end the connection.
            _LOG.exception("%s %s failed", request.method, request.url.path)
            raise Unexpected(error) from error

    return StarletteRoute(route.path, endpoint, methods=[route.method])


def _refusal(request: Request, error: Exception) -> Refusal:
    path = path_of(request)
    match error:
        case Refusal():
            return error
        case PeacefulError():
            return Refusal(error)
        case HTTPException(status_code=HTTPStatus.NOT_FOUND):
            return Refusal(PageUnknown(path))
        case HTTPException(status_code=HTTPStatus.METHOD_NOT_ALLOWED):
            return Refusal(MethodRefused(request.method, path, _allowed(path)))
        case HTTPException(status_code=status, detail=detail):
            refused = RequestRefused(f"{detail}.", help="correct the request")
            return Refusal(refused, HTTPStatus(status))
        case _:
            raise error


def _allowed(path: str) -> set[str]:
    """Return the methods that an address allows."""
    methods: set[str] = {
        route.method for route in _ROUTES if compile_path(route.path)[0].match(path)
    }
    return methods | {"HEAD"} if "GET" in methods else methods
