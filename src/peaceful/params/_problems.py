"""What pydantic finds wrong with values, in words that show no secret."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from peaceful.params._masking import HIDDEN, texts_in, without_texts
from peaceful.params._plain import holds_secret, is_secret_type

_SHOWN = 80
"""How many characters of a wrong value are shown."""


def problems_in(error: ValidationError, model: type[BaseModel] | None) -> list[tuple[str, str]]:
    """Each thing that is wrong: the field, with the way inside it, and why.

    Args:
        error: what pydantic found.
        model: the class whose fields were validated, or none where that is not known. Values of
            fields that may hold secrets are not shown.
    """
    return [
        (
            ".".join(str(part) for part in problem["loc"]),
            _reason(problem["msg"], problem["input"])
            if _may_be_shown(problem, model)
            else _without_input(problem, model),
        )
        for problem in error.errors(include_url=False)
    ]


def without_secrets(error: ValidationError, model: type[BaseModel] | None) -> ValidationError:
    """The same error, without the values of fields that may hold secrets.

    What was given for a secret may be plain text, which pydantic would hand on as it is.

    Args:
        error: what pydantic found.
        model: the class whose fields were validated, or none where that is not known.
    """
    problems: list[InitErrorDetails] = []
    for problem in error.errors(include_url=False):
        shown = _may_be_shown(problem, model) and not holds_secret(problem["input"])
        text = problem["msg"] if shown else _without_input(problem, model)
        problems.append(
            {
                "type": _same(problem["type"], text),
                "loc": problem["loc"],
                "input": problem["input"] if shown else HIDDEN,
            }
        )
    return ValidationError.from_exception_data(error.title, problems, hide_input=True)


def _same(kind: Any, text: str) -> PydanticCustomError:  # noqa: ANN401 - a text, not a literal one
    return PydanticCustomError(kind, "{text}", {"text": text})


def _may_be_shown(problem: ErrorDetails, model: type[BaseModel] | None) -> bool:
    place = problem["loc"]
    if model is None or problem["type"] == "missing" or not place:
        return False  # The input would be all values at once.
    meant = [
        field
        for name, field in model.model_fields.items()
        if place[0] in (name, field.alias, field.validation_alias)
    ]
    # What was given under a wrong name may have been meant for any of them.
    return not _is_any_secret(meant or model.model_fields.values())


def _is_any_secret(fields: Iterable[FieldInfo]) -> bool:
    return any(is_secret_type(field.annotation) for field in fields)


def _without_input(problem: ErrorDetails, model: type[BaseModel] | None) -> str:
    """What is said of a value, without the value: a developer's validator may repeat it."""
    no_secrets = model is not None and not _is_any_secret(model.model_fields.values())
    if no_secrets or problem["type"] not in _BY_DEVELOPERS:
        return problem["msg"]
    return without_texts(problem["msg"], texts_in(problem["input"]))


_BY_DEVELOPERS = frozenset({"value_error", "assertion_error"})
"""Of problems whose words pydantic did not choose."""


def _reason(message: str, value: object) -> str:
    if holds_secret(value):
        return message
    text = repr(value)
    return f"{message}, not {text if len(text) <= _SHOWN else f'{text[: _SHOWN - 3]}...'}"
