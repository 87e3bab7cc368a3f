"""Routes, and the access to them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from peaceful._app.web_settings import Network, Role, WebSettings
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


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use the server.

    Attributes:
        hosts: the hosts that requests may be for; with a port, only at that port.
        tokens: the roles of each token; without tokens, whoever reaches the server may do all.
        cookie: the name of the cookie for a token; browsers send it to all ports of a host.
        proxies: networks of proxies whose headers about the original request are believed.
        encrypts: whether the server itself encrypts, so that browsers are told to insist on it.
    """

    hosts: tuple[str, ...] = LOOPBACK
    tokens: Mapping[str, frozenset[Role]] = field(default_factory=dict[str, frozenset[Role]])
    cookie: str = "peaceful"
    proxies: tuple[Network, ...] = ()
    encrypts: bool = False

    @classmethod
    def of(cls, settings: WebSettings) -> Access:
        """Return the access to an application that is mounted in a site."""
        return cls(
            tuple(host.lower() for host in settings.hosts) or LOOPBACK,
            {token.text: token.roles for token in settings.tokens},
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

    def roles_of_token(self, token: str) -> frozenset[Role]:
        """Return the roles of a token; raise `TokenRefused` if it is unknown."""
        return self._roles({each: each for each in self.tokens}, token)

    def roles_of_cookie(self, value: str) -> frozenset[Role]:
        """Return the roles of a cookie's token; raise `TokenRefused` if unknown."""
        return self._roles({each: cookie_value(each) for each in self.tokens}, value)

    def _roles(self, known: Mapping[str, str], given: str) -> frozenset[Role]:
        found: frozenset[Role] | None = None
        for token, text in known.items():
            # All of them, so that the time tells nothing.
            if hmac.compare_digest(text.encode(), given.encode(errors="replace")):
                found = self.tokens[token]
        if found is None:
            raise TokenRefused
        return found


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
