"""Reading the text of a reference, such as `url_of(app_download.state.path)`; nothing of it is run.

Not by Python's own parser, which refuses items that are named as its keywords, and takes some names
for others that look alike.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from peaceful.params._reference import SECRET_WORD

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PathText:
    """A dotted name.

    Attributes:
        names: its parts.
    """

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallText:
    """A call of a mapping function.

    Attributes:
        name: the function's name.
        arguments: what stands in the parentheses.
    """

    name: str
    arguments: tuple[ValueText, ...]


ValueText: TypeAlias = (
    "PathText | CallText | list[ValueText] | dict[str, ValueText] | str | int | float | None"
)
"""What the text of a reference, or of an argument, says."""

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


def read_text(text: str) -> ValueText:
    """What the text says.

    Raises:
        ValueError: it is not such a text.
    """
    reader = _Reader(_tokens(text))
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


class _Reader:
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
