"""The stored form of specs: readable, and read back.

```yaml
app_extract:
  tar_path: {from: app_download.state.path}
  dest: /srv/app
```

A mapping whose one key is `from` or `value` is wrapped as `{value: …}`, at any depth.

The text of a reference is parsed and never evaluated. Python's own parser would refuse items that
are named as its keywords, and would normalise some names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from peaceful._errors.usage import DefinitionError
from peaceful._model.codec import ItemId, JsonValue
from peaceful._params.plain import is_data_class, is_mapping, key_text, plain_form
from peaceful._params.references import (
    SECRET_WORD,
    MappedReference,
    StateReference,
    as_object,
    parameter_types,
    part_of,
    reference_of,
    return_type,
)
from peaceful._params.specs import STORED, is_pending, parts_of

T = TypeVar("T")

STORED_FORM: Final[Mapping[str, JsonValue]] = {"from": "stored"}
"""The stored form of a field that is declared with `stored()` and has no stored value."""

_MEANING: Final = ({"from"}, {"value"})
"""The keys of mappings with a special meaning."""

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


def stored_form(value: object) -> JsonValue:
    """Return a declared value as it is written into a file, without secrets; see `plain_form`."""
    if value is STORED:
        return STORED_FORM
    reference = reference_of(value)
    if reference is not None:
        return {"from": str(reference)}
    if not is_pending(value):
        return _wrap_literals(plain_form(value))
    if is_mapping(value) or is_data_class(value):
        return _wrap_special({key_text(key): stored_form(part) for key, part in parts_of(value)})
    return [stored_form(part) for _, part in parts_of(value)]


def _wrap_literals(plain: JsonValue) -> JsonValue:
    if isinstance(plain, Mapping):
        return _wrap_special({key: _wrap_literals(part) for key, part in plain.items()})
    return [_wrap_literals(part) for part in plain] if isinstance(plain, list) else plain


def _wrap_special(mapping: Mapping[str, JsonValue]) -> JsonValue:
    return {"value": mapping} if set(mapping) in _MEANING else mapping


class UnreadableSpec(ValueError):
    """A stored spec is malformed, or names an item or a function that does not exist any more."""


def value_from_stored(
    form: JsonValue,
    *,
    state_types: Mapping[ItemId, object],
    functions: Mapping[str, Callable[..., object]],
) -> object:
    """Return the declared value of a stored form; raise `UnreadableSpec` if it cannot be read."""

    def read(form: JsonValue) -> object:
        if isinstance(form, list):
            return [read(part) for part in form]
        if not isinstance(form, Mapping):
            return form
        if set(form) == {"from"}:
            return _reference(form["from"], state_types, functions)
        inside = form["value"] if set(form) == {"value"} else form
        if not isinstance(inside, Mapping):
            return read(inside)
        return {key: read(part) for key, part in inside.items()}

    return STORED if form == STORED_FORM else read(form)


def _reference(
    text: JsonValue,
    state_types: Mapping[ItemId, object],
    functions: Mapping[str, Callable[..., object]],
) -> object:
    if not isinstance(text, str):
        raise UnreadableSpec(f"{text!r} is not the text of a reference")
    try:
        reader = _TextReader(_tokens(text), state_types, functions)
        value = reader.value()
        reader.expect("")
    except RecursionError:
        raise UnreadableSpec(f"{text!r} is not a reference: too many parentheses") from None
    except (ValueError, DefinitionError) as error:
        reason = error.message if isinstance(error, DefinitionError) else str(error)
        raise UnreadableSpec(f"{text!r} is not a reference: {reason}") from error
    if reference_of(value) is None:
        raise UnreadableSpec(f"{text!r} is neither an item's state nor a mapping function")
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
    return [*tokens, ("end", "")]


@dataclass
class _TextReader:
    """Makes a value of the text of a reference, or of an argument of a mapping function."""

    _tokens: list[tuple[str, str]]
    _state_types: Mapping[ItemId, object]
    _functions: Mapping[str, Callable[..., object]]
    _at: int = 0

    def value(self) -> object:
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

    def _named(self, name: str) -> object:
        if self._peek() == "(":
            self._next()
            return self._mapped(name, self._until(")", self.value))
        if self._peek() != ".":
            return _word(name)
        names = [name]
        while self._peek() == ".":
            self._next()
            kind, part = self._next()
            if kind != "name":
                raise ValueError(f"{part!r} is found where a name should be")
            names.append(part)
        return self._state(names)

    def _mapped(self, name: str, given: Sequence[object]) -> object:
        function = self._functions.get(name)
        if function is None:
            raise ValueError(f"no mapping function is named {name!r}")
        kinds = parameter_types(function, len(given))
        arguments = tuple(map(_as_kind, given, kinds))
        return as_object(MappedReference(name, function, arguments, return_type(function)))

    def _state(self, names: Sequence[str]) -> object:
        if names[0] == "flow" and names[1] != "state":
            raise ValueError(f"{names[1]} is another flow, to which only its declaration can refer")
        item, word, *path = names
        if word != "state" or item not in self._state_types:
            raise ValueError(f"{'.'.join(names[:2])} is not the state of an item")
        reference = StateReference(item, (), self._state_types[item])
        for name in path:
            reference = part_of(reference, name)
        return as_object(reference)

    def _entry(self) -> tuple[str, object]:
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


def _word(name: str) -> bool | None:
    if name in _WORDS:
        return _WORDS[name]
    if name == SECRET_WORD:
        raise ValueError("a secret is never stored")
    raise ValueError(f"{name!r} alone is neither an item's state nor a mapping function")


def _literal(token: str) -> object:
    try:
        return cast(object, ast.literal_eval(token))
    except SyntaxError as error:
        raise ValueError(f"{token} is neither a number nor a text") from error


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
