"""A call of the API: what answers it, who may make it, and how it is described."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Literal, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from peaceful.model import JsonObject, encode_json
from peaceful.web._context import ServerContext
from peaceful.web._http._access import Role

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
