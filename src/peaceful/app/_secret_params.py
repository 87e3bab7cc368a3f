"""Parameters with secrets in them: where their values come from, and what is stored of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Final, cast, get_origin

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from peaceful._annotations import is_secret_type, type_alternatives
from peaceful.app._secret_sources import Sealed, stored_source
from peaceful.model import JsonValue

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_LOG = logging.getLogger("peaceful.app")

_SECRETS: Final = (SecretStr, SecretBytes, Secret)


def variable_of(app: str, param: str) -> str:
    """The environment variable that a parameter with a secret is taken from.

    Args:
        app: the application's name.
        param: the parameter's name.
    """
    return f"{app}_{param}".replace("-", "_").upper()


def secret_fields(model: type[BaseModel] | None) -> frozenset[str]:
    """The parameters that may have a secret in them."""
    fields: Mapping[str, FieldInfo] = {} if model is None else model.model_fields
    return frozenset(name for name, field in fields.items() if is_secret_type(field.annotation))


def in_environment(
    app: str, model: type[BaseModel], environment: Mapping[str, str]
) -> dict[str, tuple[str, object]]:
    """By parameter with a secret, the variable that is set for it, and its value.

    An empty variable counts as one that is not set.
    """
    variables = {name: variable_of(app, name) for name in secret_fields(model)}
    return {
        name: (variable, read_secret(environment[variable], model, name))
        for name, variable in variables.items()
        if environment.get(variable)
    }


def readable(secrets: Collection[str], values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What a file with parameters holds, for people: of secrets, only where they come from.

    Args:
        secrets: the parameters with secrets in them.
        values: what the file holds.
    """
    return {name: _readable(value) if name in secrets else value for name, value in values.items()}


def _readable(value: JsonValue) -> JsonValue:
    match stored_source(value):
        case None:
            return "a secret"  # Written by hand.
        case Sealed():
            return str(Sealed(""))
        case _:
            return value


def say_not_stored(app: str, params: Iterable[str]) -> None:
    """Says of each parameter that it was not stored, and how it is given instead."""
    for name in params:
        _LOG.warning(
            "%s is a secret, and nothing of it is stored. Give it to each command in the "
            "environment variable %s, or say by init where it is.",
            name,
            variable_of(app, name),
        )


def read_secret(text: str, model: type[BaseModel], name: str) -> object:
    """The value that a text gives a parameter: a single secret; what has secrets in it is JSON."""
    declared = model.model_fields[name].annotation
    if any(_is_secret_itself(option) for option in type_alternatives(declared)):
        return text
    try:
        return cast("object", json.loads(text))
    except json.JSONDecodeError:
        return text


def _is_secret_itself(option: object) -> bool:
    kind = get_origin(option) or option
    return isinstance(kind, type) and issubclass(kind, _SECRETS)
