"""The site: pages, forms and the API behind one guard."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
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
from starlette.types import Receive, Scope, Send

from peaceful._app.contexts import Contexts
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
from peaceful._model.codec import JsonObject, JsonValue
from peaceful._model.field_types import ExecutionId
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._web.api.routes import ROUTES
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import (
    Refusal,
    found,
    found_in_thread,
    problem_response,
    wants_page,
    whole_body,
    wrong_field,
)
from peaceful._web.http.fields import checked_id, interrupt_request, start_request
from peaceful._web.http.interrupts import interrupted
from peaceful._web.http.openapi import openapi
from peaceful._web.http.route import Access, Handler, Role, Route, json_response
from peaceful._web.pages.docs_page import docs_page
from peaceful._web.pages.execution_page import started_part
from peaceful._web.pages.flow_pages import clean_question, environment_page
from peaceful._web.pages.page_routes import PAGES
from peaceful._web.pages.param_fields import PARAM_PREFIX, given_params
from peaceful._web.pages.problem_page import problem_page
from peaceful._web.pages.site import by_script
from peaceful._web.server.guard import Guard, path_of

_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 10_000
_NAMES: Final = {"flow_id": "flow"}
_WORDS: Final = {"true": True, "on": True, "false": False, "": False}


async def interrupt(request: Request, server: ServerContext) -> Response:
    """Interrupts an execution: the seed's `cmd_exec_interrupt`."""
    fields = dict(await _fields(request))
    execution_id = checked_id(fields.pop("execution_id", ""))
    level, reason = interrupt_request({name: value for name, value in fields.items() if value})
    try:
        await interrupted(server, execution_id, level, InterruptSource.WEB, reason)
    except Refusal as refusal:
        # It ended meanwhile: its page says how.
        if not isinstance(refusal.error, AlreadyEnded):
            raise
    if by_script(request):
        # What the page gets besides shows what came of it, in the order in which it came about.
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return _page_of(request, execution_id)


def _starting(command: CommandName) -> Handler:
    async def start(request: Request, server: ServerContext) -> Response:
        fields = await _fields(request)
        typed = {name: value for name, value in fields if name.startswith(PARAM_PREFIX)}
        wanted = _wanted(command, fields, server.contexts, typed)
        refused = await _not_confirmed(request, server, wanted, dict(fields))
        if refused is not None:
            return refused
        try:
            started = await server.running.start(wanted, "web")
        except (ParamsInvalid, ParamsMissing) as error:
            if not wants_page(request) or by_script(request):
                raise
            shown: dict[str, JsonValue] = {
                name.removeprefix(PARAM_PREFIX): value for name, value in typed.items()
            }
            return await environment_page(
                request, server, wanted.profile, wanted.flow, typed=shown, error=error
            )
        if by_script(request):
            return await started_part(request, server, started.record)
        return _page_of(request, started.record.id)

    return start


def _wanted(
    command: CommandName,
    fields: list[tuple[str, str]],
    contexts: Contexts,
    typed: dict[str, str],
) -> RunRequest:
    """What a form asks for."""
    body: dict[str, JsonValue] = {"command": command}
    for name, value in fields:
        if name == "only":
            only = body.setdefault("only", [])
            assert isinstance(only, list)
            only.append(value)
        elif name == "dry_run":
            body["dry_run"] = _WORDS.get(value.lower(), value)
        elif name == "command":
            raise wrong_field(name, "the address says which command it is")
        elif name not in typed and not (command == "clean" and name == "confirm"):
            body[_NAMES.get(name, name)] = value
    if command == "discover":
        # A form has one set of fields for all of its buttons.
        body.pop("dry_run", None)
    wanted = start_request(body)
    if not typed:
        return wanted
    group = found(lambda: contexts.app.declared.flow(wanted.flow))
    texts = {name.removeprefix(PARAM_PREFIX): value for name, value in typed.items()}
    return replace(wanted, params=given_params(group, texts))


async def _not_confirmed(
    request: Request, server: ServerContext, wanted: RunRequest, fields: JsonObject
) -> Response | None:
    """The question once more, where a profile asks before it is cleaned up; none where it may."""
    contexts = server.contexts
    asks = await found_in_thread(lambda: contexts.asks_before(wanted))
    if not asks or fields.get("confirm") == wanted.profile:
        return None
    wrong = UsageError(
        f"{wanted.profile} is protected, and its name was not typed: nothing was started.",
        help=f"type {wanted.profile} to clean it up",
    )
    if not wants_page(request):
        raise wrong
    return await clean_question(request, server, wanted.profile, wanted.flow, wrong)


def _page_of(request: Request, execution_id: ExecutionId) -> Response:
    root: str = request.scope.get("root_path", "")
    location = f"{root}/executions/{execution_id}"
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": location})


async def _fields(request: Request) -> list[tuple[str, str]]:
    body = await whole_body(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        refused = BodyRefused(f"The body is {kind[:50] or 'of an unknown kind'}, not a form.",
                              help="use the form of the page")  # fmt: skip
        raise Refusal(refused, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        text = body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        refused = BodyRefused(f"The body is no form: {error}.", help="use the form of the page")
        raise Refusal(refused) from error


FORMS: Final = (
    Route(
        "POST", "/cmd_exec_interrupt", "cmd_exec_interrupt", "Interrupts an execution.",
        interrupt, Role.INTERRUPT,
    ),
    Route(
        "POST", "/ensure_cmd", "ensure_cmd", "Brings a flow of a profile to its goal.",
        _starting("ensure"), Role.RUN,
    ),
    Route(
        "POST", "/clean_cmd", "clean_cmd", "Cleans a flow of a profile up.",
        _starting("clean"), Role.RUN,
    ),
    Route(
        "POST", "/discover_cmd", "discover_cmd", "Finds out how a flow of a profile stands.",
        _starting("discover"), Role.RUN,
    ),
)  # fmt: skip
"""Every form."""


_LOG = logging.getLogger("peaceful.web")

_ALL: Final = (*ROUTES, *FORMS, *PAGES, docs_page(ROUTES))
"""Everything that can be asked for, but the description of the API."""

_SMALL: Final = 1024
"""Bytes of an answer that is not worth compressing; streams of events never are."""

_PACKED: Final = 5
"""How hard answers are compressed, from 1 to 9: pages become eight times smaller at little cost."""

Endpoint = Callable[[Request], Awaitable[Response]]


class WebApp:
    """An application's API as an ASGI application, to be served or mounted.

    Args:
        server: what requests need.
        access: who may use it.
        title: the application's name.
        version: its version, or empty.

    Attributes:
        server: what requests need.
    """

    def __init__(
        self, server: ServerContext, access: Access, *, title: str = "peaceful", version: str = ""
    ) -> None:
        self.server: Final = server
        self._title = title
        description = openapi(title, version, ROUTES)
        site = Starlette(
            routes=[*_routes(_ALL, server), _description(description)],
            exception_handlers={
                PeacefulError: self._on_error,
                Refusal: self._on_refusal,
                HTTPException: self._on_http_exception,
            },
            middleware=[Middleware(GZipMiddleware, minimum_size=_SMALL, compresslevel=_PACKED)],
            lifespan=self.lifespan,
        )
        site.router.redirect_slashes = False
        self._guarded = Guard(site, access, self._refuse)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        await self._guarded(scope, receive, send)

    def interrupt_all(self, signal: InterruptSignal) -> None:
        """Starts nothing new any more, and interrupts what this server runs.

        May be called again with a signal of a higher level. To be called in the server's event
        loop.
        """
        self.server.running.interrupt_all(signal)

    async def ended(self) -> None:
        """Returns when nothing runs any more, and all watchers were told so.

        To be awaited after `interrupt_all`.
        """
        await self.server.running.ended()
        await self.server.watches.close()
        await self.server.layouts.close()

    def _refuse(
        self, request: Request, error: PeacefulError, refusal: Refusal | None = None
    ) -> Response:
        """The answer to a request that failed: a page for people, a document for programs."""
        if wants_page(request):
            status = None if refusal is None else refusal.status
            return problem_page(request, error, self._title, status)
        return problem_response(error, refusal)

    async def _on_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, PeacefulError)
        return self._refuse(request, error)

    async def _on_refusal(self, request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        return self._refuse(request, refusal.error, refusal)

    async def _on_http_exception(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = path_of(request)
        match error.status_code:
            case HTTPStatus.NOT_FOUND:
                return self._refuse(request, PageUnknown(path))
            case HTTPStatus.METHOD_NOT_ALLOWED:
                return self._refuse(request, MethodRefused(request.method, path, _allowed(path)))
            case status:
                refused = RequestRefused(f"{error.detail}.", help="correct the request")
                return self._refuse(request, refused, Refusal(refused, HTTPStatus(status)))

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncGenerator[None]:
        """At the end of the context, interrupts what runs, and waits for it.

        A site that this is mounted in takes it as its own `lifespan`, or enters it there.
        """
        yield
        # Whoever serves this may have interrupted everything before: then this changes nothing.
        now = self.server.clock.now()
        self.interrupt_all(InterruptSignal(InterruptLevel.STOP, InterruptSource.SIGTERM, now))
        await self.ended()


def web_app(contexts: Contexts, server: ServerContext, access: Access) -> WebApp:
    """The API of an application in a workspace."""
    return WebApp(server, access, title=contexts.app.name, version=contexts.app.version)


def _routes(routes: Iterable[Route], server: ServerContext) -> Iterable[StarletteRoute]:
    for route in routes:
        endpoint = _endpoint(route, server)
        yield StarletteRoute(route.path, endpoint, methods=[route.method], name=route.name)


def _endpoint(route: Route, server: ServerContext) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        if route.role is not None and route.role not in request.state.roles:
            raise RoleRefused(route.role.value)
        try:
            return await route.handler(request, server)
        except (PeacefulError, Refusal, HTTPException):
            raise
        except Exception as error:
            # Starlette would answer, and raise it again: that would end the connection.
            _LOG.exception("%s %s failed", request.method, request.url.path)
            raise Unexpected(error) from error

    return endpoint


def _description(document: JsonObject) -> StarletteRoute:
    async def endpoint(_: Request) -> Response:
        return json_response(document)

    return StarletteRoute("/api/openapi.json", endpoint, methods=["GET"], name="openapi")


def _allowed(path: str) -> set[str]:
    """What can be done with an address."""
    methods: set[str] = set()
    for route in _ALL:
        if StarletteRoute(route.path, _on_nothing).path_regex.match(path):
            methods |= {route.method, *(["HEAD"] if route.method == "GET" else [])}
    return methods or {"GET", "HEAD"}


async def _on_nothing(_: Request) -> Response:
    raise AssertionError("only its path is of interest")
