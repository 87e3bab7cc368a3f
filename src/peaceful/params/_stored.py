"""Reading stored specs back: `{from: app_download.state.path}` becomes a reference again.

The text of a reference is a small part of Python's own expressions, so Python's parser reads it, and
nothing of it is ever run.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from peaceful.model import ItemId, JsonValue
from peaceful.params._reference import MappedReference, Reference, StateReference, as_object
from peaceful.params._spec import FieldSpec, StoredSpec, spec_of


class UnreadableSpec(ValueError):
    """A stored spec cannot be read: another form, or a function that is not there any more."""


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
    if form == {"from": "stored"}:
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
        if isinstance(form, Mapping):
            if set(form) == {"from"}:
                return as_object(self._reference(str(form["from"])))
            if set(form) == {"value"}:
                return form["value"]
            return {key: self.template(part) for key, part in form.items()}
        if isinstance(form, list):
            return [self.template(part) for part in form]
        return form

    def _reference(self, text: str) -> Reference:
        try:
            return self._from_node(ast.parse(text, mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise UnreadableSpec(f"{text!r} is not a reference: {error}") from error

    def _from_node(self, node: ast.expr) -> Reference:
        match node:
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                function = self._functions.get(name)
                if function is None:
                    raise UnreadableSpec(f"no mapping function is named {name!r}")
                return MappedReference(
                    name,
                    function,
                    tuple(self._argument(argument) for argument in arguments),
                    object,
                )
            case ast.Attribute():
                return self._state_reference(_dotted(node))
            case _:
                raise UnreadableSpec("neither an item's state nor a mapping function")

    def _argument(self, node: ast.expr) -> object:
        if isinstance(node, (ast.Attribute, ast.Call)):
            return as_object(self._from_node(node))
        return ast.literal_eval(node)

    def _state_reference(self, names: tuple[str, ...]) -> StateReference:
        item, word, *path = names
        if word != "state" or item not in self._state_types:
            raise UnreadableSpec(f"{'.'.join(names)} is not the state of an item")
        return StateReference(item, tuple(path), object)


def _dotted(node: ast.expr) -> tuple[str, ...]:
    match node:
        case ast.Attribute(value=value, attr=name):
            return (*_dotted(value), name)
        case ast.Name(id=name):
            return (name,)
        case _:
            raise UnreadableSpec("not a dotted name")
