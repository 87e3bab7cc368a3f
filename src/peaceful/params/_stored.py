"""Reading stored specs back: `{from: app_download.state.path}` becomes a reference again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from peaceful.errors import DefinitionError
from peaceful.model import ItemId, JsonValue
from peaceful.params._mapped import parameter_types, return_type
from peaceful.params._reference import (
    MappedReference,
    Reference,
    StateReference,
    as_object,
    part_of,
)
from peaceful.params._spec import STORED_FORM, FieldSpec, StoredSpec, spec_of
from peaceful.params._template import is_open
from peaceful.params._text import CallText, PathText, ValueText, read_text


class UnreadableSpec(ValueError):
    """A stored spec cannot be read: another form, or an item or a function that is gone."""


def spec_from_stored(
    form: JsonValue,
    *,
    state_types: Mapping[ItemId, object],
    functions: Mapping[str, Callable[..., object]],
) -> FieldSpec:
    """The spec that was written as the given form.

    Args:
        form: what the file holds for the field.
        state_types: by item, the class of its state.
        functions: by name, the mapping functions of the flow.

    Raises:
        UnreadableSpec: the form cannot be read.
    """
    if form == STORED_FORM:
        return StoredSpec()
    return spec_of(_Reader(state_types, functions).template(form))


class _Reader:
    def __init__(
        self,
        state_types: Mapping[ItemId, object],
        functions: Mapping[str, Callable[..., object]],
    ) -> None:
        self._state_types = state_types
        self._functions = functions

    def template(self, form: JsonValue) -> object:
        if isinstance(form, list):
            return [self.template(part) for part in form]
        if not isinstance(form, Mapping):
            return form
        if set(form) == {"from"}:
            return as_object(self._reference(form["from"]))
        inside = form["value"] if set(form) == {"value"} else form
        if not isinstance(inside, Mapping):
            return self.template(inside)
        return {key: self.template(part) for key, part in inside.items()}

    def _reference(self, text: JsonValue) -> Reference:
        if not isinstance(text, str):
            raise UnreadableSpec(f"{text!r} is not the text of a reference")
        try:
            said = read_text(text)
            if isinstance(said, (PathText, CallText)):
                return self._pointing(said)
        except (ValueError, DefinitionError) as error:
            reason = error.message if isinstance(error, DefinitionError) else str(error)
            raise UnreadableSpec(f"{text!r} is not a reference: {reason}") from error
        raise UnreadableSpec(f"{text!r} is neither an item's state nor a mapping function")

    def _pointing(self, said: PathText | CallText) -> Reference:
        if isinstance(said, PathText):
            return self._state(said.names)
        function = self._functions.get(said.name)
        if function is None:
            raise ValueError(f"no mapping function is named {said.name!r}")
        kinds = parameter_types(function, len(said.arguments))
        arguments = [
            _as_kind(self._value(argument), kind)
            for argument, kind in zip(said.arguments, kinds, strict=True)
        ]
        return MappedReference(said.name, function, tuple(arguments), return_type(function))

    def _state(self, names: tuple[str, ...]) -> StateReference:
        if names[0] == "flow" and names[1] != "state":
            raise ValueError(f"{names[1]} is another flow, to which only its declaration can refer")
        item, word, *path = names
        if word != "state" or item not in self._state_types:
            raise ValueError(f"{'.'.join(names[:2])} is not the state of an item")
        reference = StateReference(item, (), self._state_types[item])
        for name in path:
            reference = part_of(reference, name)
        return reference

    def _value(self, said: ValueText) -> object:
        if isinstance(said, (PathText, CallText)):
            return as_object(self._pointing(said))
        if isinstance(said, list):
            return [self._value(part) for part in said]
        if isinstance(said, dict):
            return {key: self._value(part) for key, part in said.items()}
        return said


def _as_kind(value: object, kind: object | None) -> object:
    """An argument as what the function takes: a text may have been a path before it was written."""
    if kind is None or is_open(value):
        return value
    declared: Any = kind  # Any: a type, as a variable
    config = None if _has_config(kind) else ConfigDict(arbitrary_types_allowed=True)
    try:
        return cast(object, TypeAdapter(declared, config=config).validate_python(value))
    except ValidationError as error:
        raise ValueError(f"{value!r} is not what the function takes") from error


def _has_config(kind: object) -> bool:
    """Whether a type brings its own configuration; pydantic allows no second one beside it."""
    return hasattr(kind, "__pydantic_config__") or hasattr(kind, "model_config")
