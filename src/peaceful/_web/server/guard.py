"""The ASGI middleware that decides who may use the server, and sets the headers of answers."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from peaceful._app.web_settings import Network
from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import HostRefused, TokenRefused
from peaceful._present.text import one_line
from peaceful._web.http.bodies import path_of, root_path
from peaceful._web.http.route import NOBODY, Access, Caller, cookie_value

_LOG = logging.getLogger("peaceful.web.access")

_OPEN: Final = frozenset({"/healthz", "/readyz"})
_OPEN_FOLDER: Final = "/static/"

Refuse: TypeAlias = Callable[[Request, PeacefulError], Response]
"""Makes the answer to a refused request."""

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_COOKIE_DAYS: Final = 30

_HSTS_DAYS: Final = 30
"""How long a browser insists on HTTPS, after it has seen some (RFC 6797)."""


class Guard:
    """ASGI middleware that lets only those in who may use the server, and refuses others."""

    def __init__(self, app: ASGIApp, access: Access, refuse: Refuse) -> None:
        self._app = app
        self._access = access
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer_http(Request(forwarded(scope, self._access.proxies), receive), send)
        else:
            # Nothing here speaks over web sockets.
            await send({"type": "websocket.close", "code": 1008})

    async def _answer_http(self, request: Request, send: Send) -> None:
        status: int | None = None
        since = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
                if self._access.sends_hsts(request.headers.get("host", "")):
                    headers["Strict-Transport-Security"] = f"max-age={_HSTS_DAYS * 24 * 60 * 60}"
            await send(message)

        try:
            try:
                response = self._let_in(request)
            except PeacefulError as error:
                response = self._refuse(request, error)
            await (response or self._app)(request.scope, request.receive, send_with_headers)
        finally:
            _log(request, status, time.perf_counter() - since)

    def _let_in(self, request: Request) -> Response | None:
        """Return the answer to a request that goes no further, or `None`."""
        path = path_of(request)
        host = self._checked_host(request.headers)
        self._access.check_origin(
            request.method,
            own=f"{request.url.scheme}://{host}",
            origin=request.headers.get("origin"),
            fetch_site=request.headers.get("sec-fetch-site"),
            api=path.startswith("/api"),
        )
        token = request.query_params.get("token")
        if token is not None and request.method in {"GET", "HEAD"} and not path.startswith("/api"):
            return self._welcome(request, path, token)
        request.state.caller = NOBODY if is_open(path) else self._caller(request)
        return None

    def _checked_host(self, headers: Headers) -> str:
        hosts = headers.getlist("host")
        if len(hosts) != 1:
            raise HostRefused(" and ".join(hosts), self._access.hosts)
        self._access.check_host(hosts[0])
        return hosts[0]

    def _caller(self, connection: HTTPConnection) -> Caller:
        if not self._access.tokens:
            return Caller()
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._access.caller_by_token(token.strip())
        cookie = connection.cookies.get(self._cookie_of(connection))
        if cookie is None:
            raise TokenRefused
        return self._access.caller_by_cookie(cookie)

    def _cookie_of(self, connection: HTTPConnection) -> str:
        """Return the name of the cookie.

        Over HTTPS at the root of a site, its prefix makes browsers take it from this very host
        only.
        """
        has_prefix = connection.url.scheme == "https" and not root_path(connection)
        return f"__Host-{self._access.cookie}" if has_prefix else self._access.cookie

    def _welcome(self, request: Request, path: str, token: str) -> Response:
        """Turn the token of an address into a cookie, and redirect to the address without it."""
        if self._access.tokens:
            self._access.caller_by_token(token)
        others = [each for each in request.query_params.multi_items() if each[0] != "token"]
        query = f"?{urlencode(others)}" if others else ""
        root = root_path(request)
        # With one slash at its beginning, it is a path for certain, and not another host.
        location = "/" + quote(f"{root}{path}".lstrip("/\\")) + query
        response = Response(status_code=303, headers={"Location": location})
        if self._access.tokens:
            response.set_cookie(
                self._cookie_of(request),
                cookie_value(token),
                max_age=_COOKIE_DAYS * 24 * 60 * 60,
                path=f"{root}/",
                secure=request.url.scheme == "https",
                httponly=True,
                samesite="strict",
            )
        return response


def is_open(path: str) -> bool:
    """Return whether a path needs no token; below the path that the server is mounted at."""
    return path in _OPEN or path.startswith(_OPEN_FOLDER)


def forwarded(scope: Scope, proxies: Sequence[Network]) -> Scope:
    """Return the scope of a request as it came to the proxy; unchanged from anybody else.

    Of several values of a header, the last one is that of the nearest proxy.
    """
    if not proxies or not _is_from_proxy(scope, proxies):
        return scope
    headers = Headers(scope=scope)
    found = dict(scope)
    if (scheme := _last_value(headers, "x-forwarded-proto").lower()) in {"http", "https"}:
        found["scheme"] = scheme
    if host := _last_value(headers, "x-forwarded-host"):
        kept = [each for each in scope["headers"] if each[0] != b"host"]
        found["headers"] = [*kept, (b"host", host.encode("latin-1"))]
    return found


def _is_from_proxy(scope: Scope, proxies: Sequence[Network]) -> bool:
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0]) if client else None
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        # As a socket for both kinds of addresses has it.
        address = address.ipv4_mapped
    return address is not None and any(address in network for network in proxies)


def _last_value(headers: Headers, name: str) -> str:
    values = headers.getlist(name)
    return values[-1].rpartition(",")[2].strip() if values else ""


def _log(request: Request, status: int | None, seconds: float) -> None:
    """Log a request without its query, which may hold a token."""
    if _LOG.isEnabledFor(logging.DEBUG):
        milliseconds = round(seconds * 1000, 1)
        method, path = one_line(request.method, 20), one_line(request.scope["path"], 200)
        fields = {"method": method, "path": path, "status": status, "ms": milliseconds}
        answer = status or "not answered"
        _LOG.debug("%s %s: %s, %s ms", method, path, answer, milliseconds, extra=fields)
