"""Hiding secrets in texts that others wrote, such as error messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from peaceful._annotations import is_secret_type
from peaceful._disclosure import HIDDEN, masked, without
from peaceful._errors.base import described
from peaceful._params.plain import holds_secret, is_secret, parts_in

_SHOWN = 80
"""Maximum of characters of a wrong value that are shown."""

_BY_DEVELOPERS = frozenset({"value_error", "assertion_error"})
"""Types of problems whose message was not written by pydantic."""


def secret_texts(value: object) -> Iterator[str]:
    """Yield the text of every secret in a value."""
    if is_secret(value):
        secret: Any = value  # Any: one of pydantic's classes, which share this method
        yield from texts_in(secret.get_secret_value())
    elif not isinstance(value, (str, bytes)):
        for part in parts_in(value):
            yield from secret_texts(part)


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in a value, those in secrets included."""
    if is_secret(value):
        yield from secret_texts(value)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    else:
        parts = [*parts_in(value)]
        if not parts and isinstance(value, (int, float)) and not isinstance(value, bool):
            yield str(value)
        for part in parts:
            yield from texts_in(part)


def without_texts(text: str, secrets: Iterable[str]) -> str:
    """Return a text with secrets hidden, also where they are written as Python literals."""
    forms = {form for secret in secrets for form in (secret, repr(secret)[1:-1]) if form}
    # The longest first: one may be a part of another.
    return without(text, sorted(forms, key=len, reverse=True))


def described_without(error: BaseException, values: object) -> tuple[str, BaseException | None]:
    """Return what an error says in one line, without secrets, short ones of the values included.

    And the error as a cause: none if a secret is in it, which whoever shows the cause would show.
    """
    secrets = [*secret_texts(values)]
    text = f"{type(error).__name__}: {error}"
    hidden = without_texts(masked(text), secrets)
    if hidden == text:
        return described(error)[0], error
    # Cut after it is hidden: a secret may have several lines.
    return hidden.splitlines()[0], None


def problems_in(error: ValidationError, model: type[BaseModel] | None) -> list[tuple[str, str]]:
    """Return the field, with the path inside it, and the reason of each problem in an error.

    Values of fields that may hold secrets are not shown; `model` is the validated class, if known.
    """
    return [
        (
            ".".join(str(part) for part in problem["loc"]),
            _reason(problem) if _may_be_shown(problem, model) else _without_input(problem, model),
        )
        for problem in error.errors(include_url=False)
    ]


def without_secrets(error: ValidationError, model: type[BaseModel] | None) -> ValidationError:
    """Return the same error without the values of fields that may hold secrets.

    A value given for a secret may be plain text, which pydantic would show.
    """
    problems: list[InitErrorDetails] = []
    for problem in error.errors(include_url=False):
        shown = _may_be_shown(problem, model) and not holds_secret(problem["input"])
        text = _words(problem) if shown else _without_input(problem, model)
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
    """Return a problem's message without the value, which a developer's validator may repeat."""
    no_secrets = model is not None and not _is_any_secret(model.model_fields.values())
    if no_secrets or problem["type"] not in _BY_DEVELOPERS:
        return _words(problem)
    return without_texts(_words(problem), texts_in(problem["input"]))


def _words(problem: ErrorDetails) -> str:
    from peaceful._params.problem_words import problem_words  # only where something is wrong

    return problem_words(problem)


def _reason(problem: ErrorDetails) -> str:
    words, value = _words(problem), problem["input"]
    if holds_secret(value) or problem["type"] == "extra_forbidden":
        return words
    text = masked(repr(value))
    return f"{words}, not {text if len(text) <= _SHOWN else f'{text[: _SHOWN - 3]}...'}"
