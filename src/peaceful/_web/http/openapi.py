"""The OpenAPI description of the API, derived from its declarations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import Any, Final, cast

import msgspec
from msgspec import inspect

from peaceful._model.codec import JsonObject, JsonValue
from peaceful._web.http.bodies import PROBLEM
from peaceful._web.http.documents import Problem
from peaceful._web.http.route import JSON, Param, Reply, Route, declarations

_REF: Final = "#/components/schemas/{name}"
_FIELDS: Final = "Attributes:\n"
_PART: Final = re.compile(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


def ref(kind: type[msgspec.Struct]) -> dict[str, JsonValue]:
    """Return the reference to the schema of a struct."""
    return {"$ref": _REF.format(name=kind.__name__)}


def schemas(routes: Iterable[Route]) -> Mapping[str, JsonObject]:
    """Return the JSON Schemas of what calls hold and answer, and of all that these use, by name."""
    kinds = {*declarations(routes), Problem}
    # Any: msgspec has no narrower type for a schema.
    _, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    declared: dict[str, type] = {}
    for kind in kinds:
        _find(inspect.type_info(kind), declared)
    return {name: _described(components[name], declared.get(name)) for name in sorted(components)}


def _find(info: object, found: dict[str, type]) -> None:
    """Collect the declarations that a type is made of; msgspec describes types as structs."""
    if isinstance(info, inspect.StructType | inspect.DataclassType):
        if info.cls.__name__ in found:
            return
        found[info.cls.__name__] = info.cls
    if isinstance(info, msgspec.Struct):
        info = msgspec.structs.astuple(info)
    if isinstance(info, tuple):
        for each in cast("tuple[object, ...]", info):
            _find(each, found)


def _described(schema: dict[str, Any], kind: type | None) -> JsonObject:
    """Move the texts below `Attributes:` to the fields, and say which are always there."""
    about = schema.pop("description", "").partition(_FIELDS)[0].strip()
    properties = cast("dict[str, dict[str, JsonValue]]", schema.get("properties", {}))
    for each in reversed(kind.__mro__ if kind is not None else ()):
        for name, text in _PART.findall(cleandoc(each.__doc__ or "").partition(_FIELDS)[2]):
            if name in properties:
                properties[name]["description"] = " ".join(text.split())
    if properties and schema.get("additionalProperties") is not False:
        # Only what is sent to the server may leave out what has a default, and what says so.
        config = getattr(kind, "__struct_config__", None)
        is_whole = config is None or not config.omit_defaults
        for name, field in properties.items():
            if field.pop("default", msgspec.UNSET) is not msgspec.UNSET and is_whole:
                schema["required"].append(name)
    return {**schema, **({"description": about} if about else {})}


def openapi(title: str, version: str, routes: Sequence[Route]) -> dict[str, JsonValue]:
    """Return the OpenAPI document of an API with a title and a version."""
    paths: dict[str, dict[str, JsonValue]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version or "0"},
        "paths": dict(paths),
        "components": {
            "schemas": dict(schemas(routes)),
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
            **{str(status): _reply(each) for status, each in route.answers.items()},
            "default": _reply(Reply("The request failed.", Problem, PROBLEM)),
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


def _reply(reply: Reply) -> JsonValue:
    if reply.holds is None and reply.media_type == JSON:
        return {"description": reply.description}
    schema: JsonValue = {"type": "string"} if reply.holds is None else ref(reply.holds)
    texts: dict[str, JsonValue] = {each: {"schema": {"type": "string"}} for each in reply.others}
    content: JsonValue = {reply.media_type.partition(";")[0]: {"schema": schema}, **texts}
    return {"description": reply.description, "content": content}
