"""Routes, and the access to them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from peaceful._app.web_settings import EVERYTHING, Network, Role, WebSettings, WebToken
from peaceful._errors.requests import HostRefused, OriginRefused, TokenRefused
from peaceful._model.codec import JsonObject, encode_masked
from peaceful._web.context import ServerContext

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""The names of this machine for itself."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

Handler: TypeAlias = Callable[[Request, ServerContext], Awaitable[Response]]
"""A function that answers requests."""

JSON: Final = "application/json"

_PORT: Final = re.compile(r":[0-9]{1,5}$", re.ASCII)
_OWN: Final = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` for requests of this server's pages, or that a person typed."""


class Caller(msgspec.Struct, frozen=True):
    """Who sent a request, as far as that is known.

    Attributes:
        roles: what they may do.
        name: the name of the token; empty if it has none.
    """

    roles: frozenset[Role] = EVERYTHING
    name: str = ""

    @classmethod
    def of(cls, request: Request) -> Caller:
        """Return who sent a request; nobody that is known, and without roles, by default."""
        caller: Caller = getattr(request.state, "caller", NOBODY)
        return caller


NOBODY: Final = Caller(frozenset())


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use the server.

    Attributes:
        hosts: the hosts that requests may be for; with a port, only at that port.
        tokens: what requests hold one of; without any, whoever reaches the server may do all.
        cookie: the name of the cookie for a token; browsers send it to all ports of a host.
        proxies: networks of proxies whose headers about the original request are believed.
        encrypts: whether the server itself encrypts, so that browsers are told to insist on it.
    """

    hosts: tuple[str, ...] = LOOPBACK
    tokens: tuple[WebToken, ...] = ()
    cookie: str = "peaceful"
    proxies: tuple[Network, ...] = ()
    encrypts: bool = False

    @classmethod
    def of(cls, settings: WebSettings) -> Access:
        """Return the access to an application that is mounted in a site."""
        return cls(
            tuple(host.lower() for host in settings.hosts) or LOOPBACK,
            settings.tokens,
            proxies=tuple(settings.networks()),
        )

    def sends_hsts(self, host: str) -> bool:
        """Return whether browsers are to insist on HTTPS at a host.

        They are not on this machine, where other servers do not encrypt.
        """
        return self.encrypts and _PORT.sub("", host.lower()) not in LOOPBACK

    def check_host(self, host: str) -> None:
        """Raise `HostRefused` for a request to another host (DNS rebinding)."""
        asked = host.lower()
        name = _PORT.sub("", asked)
        at_any_port = name in self.hosts and not _PORT.search(name)
        if asked not in self.hosts and not at_any_port:
            raise HostRefused(host, self.hosts)

    def check_origin(
        self, method: str, *, own: str, origin: str | None, fetch_site: str | None, api: bool
    ) -> None:
        """Raise `OriginRefused` for a request from a page of another site (CSRF).

        `own` is this server's origin. No link of another site may lead to an answer of the `api`.
        """
        if origin is not None and origin.lower() != own.lower():
            raise OriginRefused(origin)
        if fetch_site is not None and fetch_site not in _OWN and (api or method not in _SAFE):
            raise OriginRefused(fetch_site)

    def caller_by_token(self, token: str) -> Caller:
        """Return who sent a request with a token; raise `TokenRefused` if it is unknown."""
        return self._caller(token, lambda text: text)

    def caller_by_cookie(self, value: str) -> Caller:
        """Return who sent a request with the cookie of a token; raise `TokenRefused` if unknown."""
        return self._caller(value, cookie_value)

    def _caller(self, given: str, sent_for: Callable[[str], str]) -> Caller:
        found: WebToken | None = None
        for token in self.tokens:
            # All of them, so that the time tells nothing.
            sent = sent_for(token.text).encode()
            if hmac.compare_digest(sent, given.encode(errors="replace")):
                found = token
        if found is None:
            raise TokenRefused
        return Caller(found.roles, found.name)


def cookie_value(token: str) -> str:
    """Return the value of the cookie for a token, which must not leak by it."""
    return hmac.new(token.encode(), b"peaceful cookie", hashlib.sha256).hexdigest()


class Param(msgspec.Struct, frozen=True):
    """A parameter of a call, with the JSON Schema of its value."""

    name: str
    place: Literal["path", "query", "header"]
    description: str
    schema: JsonObject
    required: bool = False


class Reply(msgspec.Struct, frozen=True):
    """An answer of a call: a document (`holds`), a text of some media type, or nothing.

    `others` are the media types of texts that the request may ask for instead.
    """

    description: str
    holds: type[msgspec.Struct] | None = None
    media_type: str = JSON
    others: tuple[str, ...] = ()


class Route(msgspec.Struct, frozen=True):
    """A call of the API, or a page; everybody may make it if `role` is `None`.

    Only calls of the API have a name and a summary. Each may have problems as answers besides its
    own, which are given by status.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Handler
    role: Role | None
    name: str = ""
    summary: str = ""
    params: tuple[Param, ...] = ()
    body: type[msgspec.Struct] | None = None
    body_required: bool = True
    answers: Mapping[int, Reply] = {}


def json_response(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer that is a JSON document."""
    return Response(encode_masked(value), status, headers, JSON)


def declarations(routes: Iterable[Route]) -> set[type[msgspec.Struct]]:
    """Return the structs that bodies and answers of calls are declared as."""
    held = (answer.holds for route in routes for answer in route.answers.values())
    return {each for each in (*held, *(route.body for route in routes)) if each is not None}
