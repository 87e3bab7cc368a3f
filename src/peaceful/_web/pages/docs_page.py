"""The reference page of the API, made from its table."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from peaceful._model.codec import JsonObject, JsonValue
from peaceful._web.context import ServerContext
from peaceful._web.http.documents import Problem
from peaceful._web.http.openapi import schemas
from peaceful._web.http.route import Role, Route, declarations
from peaceful._web.pages.site import Site, page


class ParamDoc(msgspec.Struct, frozen=True):
    """A parameter of a call, for its table."""

    name: str
    place: str
    type: str
    description: str
    required: bool


class AnswerDoc(msgspec.Struct, frozen=True):
    """An answer of a call, for its table."""

    status: int
    description: str
    schema: str | None
    media_type: str


class CallDoc(msgspec.Struct, frozen=True):
    """A call of the API, as the page shows it."""

    method: str
    path: str
    name: str
    summary: str
    role: str
    params: tuple[ParamDoc, ...]
    body: str | None
    body_required: bool
    answers: tuple[AnswerDoc, ...]


def docs_page(routes: tuple[Route, ...]) -> Route:
    """The page about an API.

    Args:
        routes: its calls.
    """
    calls = tuple(_call(route) for route in routes)
    described = tuple(
        (name, json.dumps(schema, indent=2, ensure_ascii=False))
        for name, schema in schemas({*declarations(routes), Problem}).items()
    )

    async def reference(request: Request, server: ServerContext) -> Response:
        return page("docs.html", Site.of(request, server), calls=calls, schemas=described)

    return Route("GET", "/api/docs", "docs", "Describes the API.", reference, Role.VIEW)


def _call(route: Route) -> CallDoc:
    return CallDoc(
        route.method,
        route.path,
        route.name,
        route.summary,
        "" if route.role is None else route.role.value,
        tuple(
            ParamDoc(each.name, each.place, _type(each.schema), each.description, each.required)
            for each in route.params
        ),
        None if route.body is None else route.body.__name__,
        route.body_required,
        tuple(_answers(route)),
    )


def _answers(route: Route) -> Iterator[AnswerDoc]:
    for status, answer in route.answers.items():
        held = None if answer.holds is None else answer.holds.__name__
        yield AnswerDoc(status, answer.description, held, answer.media_type)


def _type(schema: JsonObject) -> str:
    enum = schema.get("enum")
    if isinstance(enum, list):
        return " | ".join(_word(each) for each in enum)
    items = schema.get("items")
    if isinstance(items, dict):
        return f"any of {_type(items)}"
    found = schema.get("format") or schema.get("type")
    return found if isinstance(found, str) else ""


def _word(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
