"""The form of a flow's parameters, made from their declaration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from peaceful._app.parameters.declaration import ParamDef, ParamGroup
from peaceful._model.codec import JsonObject, JsonValue

PARAM_PREFIX: Final = "param."
"""What the names of fields begin with that hold parameters."""

_NUMBERS: Final = frozenset({"integer", "number"})
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
    group: ParamGroup, schema: JsonObject, values: JsonObject, wrong: Mapping[str, str]
) -> Iterator[ParamField]:
    """The fields of a form.

    Of parameters that hold secrets, it is said where they come from, and not asked for. A source
    may be a command or a file of the server's machine, which nobody may name from elsewhere.

    Args:
        group: the parameters.
        schema: of the parameters, as JSON Schema.
        values: what they are now, or what somebody has typed.
        wrong: by parameter, why its value is wrong.
    """
    for name, found in object_of(schema, "properties").items():
        of, param = as_object(found), group.params[name]
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
            hint=" ".join(filter(None, hints)),
            error=wrong.get(name, ""),
        )


def given_params(group: ParamGroup, typed: Mapping[str, str]) -> dict[str, object]:
    """The parameters that a form gives.

    A field that is empty, of a parameter that may be left out, gives nothing; where it may be none,
    it gives none.

    Args:
        group: the parameters.
        typed: by parameter, what somebody has typed.
    """
    given: dict[str, object] = {}
    for name, text in typed.items():
        param = group.params.get(name)
        if param is None:
            given |= {name: text} if text else {}  # Whoever checks it says that there is none.
        elif not text and param.value_type.may_be_none:
            given[name] = None
        elif text or (param.required and param.value_type.may_be_text):
            given[name] = param.value_type.read_whole(text)
    return given


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
    words = _choices(schema, of) or sorted(_types(schema, of) - {"null"})
    return " or ".join(words) or "anything"


def _options(schema: JsonObject, of: JsonObject, param: ParamDef) -> tuple[str, ...]:
    """What can be chosen; also nothing, where that is what the parameter is by default."""
    choices = _choices(schema, of)
    nothing = not param.required and of.get("default") is None
    return ("", *choices) if choices and nothing else choices


def _choices(schema: JsonObject, of: JsonObject) -> tuple[str, ...]:
    """The only values that there are besides null; empty where there are others."""
    found: list[str] = []
    for each in _alternatives(schema, of):
        enum = each.get("enum")
        if isinstance(enum, list):
            found += [shown_value(one) for one in enum]
        elif each.get("type") == "boolean":
            found += _NO
        elif each.get("type") != "null":
            return ()
    return tuple(found)


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


def object_of(schema: JsonObject, key: str) -> JsonObject:
    """A part of a schema; an empty one where there is none."""
    return as_object(schema.get(key))


def as_object(value: JsonValue) -> JsonObject:
    """A part of a schema; an empty one where it is none."""
    return value if isinstance(value, Mapping) else _NOTHING


_NOTHING: Final[JsonObject] = {}
