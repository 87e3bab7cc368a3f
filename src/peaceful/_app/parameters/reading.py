"""Parsing texts as values of declared types: command line words, form fields, secrets."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast, get_args, get_origin

from peaceful._annotations import is_model, type_alternatives
from peaceful._errors.usage import UsageError

_NO_TEXTS: Final = frozenset({object, int, float, bool})
_WORDS: Final[Mapping[str, bool]] = {"yes": True, "no": False}
_METAVARS: Final = {"INT": "N", "FLOAT": "NUMBER", "STR": "TEXT", "OBJECT": "ANY"}


class Shape(enum.Enum):
    """The form of a value on a command line."""

    ONE = enum.auto()  # --count 3
    FLAG = enum.auto()  # --verbose or --no-verbose
    MANY = enum.auto()  # --tag a --tag b
    PAIRS = enum.auto()  # --label a=1 --label b=2


@dataclass(frozen=True, slots=True)
class ValueType:
    """A parser of texts as values of a declared type.

    A text that cannot be parsed stays a text: validation says what is wrong with it.
    """

    shape: Shape
    parts: Sequence[object]  # the alternative types of a single value of the shape, besides None
    whole: Sequence[object]  # those of the value as a whole
    may_be_none: bool

    @classmethod
    def of(cls, annotation: object) -> ValueType:
        """Return the parser of a declared type."""
        alternatives = type_alternatives(annotation)
        whole = _besides_none(alternatives)
        shape, parts = Shape.ONE, whole
        if whole == [bool]:
            shape = Shape.FLAG
        elif len(whole) == 1 and _is_collection(kind := _class_of(whole[0])):
            arguments = [each for each in get_args(whole[0]) if each is not Ellipsis]
            pairs = issubclass(kind, Mapping)
            shape = Shape.PAIRS if pairs else Shape.MANY
            inside = arguments[1:2] if pairs else arguments[:1]
            parts = _besides_none(type_alternatives(inside[0])) if inside else [str]
        return cls(shape, parts, whole, len(whole) < len(alternatives))

    @property
    def may_be_text(self) -> bool:
        """True if the value may be any text as it is, even an empty one."""
        kinds = [_class_of(each) for each in self.whole]
        return any(each not in _NO_TEXTS and not _is_structure(each) for each in kinds)

    @property
    def choices(self) -> list[str]:
        """The only texts that a single value can have; empty if it can have others."""
        part = self.parts[0] if len(self.parts) == 1 else None
        if get_origin(part) is Literal:
            return [str(each) for each in get_args(part)]
        if isinstance(part, enum.EnumType):
            return [str(each.value) for each in cast("Iterable[enum.Enum]", part)]
        return []

    @property
    def is_path(self) -> bool:
        return len(self.parts) == 1 and issubclass(_class_of(self.parts[0]), Path)

    @property
    def metavar(self) -> str:
        """The placeholder of a single value in help."""
        if self.shape is Shape.PAIRS:
            return "KEY=VALUE"
        if choices := self.choices:
            return "|".join(choices)
        if len(self.parts) != 1:
            return "TEXT"
        [part] = self.parts
        kind = _class_of(part)
        if issubclass(kind, Path):
            return "PATH"
        if _is_structure(kind):
            return "JSON"
        name = kind.__name__.upper() if isinstance(part, type) else "TEXT"
        return _METAVARS.get(name, name)

    def read(self, texts: Iterable[str], folder: Path) -> object:
        """Parse the words of a command line, one for each time that the option was given."""
        match self.shape:
            case Shape.MANY:
                return [_read(text, self.parts, folder) for text in texts]
            case Shape.PAIRS:
                pairs = [text.partition("=") for text in texts]
                if not all(equals for _, equals, _ in pairs):
                    return list(texts)
                return {key: _read(value, self.parts, folder) for key, _, value in pairs}
            case Shape.ONE | Shape.FLAG:
                [text] = texts
                return _read(text, self.parts, folder)

    def read_whole(self, text: str) -> object:
        """Parse one text, such as a form field; collections are JSON."""
        return _read(text, self.whole, None)


def _read(text: str, types: Collection[object], folder: Path | None) -> object:
    """Convert a text only where validation could not do it from the text alone."""
    for each in types:
        if get_origin(each) is Literal:
            known = [one for one in cast("tuple[object, ...]", get_args(each)) if str(one) == text]
            if known:
                return known[0]
    kinds = [_class_of(each) for each in types]
    if any(map(_is_structure, kinds)):
        try:
            value: object = json.loads(text)
        except (ValueError, RecursionError):
            return text
        # A text that may also be something else, such as a number, is left to validation.
        return value if len(kinds) == 1 or type(value) in {list, dict} else text
    if not text and len(kinds) == 1 and issubclass(kinds[0], Path):
        # As when a script has an empty variable there; `Path` would take it for the present folder.
        raise UsageError("A path is not empty.", help="give a path; `.` is the present folder")
    if folder is None:
        return _WORDS.get(text, text) if bool in kinds else text
    is_path = len(kinds) == 1 and issubclass(kinds[0], Path)
    return folder / read_path(text) if is_path else text


def _besides_none(alternatives: Iterable[object]) -> list[object]:
    return [each for each in alternatives if each is not type(None)]


def _class_of(declared: object) -> type[object]:
    """Return the class behind a type such as `list[str]`; `object` if there is none."""
    origin: object = get_origin(declared) or declared
    return origin if isinstance(origin, type) else object


def _is_collection(kind: type[object]) -> bool:
    """Return whether it holds many values, and is not one itself, as texts and models are."""
    is_one = issubclass(kind, (str, bytes, enum.Enum)) or is_model(kind)
    return not is_one and issubclass(kind, Collection)


def _is_structure(kind: type[object]) -> bool:
    return is_model(kind) or dataclasses.is_dataclass(kind) or _is_collection(kind)


def read_path(path: str | Path, where: str = "") -> Path:
    """Return a path with its `~` replaced by a home folder; raise `UsageError` if there is none.

    The error says `where` the path was set, if that is given.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(
            f"{str(path)!r} begins with a user whom nobody knows.",
            details=(("set in", where),) if where else (),
            help="give the whole path",
        ) from error
