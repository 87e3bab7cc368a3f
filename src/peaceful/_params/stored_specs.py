"""Reading stored specs back: `{from: url_of(app_download.state.path)}` becomes a reference again.

The text of a reference is parsed and never evaluated. Python's own parser would refuse items that
are named as its keywords, and would normalise some names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar, cast

import msgspec
from pydantic import ConfigDict, TypeAdapter, ValidationError

from peaceful._errors.usage import DefinitionError
from peaceful._model.codec import ItemId, JsonValue
from peaceful._params.references import (
    SECRET_WORD,
    MappedReference,
    Reference,
    StateReference,
    as_object,
    parameter_types,
    part_of,
    return_type,
)
from peaceful._params.specs import STORED_FORM, FieldSpec, StoredSpec, is_pending, spec_of

T = TypeVar("T")

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<name>[^\W\d]\w*)
      | (?P<number>-?\d[\d.]*(?:e[+-]?\d+)?)
      | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<mark>[][(){}.,:])
    )""",
    re.VERBOSE,
)

_WORDS: Final[dict[str, bool | None]] = {"True": True, "False": False, "None": None}


# ---- the text of a reference


class PathText(msgspec.Struct, frozen=True):
    """A dotted name."""

    names: tuple[str, ...]


class CallText(msgspec.Struct, frozen=True):
    """A call of a mapping function."""

    name: str
    arguments: tuple[ValueText, ...]


ValueText: TypeAlias = (
    "PathText | CallText | list[ValueText] | dict[str, ValueText] | str | int | float | None"
)
"""The parsed text of a reference or of an argument."""


def read_text(text: str) -> ValueText:
    """Parse the text of a reference; raise `ValueError` if it is malformed."""
    reader = _TextReader(_tokens(text))
    try:
        value = reader.value()
    except RecursionError:
        raise ValueError("too many parentheses") from None
    reader.expect("")
    return value


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"{text[position:].lstrip()[:20]!r} is not understood")
        assert match.lastgroup is not None
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _TextReader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._at = 0

    def value(self) -> ValueText:
        kind, token = self._next()
        match kind, token:
            case "name", _:
                return self._named(token)
            case "number" | "text", _:
                return _literal(token)
            case "mark", "[":
                return self._until("]", self.value)
            case "mark", "{":
                return dict(self._until("}", self._entry))
            case _:
                raise ValueError(f"a value is missing before {token!r}")

    def expect(self, token: str) -> None:
        _, found = self._next()
        if found != token:
            raise ValueError(f"{found!r} is found where {token!r} should be")

    def _named(self, name: str) -> ValueText:
        if self._peek() == "(":
            self._next()
            return CallText(name, tuple(self._until(")", self.value)))
        if self._peek() != ".":
            return _word(name)
        names = [name]
        while self._peek() == ".":
            self._next()
            kind, part = self._next()
            if kind != "name":
                raise ValueError(f"{part!r} is found where a name should be")
            names.append(part)
        return PathText(tuple(names))

    def _entry(self) -> tuple[str, ValueText]:
        key = self.value()
        if not isinstance(key, str):
            raise ValueError("the key of a mapping is not a text")  # noqa: TRY004 - of a text
        self.expect(":")
        return key, self.value()

    def _until(self, mark: str, read: Callable[[], T]) -> list[T]:
        values: list[T] = []
        while self._peek() != mark:
            values.append(read())
            if self._peek() != mark:
                self.expect(",")
        self._next()
        return values

    def _peek(self) -> str:
        kind, token = self._tokens[self._at]
        return token if kind == "mark" else ""

    def _next(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token


def _word(name: str) -> ValueText:
    if name in _WORDS:
        return _WORDS[name]
    if name == SECRET_WORD:
        raise ValueError("a secret is never stored")
    raise ValueError(f"{name!r} alone is neither an item's state nor a mapping function")


def _literal(token: str) -> str | int | float:
    try:
        value = ast.literal_eval(token)
    except SyntaxError as error:
        raise ValueError(f"{token} is neither a number nor a text") from error
    assert isinstance(value, (str, int, float))
    return value


# ---- stored specs


class UnreadableSpec(ValueError):
    """A stored spec is malformed, or names an item or a function that does not exist any more."""


def spec_from_stored(
    form: JsonValue,
    *,
    state_types: Mapping[ItemId, object],
    functions: Mapping[str, Callable[..., object]],
) -> FieldSpec:
    """Return the spec of a stored form.

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
    """Return an argument converted to the parameter's type: a path may have been stored as text."""
    if kind is None or is_pending(value):
        return value
    declared: Any = kind  # Any: a type, as a variable
    config = None if _has_config(kind) else ConfigDict(arbitrary_types_allowed=True)
    try:
        return cast(object, TypeAdapter(declared, config=config).validate_python(value))
    except ValidationError as error:
        raise ValueError(f"{value!r} is not what the function takes") from error


def _has_config(kind: object) -> bool:
    """Return whether a type has its own configuration; pydantic allows no second one beside it."""
    return hasattr(kind, "__pydantic_config__") or hasattr(kind, "model_config")
