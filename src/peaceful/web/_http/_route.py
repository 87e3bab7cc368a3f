"""A call of the API: what answers it, who may make it, and how it is described."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from peaceful.executions import JsonObject
from peaceful.model import JsonValue
from peaceful.resources import Resources
from peaceful.web._http._access import Role
from peaceful.web._live._feed import json_bytes

Handler: TypeAlias = Callable[[Request, Resources], Awaitable[Response]]
"""Answers a request with the parts of the server's context that it needs."""

JSON = "application/json"
"""The media type of most answers."""


@dataclass(frozen=True, slots=True)
class Param:
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


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that a call may get.

    Attributes:
        description: what it means.
        schema: what it holds: the name of a schema, or none where it holds nothing.
        media_type: of which kind it is.
        others: further kinds, of which it is a text where the request asks for that.
    """

    description: str
    schema: str | None = None
    media_type: str = JSON
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A call of the API.

    Attributes:
        method: GET or POST.
        path: with its parameters in braces.
        name: unique.
        summary: what it does, in a sentence.
        handler: answers it.
        role: what it needs; none where everybody may make it.
        params: its parameters.
        body: the name of the schema of its body; none where it has none.
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
    body: str | None = None
    body_required: bool = True
    answers: Mapping[int, Answer] = field(default_factory=dict[int, Answer])


def json_response(
    value: JsonValue, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that is a JSON document."""
    return Response(json_bytes(value), status, headers, JSON)
