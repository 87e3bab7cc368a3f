"""Parameters with secrets in them: stored nowhere, and taken from the environment each time."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, cast, get_origin

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from peaceful.params import is_secret_type, type_alternatives

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
        name: (variable, _read(environment[variable], model.model_fields[name].annotation))
        for name, variable in variables.items()
        if environment.get(variable)
    }


def say_not_stored(app: str, params: Iterable[str]) -> None:
    """Says of each parameter that it was not stored, and how it is given instead."""
    for name in params:
        _LOG.warning(
            "%s is a secret, so it is not stored. Give it to each command in the environment "
            "variable %s.",
            name,
            variable_of(app, name),
        )


def _read(text: str, declared: object) -> object:
    """The text of a single secret; what has secrets in it is written as JSON."""
    if any(_is_secret_itself(option) for option in type_alternatives(declared)):
        return text
    try:
        return cast("object", json.loads(text))
    except json.JSONDecodeError:
        return text


def _is_secret_itself(option: object) -> bool:
    kind = get_origin(option) or option
    return isinstance(kind, type) and issubclass(kind, _SECRETS)
