"""Reads a request by its declaration; all that is wrong is said at once, in people's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect

from peaceful.errors import NameInvalid, ParamProblem, ParamsInvalid
from peaceful.model import JsonObject, JsonValue, checked_name
from peaceful.web._http._bodies import ORIGIN

T = TypeVar("T", bound=msgspec.Struct)


def is_name(kind: str) -> msgspec.Meta:
    """Declare that a field holds a name, or several.

    Args:
        kind: what is named, with its article.
    """
    return msgspec.Meta(extra={"names": kind})


def in_words(words: str) -> msgspec.Meta:
    """Declare what is said that a field must be, where its type does not say enough."""
    return msgspec.Meta(extra={"words": words})


def read_request(
    values: JsonObject,
    kind: type[T],
    check: Callable[[T], dict[str, str]] = lambda _: {},
    *,
    strict: bool = True,
) -> T:
    """Return what a request asks for. A field that is null is as good as missing.

    Args:
        values: what the request holds.
        kind: what it may hold.
        check: says by field what is wrong with several of them together.
        strict: whether values have their types; else texts are taken for what they say.

    Raises:
        ParamsInvalid: something is wrong; all of it.
    """
    wrong: dict[str, str] = {}
    read: dict[str, Any] = {}
    known = {field.name: field for field in msgspec.structs.fields(kind)}
    for name, field in known.items():
        value = values.get(name)
        if value is not None:
            try:
                read[name] = _read(value, field.type, strict=strict)
            except ValueError as error:
                wrong[name] = str(error)
        elif field.required:
            wrong[name] = "it is missing"
    wrong |= {str(each)[:100]: "there is no such field" for each in values if each not in known}
    if not wrong:
        request = kind(**read)
        wrong = check(request)
        if not wrong:
            return request
    raise ParamsInvalid(
        "The request",
        [ParamProblem(field, ORIGIN, reason) for field, reason in wrong.items()],
        help="correct the values above, then send it again",
    )


def _read(value: JsonValue, declared: object, *, strict: bool) -> object:
    info = inspect.type_info(declared)
    try:
        found: object = msgspec.convert(value, cast("type[object]", declared), strict=strict)
    except msgspec.ValidationError as error:
        raise ValueError(f"it is {_words(info)}") from error
    kind = _said(info, "names")
    if kind is not None:
        _check_names(kind, found)
    return found


def _said(info: inspect.Type, key: str) -> str | None:
    """What a declaration says besides its type."""
    if not isinstance(info, inspect.Metadata):
        return None
    return cast("dict[str, str]", info.extra or {}).get(key)


def _check_names(kind: str, found: object) -> None:
    try:
        for name in cast("tuple[str, ...]", found if isinstance(found, tuple) else (found,)):
            checked_name(kind, name)
    except NameInvalid as error:
        raise ValueError(f"{error.message} The rule: {error.details[0][1]}") from error


def _words(info: inspect.Type) -> str:
    """What a value must be."""
    words = _said(info, "words") or "a text"
    match info:
        case inspect.Metadata() if _said(info, "words"):
            pass
        case inspect.Metadata(type=inner) | inspect.VarTupleType(item_type=inner, max_length=None):
            words = _words(inner)
        case inspect.UnionType(types=types):
            words = " or ".join(_words(each) for each in types if each != inspect.NoneType())
        case inspect.BoolType():
            words = "true or false"
        case inspect.IntType(ge=least, le=most):
            words = f"a number from {least} to {most}"
        case inspect.LiteralType(values=values):
            words = f"one of {', '.join(map(str, values))}"
        case inspect.EnumType(cls=values):
            words = f"one of {', '.join(map(str, values))}"
        case inspect.VarTupleType(max_length=most):
            words = f"a list of at most {most} names"
        case inspect.DictType():
            words = "an object"
        case _:
            pass
    return words
