"""The description of the API (OpenAPI 3.1), made from its table."""

from __future__ import annotations

from collections.abc import Sequence

from peaceful.model import JsonValue
from peaceful.web._http._documents import Problem
from peaceful.web._http._problems import PROBLEM
from peaceful.web._http._route import JSON, Answer, Param, Route, declarations
from peaceful.web._http._schemas import ref, schemas


def openapi(title: str, version: str, routes: Sequence[Route]) -> dict[str, JsonValue]:
    """The description of an API.

    Args:
        title: the application's name.
        version: its version, or empty.
        routes: what can be called.
    """
    paths: dict[str, dict[str, JsonValue]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version or "0"},
        "paths": dict(paths),
        "components": {
            "schemas": dict(schemas({*declarations(routes), Problem})),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route) -> dict[str, JsonValue]:
    operation: dict[str, JsonValue] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [_param(each) for each in route.params],
        "responses": {
            **{str(status): _answer(each) for status, each in route.answers.items()},
            "default": _answer(Answer("The request failed.", Problem, PROBLEM)),
        },
    }
    if route.role is None:
        operation["security"] = []
    else:
        operation["description"] = f"Needs the role `{route.role}`."
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.body_required,
            "content": {JSON: {"schema": ref(route.body)}},
        }
    return operation


def _param(param: Param) -> JsonValue:
    return {
        "name": param.name,
        "in": param.place,
        "description": param.description,
        "required": param.required,
        "schema": param.schema,
    }


def _answer(answer: Answer) -> JsonValue:
    if answer.holds is None and answer.media_type == JSON:
        return {"description": answer.description}
    schema: JsonValue = {"type": "string"} if answer.holds is None else ref(answer.holds)
    texts: dict[str, JsonValue] = {each: {"schema": {"type": "string"}} for each in answer.others}
    content: JsonValue = {answer.media_type.partition(";")[0]: {"schema": schema}, **texts}
    return {"description": answer.description, "content": content}
