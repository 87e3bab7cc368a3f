"""The form of a flow's parameters, made from their schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from peaceful.app import FlowParam
from peaceful.model import JsonObject, JsonValue

PREFIX: Final = "param."
"""What the names of fields begin with that hold parameters."""

_KINDS: Final = {"integer": "number", "number": "number"}
_STRUCTURED: Final = frozenset({"array", "object"})
_NO: Final = ("yes", "no")


@dataclass(frozen=True, slots=True)
class ParamField:
    """A field of the form.

    Attributes:
        name: of the parameter.
        kind: of the input.
        value: what it holds.
        options: what can be chosen; empty where it is typed.
        lines: whether it has several lines.
        fixed: whether it cannot be changed here.
        step: of numbers.
        required: whether it has to be given.
        placeholder: what it is without a value.
        hint: what is to be known of it.
        error: why its value is wrong; empty where it is not.
    """

    name: str
    kind: str = "text"
    value: str = ""
    options: tuple[str, ...] = ()
    lines: bool = False
    fixed: bool = False
    step: str = "1"
    required: bool = False
    placeholder: str = ""
    hint: str = ""
    error: str = ""


def param_fields(
    schema: JsonObject,
    values: JsonObject,
    *,
    secrets: frozenset[str] = frozenset(),
    wrong: Mapping[str, str] | None = None,
) -> tuple[ParamField, ...]:
    """The fields of a form.

    Args:
        schema: of the parameters, as JSON Schema.
        values: what they are now, or what somebody has typed.
        secrets: parameters that hold secrets: where they come from is said, and not asked for. A
            source may be a command or a file of the server's machine, which nobody may name from
            elsewhere.
        wrong: by parameter, why its value is wrong.
    """
    return tuple(_fields(schema, values, secrets, wrong or {}))


def given_params(schema: JsonObject, typed: Mapping[str, str]) -> dict[str, JsonValue]:
    """The parameters that a form gives.

    A field that is empty, of a parameter that may be left out, gives nothing; where it may be null,
    it gives null.

    Args:
        schema: of the parameters.
        typed: by parameter, what somebody has typed.
    """
    properties = object_of(schema, "properties")
    required = _required(schema)
    given: dict[str, JsonValue] = {}
    for name, text in typed.items():
        types = _types(schema, object_of(properties, name))
        if not text and "null" in types:
            given[name] = None
        elif text or (name in required and "string" in types):
            given[name] = _value(text, types)
    return given


def _fields(
    schema: JsonObject, values: JsonObject, secrets: frozenset[str], wrong: Mapping[str, str]
) -> Iterator[ParamField]:
    required = _required(schema)
    for name, found in object_of(schema, "properties").items():
        of = as_object(found)
        types = _types(schema, of)
        secret = name in secrets
        options = () if secret else _options(schema, of, required=name in required)
        yield ParamField(
            name,
            "text" if secret else _kind(types),
            shown_value(values.get(name)),
            options,
            lines=not options and not secret and bool(types & _STRUCTURED),
            fixed=secret,
            step="1" if "integer" in types else "any",
            required=name in required,
            placeholder=shown_value(of.get("default")),
            hint=_hint(of, types, secret=secret),
            error=wrong.get(name, ""),
        )


def shown_value(value: JsonValue) -> str:
    """A value as it is typed."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False, default=dict)


def type_words(schema: JsonObject, of: JsonObject) -> str:
    """The type of a parameter, for people."""
    options = _options(schema, of, required=True)
    if options:
        return " or ".join(options)
    return " or ".join(sorted(_types(schema, of) - {"null"})) or "anything"


def _value(text: str, types: frozenset[str]) -> JsonValue:
    """What is typed, as a value; text where it is none: whoever checks it says why."""
    if "boolean" in types and text in _NO:
        return text == "yes"
    if types & _STRUCTURED:
        try:
            value: JsonValue = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return value
    return text


def _required(schema: JsonObject) -> frozenset[str]:
    names = schema.get("required")
    return frozenset(map(str, names)) if isinstance(names, list) else frozenset()


def _kind(types: frozenset[str]) -> str:
    if "string" in types:
        return "text"
    return next((_KINDS[each] for each in types if each in _KINDS), "text")


def _options(schema: JsonObject, of: JsonObject, *, required: bool) -> tuple[str, ...]:
    found: list[str] = []
    for each in _alternatives(schema, of):
        enum = each.get("enum")
        if isinstance(enum, list):
            found += [shown_value(one) for one in enum]
        elif each.get("type") == "boolean":
            found += _NO
        elif each.get("type") != "null":
            return ()
    nothing = () if required and "default" not in of else ("",)
    if "default" in of and of["default"] is not None:
        nothing = ()
    return (*nothing, *found) if found else ()


def _types(schema: JsonObject, of: JsonObject) -> frozenset[str]:
    found = (each.get("type") for each in _alternatives(schema, of))
    return frozenset(kind for kind in found if isinstance(kind, str))


def _alternatives(schema: JsonObject, of: JsonObject) -> Sequence[JsonObject]:
    """What a value may be: each way in which a schema allows one."""
    reference = of.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        return _alternatives(schema, object_of(object_of(schema, "$defs"), name))
    either = of.get("anyOf")
    if isinstance(either, list):
        parts = [as_object(each) for each in either]
        return [one for part in parts for one in _alternatives(schema, part)]
    return [of]


def _hint(of: JsonObject, types: frozenset[str], *, secret: bool) -> str:
    parts = [str(of["description"])] if isinstance(of.get("description"), str) else []
    if secret:
        parts.append("A secret: where it comes from is said in a terminal, by init.")
    elif types & _STRUCTURED:
        parts.append("As JSON.")
    return " ".join(parts)


def shown_default(param: FlowParam) -> str:
    """What a parameter is without a value, for people."""
    return "needed" if param.required else shown_value(str(param.default))


def object_of(schema: JsonObject, key: str) -> JsonObject:
    """A part of a schema; an empty one where there is none."""
    return as_object(schema.get(key))


def as_object(value: JsonValue) -> JsonObject:
    """A part of a schema; an empty one where it is none."""
    return value if isinstance(value, Mapping) else _NOTHING


_NOTHING: Final[JsonObject] = {}
