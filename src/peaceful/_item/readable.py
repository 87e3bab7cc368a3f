"""Whether a state reads back from its stored form as it was."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePath, PurePosixPath
from types import UnionType
from typing import Final, NamedTuple, TypeGuard, Union, cast, get_args, get_origin

from annotated_types import BaseMetadata
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from peaceful._disclosure import masked
from peaceful._errors.usage import DefinitionError
from peaceful._model.codec import JsonValue
from peaceful._model.state import State
from peaceful._params.masking import problems_in
from peaceful._params.plain import (
    holds_secret,
    is_data_class,
    is_mapping,
    is_secret,
    named_parts,
    plain_form,
)

_SHOWN: Final = 60
"""Maximum of characters of a value that are shown."""

_SCALARS: Final[frozenset[type[object]]] = frozenset({str, int, bool, float, type(None)})
_PATHS: Final[frozenset[type[object]]] = frozenset({Path, PurePath, PurePosixPath})
_PLAIN_CONFIG: Final = frozenset(
    {"frozen", "extra", "title", "json_schema_extra", "hide_input_in_errors"}
)
"""Settings of a model that change no value."""


class Loss(NamedTuple):
    """What of a state does not read back.

    Attributes:
        field: the field, with the path inside it; empty for the state as a whole.
        reason: what would become of it.
        help: what to do about it, if that is known.
    """

    field: str
    reason: str
    help: str = ""


def loss_of(state: State, state_type: type[State]) -> Loss | None:
    """Return what of a state does not read back from its stored form as it was, or None.

    Secrets, which are not stored, are left out. States whose fields hold nothing but texts,
    numbers and paths, and lists of such, are known to read back by the types of their values.
    """
    exact = _exact_types(state_type)
    if exact is not None and type(state) is state_type and not state.__pydantic_extra__:
        values = state.__dict__
        for name, kinds in exact.items():
            if type(values.get(name, exact)) not in kinds.scalars and not kinds.has_only_parts(
                values.get(name, exact)
            ):
                break
        else:
            return None
    return _loss_in_round_trip(state, state_type)


def says_the_same(stored: JsonValue, read: JsonValue) -> bool:
    """Return whether what was read holds all that was stored; it may hold more, as by defaults."""
    if isinstance(stored, Mapping):
        return isinstance(read, Mapping) and all(
            key in read and says_the_same(value, read[key]) for key, value in stored.items()
        )
    if isinstance(stored, list):
        return (
            isinstance(read, list)
            and len(stored) == len(read)
            and all(map(says_the_same, stored, read))
        )
    # For Python, true is 1.
    return stored == read and isinstance(stored, bool) == isinstance(read, bool)


class _Kinds(NamedTuple):
    """The types of values that are known to read back: by themselves, or with such parts."""

    scalars: frozenset[type]
    parts: Mapping[type, frozenset[type]]

    def has_only_parts(self, value: object) -> bool:
        kinds = self.parts.get(type(value))
        if kinds is None:
            return False
        if type(value) is dict:
            entries = cast("dict[object, object]", value)
            return set(map(type, entries)) <= {str} and set(map(type, entries.values())) <= kinds
        return set(map(type, cast("Iterable[object]", value))) <= kinds


@cache
def _exact_types(state_type: type[State]) -> Mapping[str, _Kinds] | None:
    """Return by field what reads back for certain; None if the class may change its values."""
    changes = state_type.__pydantic_decorators__
    if (
        changes.validators
        or changes.field_validators
        or changes.root_validators
        or changes.model_validators
        or changes.field_serializers
        or changes.model_serializers
        or state_type.__pydantic_custom_init__
        or state_type.model_post_init is not BaseModel.model_post_init
        or not state_type.model_config.keys() <= _PLAIN_CONFIG
    ):
        return None
    found: dict[str, _Kinds] = {}
    for name, field in state_type.model_fields.items():
        kinds = _kinds(field)
        if kinds is None:
            return None
        found[name] = kinds
    return found


def _kinds(field: FieldInfo) -> _Kinds | None:
    renamed = field.alias or field.validation_alias or field.serialization_alias
    if renamed or field.exclude or not all(isinstance(one, BaseMetadata) for one in field.metadata):
        return None
    options = _options(field.annotation)
    collections = [one for one in options if get_origin(one) in {list, tuple, dict}]
    scalars = _scalars([one for one in options if one not in collections])
    if scalars is None or len(collections) > 1:
        return None
    parts: dict[type, frozenset[type]] = {}
    for one in collections:
        kind, arguments = cast(type, get_origin(one)), [*get_args(one)]
        if kind is tuple and arguments[1:] != [Ellipsis]:
            return None
        if kind is dict and arguments[0] is not str:
            return None
        inside = _scalars(_options(arguments[1 if kind is dict else 0]))
        if inside is None:
            return None
        parts[kind] = inside
    return _Kinds(scalars, parts)


def _options(declared: object) -> tuple[object, ...]:
    """Return the members of a union; not what is inside `Annotated`, which may change values."""
    return get_args(declared) if get_origin(declared) in {Union, UnionType} else (declared,)


def _scalars(options: Iterable[object]) -> frozenset[type] | None:
    """Return which types of values read back, if that is sure whichever value it is."""
    kinds: set[type[object]] = set()
    for one in options:
        # What is not a class may have no hash.
        if not isinstance(one, type) or one not in _SCALARS | _PATHS:
            return None
        kinds.add(one)
    as_text = (kinds & _PATHS) | (kinds & {str, float})
    # A path, and a number without a form in JSON, are stored as text.
    if len(as_text) > 1:
        return None
    paths: set[type[object]] = {type(one()) for one in kinds & _PATHS}
    return frozenset((kinds - _PATHS) | paths)


def _loss_in_round_trip(state: State, state_type: type[State]) -> Loss | None:
    values = {**state.__dict__, **(state.__pydantic_extra__ or {})}
    try:
        plain = plain_form(state)
    except DefinitionError as error:
        formless = (name for name, value in values.items() if not _has_form(value))
        return Loss(next(formless, ""), error.message.removesuffix("."), error.help)
    assert isinstance(plain, dict)
    secrets = {name: value for name, value in values.items() if holds_secret(value)}
    try:
        back = state_type.model_validate({**plain, **secrets})
    except ValidationError as error:
        field, reason = problems_in(error, state_type)[0]
        return Loss(field, f"what is stored of it cannot be read: {reason}")
    read = {**back.__dict__, **(back.__pydantic_extra__ or {})}
    for name, value in values.items():
        if name not in read:
            return Loss(name, "it would be gone")
        if name not in secrets and (loss := _loss_between(name, value, read[name])):
            return loss
    return None


def _has_form(value: object) -> bool:
    try:
        plain_form(value)
    except DefinitionError:
        return False
    return True


def _loss_between(place: str, was: object, back: object) -> Loss | None:
    """Return the first place in which two values differ."""
    if was is back or is_secret(was) or was == back or (_is_nan(was) and _is_nan(back)):
        return None
    found: Iterable[tuple[str, object, object]] = ()
    whole = False
    if type(was) is type(back) and (isinstance(was, BaseModel) or is_data_class(was)):
        before, after = dict(named_parts(was)), dict(named_parts(back))
        whole = before.keys() == after.keys()
        found = [(f"{place}.{name}", before[name], after.get(name)) for name in before]
    elif is_mapping(was) and is_mapping(back):
        whole = was.keys() == back.keys()
        found = [(f"{place}[{key!r}]", was[key], back.get(key)) for key in was]
    elif _is_sequence(was) and _is_sequence(back):
        whole = len(was) == len(back)
        pairs = enumerate(zip(was, back, strict=False))
        found = [(f"{place}[{index}]", one, other) for index, (one, other) in pairs]
    inside = (_loss_between(*each) for each in found) if whole else ()
    loss = next((each for each in inside if each is not None), None)
    if loss is not None or whole:
        return loss
    return Loss(place, f"{_words(was)} would come back as {_words(back)}")


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _is_sequence(value: object) -> TypeGuard[list[object] | tuple[object, ...] | deque[object]]:
    return isinstance(value, (list, tuple, deque))


def _words(value: object) -> str:
    text = masked(repr(value))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
