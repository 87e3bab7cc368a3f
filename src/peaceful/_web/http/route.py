"""Routes, and who may take them."""

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

from peaceful._app.web_settings import EVERYTHING, Network, Role, WebSettings
from peaceful._errors.requests import HostRefused, OriginRefused, TokenRefused
from peaceful._model.codec import JsonObject, encode_json
from peaceful._web.context import ServerContext

__all__ = ["EVERYTHING", "LOOPBACK", "SAFE", "Access", "Role", "cookie_value"]

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""What this machine is called by itself."""

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

_PORT: Final = re.compile(r":[0-9]{1,5}$", re.ASCII)
_OWN: Final = frozenset({"same-origin", "none"})
"""What browsers say of requests that this server's pages make, or that a person typed."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use the server.

    Attributes:
        hosts: what the server is called; with a port, only at that port.
        tokens: by token, what it may be used for. Where there is none, whoever reaches the server
            may do everything: for applications that are mounted in a site which looks after that.
        cookie: the name of the cookie that a browser's token becomes. Browsers do not tell servers
            apart by their ports, so each server should have a name of its own.
        proxies: addresses whose word on the original request is taken.
        encrypts: whether the server itself encrypts, and browsers are told to insist on it.
    """

    hosts: tuple[str, ...] = LOOPBACK
    tokens: Mapping[str, frozenset[Role]] = field(default_factory=dict[str, frozenset[Role]])
    cookie: str = "peaceful"
    proxies: tuple[Network, ...] = ()
    encrypts: bool = False

    @classmethod
    def of(cls, settings: WebSettings) -> Access:
        """For an application that is mounted in a site."""
        return cls(
            tuple(host.lower() for host in settings.hosts) or LOOPBACK,
            {token.text: token.roles for token in settings.tokens},
            proxies=tuple(settings.networks()),
        )

    def insists(self, host: str) -> bool:
        """Whether browsers are told to insist on encryption at a host, at whatever port.

        Not where it is this machine, on which other servers do not encrypt.
        """
        return self.encrypts and _PORT.sub("", host.lower()) not in LOOPBACK

    def check_host(self, host: str) -> None:
        """Refuses requests for other hosts: a page elsewhere may have made its name mean this one.

        Raises:
            HostRefused: the request is for another host.
        """
        asked = host.lower()
        name = _PORT.sub("", asked)
        at_any_port = name in self.hosts and not _PORT.search(name)
        if asked not in self.hosts and not at_any_port:
            raise HostRefused(host, self.hosts)

    def check_origin(
        self, method: str, *, own: str, origin: str | None, fetch_site: str | None, api: bool
    ) -> None:
        """Refuses what pages of other sites ask for, whether or not they could read the answer.

        Args:
            method: of the request.
            own: this server's origin, as the request names it.
            origin: the header `Origin`, or none.
            fetch_site: the header `Sec-Fetch-Site`, or none.
            api: whether a program is meant to read the answer, as opposed to a person who followed
                a link.

        Raises:
            OriginRefused: a page of another site asks.
        """
        if origin is not None and origin.lower() != own.lower():
            raise OriginRefused(origin)
        if fetch_site is not None and fetch_site not in _OWN and (api or method not in SAFE):
            raise OriginRefused(fetch_site)

    def roles_of_token(self, token: str) -> frozenset[Role]:
        """What a token may be used for.

        Raises:
            TokenRefused: it is not one of this server's.
        """
        return self._roles({each: each for each in self.tokens}, token)

    def roles_of_cookie(self, value: str) -> frozenset[Role]:
        """What the token may be used for that a cookie was made from.

        Raises:
            TokenRefused: it was not made by this server.
        """
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
    """What a browser keeps in place of a token, which could be used elsewhere."""
    return hmac.new(token.encode(), b"peaceful cookie", hashlib.sha256).hexdigest()


Handler: TypeAlias = Callable[[Request, ServerContext], Awaitable[Response]]
"""Answers a request with what the server has for it."""

JSON = "application/json"
"""The media type of most answers."""


class Param(msgspec.Struct, frozen=True):
    """A parameter of a call.

    Attributes:
        name: its name.
        place: where it is given.
        description: what it means.
        schema: what it may be.
        required: whether it has to be given.
    """

    name: str
    place: Literal["path", "query", "header"]
    description: str
    schema: JsonObject
    required: bool = False


class Answer(msgspec.Struct, frozen=True):
    """An answer that a call may get.

    Attributes:
        description: what it means.
        holds: the declaration of what it holds; none where that is nothing, or a text.
        media_type: of which kind it is.
        others: further kinds, of which it is a text where the request asks for that.
    """

    description: str
    holds: type[msgspec.Struct] | None = None
    media_type: str = JSON
    others: tuple[str, ...] = ()


class Route(msgspec.Struct, frozen=True):
    """A call of the API.

    Attributes:
        method: GET or POST.
        path: with its parameters in braces.
        name: unique.
        summary: what it does, in a sentence.
        handler: answers it.
        role: what it needs; none where everybody may make it.
        params: its parameters.
        body: the declaration of its body; none where it has none.
        body_required: whether the body may not be left out.
        answers: by status, the answers besides problems that every call may have.
    """

    method: Literal["GET", "POST"]
    path: str
    name: str
    summary: str
    handler: Handler
    role: Role | None
    params: tuple[Param, ...] = ()
    body: type[msgspec.Struct] | None = None
    body_required: bool = True
    answers: Mapping[int, Answer] = {}


def json_response(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that is a JSON document."""
    return Response(encode_json(value), status, headers, JSON)


def declarations(routes: Iterable[Route]) -> set[type[msgspec.Struct]]:
    """Return what the bodies and answers of calls are declared as."""
    held = (answer.holds for route in routes for answer in route.answers.values())
    return {each for each in (*held, *(route.body for route in routes)) if each is not None}
