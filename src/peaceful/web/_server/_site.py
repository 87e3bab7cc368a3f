"""The server as an ASGI application, put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from peaceful.app import Contexts
from peaceful.errors import (
    MethodRefused,
    PageUnknown,
    PeacefulError,
    RequestRefused,
    RoleRefused,
    Unexpected,
)
from peaceful.model import (
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
    JsonObject,
)
from peaceful.web._api._routes import ROUTES
from peaceful.web._context import ServerContext
from peaceful.web._http._access import Access
from peaceful.web._http._openapi import openapi
from peaceful.web._http._problems import Refusal, problem_response, wants_page
from peaceful.web._http._route import Route, json_response
from peaceful.web._pages import PAGES, docs_page, problem_page
from peaceful.web._server._forms import FORMS
from peaceful.web._server._guard import Guard, path_of

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
