"""Values in JSON form: readable, in a stable order, without secrets."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Final, TypeGuard, cast

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic_core import PydanticSerializationError, to_jsonable_python

from peaceful._errors.usage import DefinitionError
from peaceful._model.codec import JsonValue

_SECRETS: Final = (SecretStr, SecretBytes, Secret)
_AS_IT_IS: Final = frozenset({str, int, bool, type(None)})
_AS_TEXT: Final = frozenset({PosixPath, PurePosixPath, WindowsPath, PureWindowsPath})
SCALARS: Final = frozenset({*_AS_IT_IS, *_AS_TEXT, float, bytes})
"""Types without parts; checked first, because almost every value has one of them."""


_LONG_PATH: Final = 10_000
"""Characters; no file system knows such paths, but parameters may be wrong."""

_NOT_FINITE: Final = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
"""JSON has no such numbers; pydantic reads these texts as such."""


def is_secret(value: object) -> bool:
    return isinstance(value, _SECRETS)


def holds_secret(value: object) -> bool:
    """Return whether a value is or contains a secret."""
    return type(value) not in SCALARS and (
        is_secret(value) or any(holds_secret(part) for part in parts_in(value))
    )


def plain_form(value: object) -> JsonValue:
    """Return a value as JSON.

    Secrets become `None`. Sets become sorted lists. A model becomes what validates as that model
    again. An object without a JSON form becomes its text; a function or a class, its name. Raises
    `DefinitionError` for what has no such form, as bytes that are no text.
    """
    kind = type(value)
    # Most values are of these types; what the others are takes longer to find out.
    if kind in _AS_IT_IS:
        return cast(JsonValue, value)
    if kind in _AS_TEXT:
        return _path_text(cast("PurePath", value))
    if kind in {list, tuple}:
        return [plain_form(part) for part in cast("list[object]", value)]
    if kind is dict:
        entries = cast("dict[object, object]", value).items()
        return {key_text(key): plain_form(part) for key, part in entries}
    try:
        return _plain(value)
    except (PydanticSerializationError, UnicodeDecodeError) as error:
        raise DefinitionError(
            f"A value of type {kind.__name__} cannot be stored: {error}.",
            help="give the field a type with a JSON form, such as pydantic.Base64Bytes for bytes",
        ) from error


def _path_text(path: PurePath) -> str:
    # A path keeps its text, once made, as long as it lives: of a long one, only a copy may.
    is_long = sum(map(len, path.parts)) > _LONG_PATH
    return str(type(path)(path) if is_long else path)


def key_text(key: object) -> str:
    """Return a key of a mapping as JSON writes it."""
    if type(key) is str:
        return key
    return str(next(iter(to_jsonable_python({key: None}, fallback=str))))


def is_data_class(value: object) -> bool:
    """Return whether a value is an instance of a data class."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(value, Mapping)


def is_sequence_or_set(value: object) -> TypeGuard[Iterable[object]]:
    """Return whether a value is a list, tuple, set or deque."""
    return isinstance(value, (list, tuple, set, frozenset, deque))


def parts_in(value: object) -> Iterable[object]:
    """Return the values inside a collection, a mapping, a model or a data class."""
    if is_mapping(value):
        return value.values()
    if is_sequence_or_set(value):
        return value
    return [part for _, part in named_parts(value)]


def _plain(value: object) -> JsonValue:
    if is_secret(value):
        return None
    if _is_model(value) or is_data_class(value):
        return _with_fields(value)
    if is_mapping(value):
        return {key_text(key): plain_form(part) for key, part in value.items()}
    if isinstance(value, (set, frozenset)):
        parts = [plain_form(part) for part in cast("Iterable[object]", value)]
        return sorted(parts, key=_order)
    if is_sequence_or_set(value):
        return [plain_form(part) for part in value]
    if type(value) is float:
        return value if math.isfinite(value) else _NOT_FINITE[str(value)]
    return _jsonable(value)


def _with_fields(value: object) -> JsonValue:
    """Let pydantic write the fields, except those with secrets and sets."""
    plain = _jsonable(value)
    from pydantic import RootModel  # a model of its own, made when it is imported

    if issubclass(type(value), RootModel):
        root: object = cast("RootModel[object]", value).root
        return plain_form(root) if _needs_care(root) else plain
    if isinstance(plain, dict):
        careful = [(name, part) for name, part in named_parts(value) if _needs_care(part)]
        aliases: Mapping[str, str] = _aliases(value) if careful else {}
        for name, part in careful:
            if (alias := aliases.get(name, name)) in plain:
                plain[alias] = plain_form(part)
    return plain


def _jsonable(value: object) -> JsonValue:
    form = to_jsonable_python(value, by_alias=True, round_trip=True, fallback=_described)
    return cast(JsonValue, form)


def _needs_care(value: object) -> bool:
    """Return whether pydantic would write something in a value differently."""
    if type(value) is float:
        return not math.isfinite(value)
    return type(value) not in SCALARS and (
        isinstance(value, (*_SECRETS, set, frozenset))
        or any(_needs_care(part) for part in parts_in(value))
    )


def _is_model(value: object) -> TypeGuard[BaseModel]:
    """Check the class: pydantic makes `isinstance` slower."""
    return issubclass(type(value), BaseModel)


def named_parts(value: object) -> Iterable[tuple[str, object]]:
    """Return the fields of a model or a data class that have values."""
    if _is_model(value):
        return [*value.__dict__.items(), *(value.__pydantic_extra__ or {}).items()]
    if is_data_class(value):
        names = [one.name for one in dataclasses.fields(cast("type", value))]
        return [(name, getattr(value, name)) for name in names if hasattr(value, name)]
    return ()


def _aliases(value: object) -> Mapping[str, str]:
    if not isinstance(value, BaseModel):
        return {}
    fields = type(value).model_fields.items()
    return {name: one.serialization_alias for name, one in fields if one.serialization_alias}


def _described(value: object) -> str:
    """Return the text of an object; never its address, which differs every time."""
    kind = type(value)
    if hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    if kind.__repr__ is object.__repr__ and kind.__str__ is object.__str__:
        return f"{kind.__module__}.{kind.__qualname__}"
    return str(value)


def _order(plain: JsonValue) -> tuple[str, bool, float, str]:
    """Sort by type, then by number or text."""
    if isinstance(plain, (int, float)):
        return "", False, plain, ""
    return type(plain).__name__, True, 0, str(plain)
