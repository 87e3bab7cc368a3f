"""The form of a flow's parameters, made from their declaration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

import msgspec

from peaceful._app.parameters.declaration import ParamDef, ParamGroup
from peaceful._model.codec import JsonObject, JsonValue

PARAM_PREFIX: Final = "param."
"""The prefix of the names of fields that hold parameters."""

_NUMBERS: Final = frozenset({"integer", "number"})
_STRUCTURED: Final = frozenset({"array", "object"})
_BOOLEANS: Final = ("yes", "no")


class ParamField(msgspec.Struct, frozen=True):
    """A field of the form; chosen from `options`, if any, and not changed if it is `fixed`.

    An empty one has the default, which is its `placeholder`.
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
    note: str = ""
    hint: str = ""
    error: str = ""


def param_fields(
    group: ParamGroup, schema: JsonObject, values: JsonObject, wrong: Mapping[str, str]
) -> Iterator[ParamField]:
    """Yield the fields of a form, by a JSON Schema, values, and errors by parameter.

    For secrets it is said where they come from, and they are not asked for: a source may be a
    command or a file of the server's machine, which nobody may name from elsewhere.
    """
    for name, of in _objects(schema, "properties").items():
        param = group.params[name]
        types, secret = _types(schema, of), param.secret
        options = () if secret else _options(schema, of, param)
        number = bool(types & _NUMBERS) and "string" not in types and not secret
        structured = not secret and bool(types & _STRUCTURED)
        hints = [
            param.help,
            "A secret: where it comes from is said in a terminal, by init." if secret else "",
            "As JSON." if structured else "",
        ]
        yield ParamField(
            name,
            "number" if number else "text",
            shown_value(values.get(name)),
            options,
            lines=structured and not options,
            fixed=secret,
            step="1" if "integer" in types else "any",
            required=param.required,
            placeholder=shown_value(of.get("default")),
            note="needed" if param.required else "default" if name not in values else "",
            hint=" ".join(filter(None, hints)),
            error=wrong.get(name, ""),
        )


def param_lines(schema: JsonObject) -> list[tuple[str, str, str, str]]:
    """Return the name, type, meaning and default of each parameter, by a JSON Schema."""
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    found: list[tuple[str, str, str, str]] = []
    for name, param in _objects(schema, "properties").items():
        words = _choices(schema, param) or sorted(_types(schema, param) - {"null"})
        default = "needed" if name in needed else shown_value(param.get("default"))
        hint = shown_value(param.get("description"))
        found.append((name, " or ".join(words) or "anything", hint, default))
    return found


def given_params(
    group: ParamGroup, typed: Mapping[str, str], stored: JsonObject
) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return the parameters that a form gives, and those that it takes back to their defaults.

    A field that still says what is stored gives nothing. An empty one takes a parameter with a
    default back; it gives `None` or an empty text if one is needed, and may be that.
    """
    given: dict[str, object] = {}
    unset: list[str] = []
    for name, text in typed.items():
        param = group.params.get(name)
        if text == shown_value(stored.get(name)):
            continue
        if param is None:
            given[name] = text  # Whoever checks it says that there is none.
        elif not text and not param.required:
            unset.append(name)
        elif not text and param.value_type.may_be_none:
            given[name] = None
        elif text or param.value_type.may_be_text:
            given[name] = param.value_type.read_whole(text)
    return given, tuple(unset)


def shown_value(value: JsonValue) -> str:
    """Return a value as it is typed."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False, default=dict)


def _options(schema: JsonObject, of: JsonObject, param: ParamDef) -> tuple[str, ...]:
    """Return the values to choose from; also an empty one for the default, if there is one."""
    choices = _choices(schema, of)
    return choices if param.required or not choices else ("", *choices)


def _choices(schema: JsonObject, of: JsonObject) -> tuple[str, ...]:
    """Return the only possible values besides null; empty if others are possible."""
    found: list[str] = []
    for each in _alternatives(schema, of):
        enum = each.get("enum")
        if isinstance(enum, list):
            found += [shown_value(one) for one in enum]
        elif each.get("type") == "boolean":
            found += _BOOLEANS
        elif each.get("type") != "null":
            return ()
    return tuple(found)


def _types(schema: JsonObject, of: JsonObject) -> frozenset[str]:
    found = (each.get("type") for each in _alternatives(schema, of))
    return frozenset(kind for kind in found if isinstance(kind, str))


def _alternatives(schema: JsonObject, of: JsonObject) -> Sequence[JsonObject]:
    """Return the schemas that a value may match."""
    reference = of.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        return _alternatives(schema, _objects(schema, "$defs")[name])
    either = of.get("anyOf")
    if isinstance(either, list):
        parts = cast("list[JsonObject]", either)
        return [one for part in parts for one in _alternatives(schema, part)]
    return [of]


def _objects(schema: JsonObject, key: str) -> Mapping[str, JsonObject]:
    """Return the schemas that a part of a schema holds, by name."""
    return cast("Mapping[str, JsonObject]", schema.get(key, {}))
