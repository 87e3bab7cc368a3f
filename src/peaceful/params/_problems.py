"""What pydantic finds wrong with values, in words that show no secret."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from peaceful.params._plain import holds_secret, is_secret_type

_SHOWN = 80
"""How many characters of a wrong value are shown."""
_HIDDEN = "**********"
"""What stands for a secret, as in pydantic."""


def problems_in(error: ValidationError, model: type[BaseModel]) -> list[tuple[str, str]]:
    """Each thing that is wrong: the field, with the way inside it, and why.

    Args:
        error: what pydantic found.
        model: the class whose fields were validated. Values of fields that may hold secrets are not
            shown.
    """
    return [
        (
            ".".join(str(part) for part in problem["loc"]),
            _reason(problem["msg"], problem["input"])
            if _may_be_shown(problem["type"], problem["loc"], model)
            else problem["msg"],
        )
        for problem in error.errors(include_url=False)
    ]


def without_secrets(error: ValidationError, model: type[BaseModel]) -> ValidationError:
    """The same error, without the values of fields that may hold secrets.

    What was given for a secret may be plain text, which pydantic would hand on as it is.
    """
    problems: list[InitErrorDetails] = [
        {
            "type": _same(problem["type"], problem["msg"]),
            "loc": problem["loc"],
            "input": problem["input"]
            if _may_be_shown(problem["type"], problem["loc"], model)
            and not holds_secret(problem["input"])
            else _HIDDEN,
        }
        for problem in error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data(error.title, problems, hide_input=True)


def _same(kind: Any, text: str) -> PydanticCustomError:  # noqa: ANN401 - a text, not a literal one
    return PydanticCustomError(kind, "{text}", {"text": text})


def _may_be_shown(kind: str, place: tuple[int | str, ...], model: type[BaseModel]) -> bool:
    if kind == "missing" or not place:
        return False  # The input would be all values at once.
    fields = (
        field
        for name, field in model.model_fields.items()
        if place[0] in (name, field.alias, field.validation_alias)
    )
    return not any(is_secret_type(field.annotation) for field in fields)


def _reason(message: str, value: object) -> str:
    if holds_secret(value):
        return message
    text = repr(value)
    return f"{message}, not {text if len(text) <= _SHOWN else f'{text[: _SHOWN - 3]}...'}"
