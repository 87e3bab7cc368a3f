"""What a declared type means on a command line: how often it is given, and how its text is read."""

from __future__ import annotations

import enum
import json
import types
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Union, cast, get_args, get_origin


class Shape(enum.Enum):
    """How often a value is given, and in which form."""

    ONE = enum.auto()
    """`--count 3`"""
    FLAG = enum.auto()
    """`--verbose` or `--no-verbose`"""
    MANY = enum.auto()
    """`--tag a --tag b`"""
    PAIRS = enum.auto()
    """`--label a=1 --label b=2`"""


@dataclass(frozen=True, slots=True)
class ValueType:
    """A declared type, as it is read from a command line.

    Attributes:
        shape: how often it is given.
        inner: the type of a single value, without "or none" and without decorations.
    """

    shape: Shape
    inner: object

    @classmethod
    def of(cls, annotation: object) -> ValueType:
        """How a declared type is read."""
        core = _core(annotation)
        container = _class_of(core)
        arguments = [each for each in get_args(core) if each is not Ellipsis]
        if core is bool:
            return cls(Shape.FLAG, bool)
        if container is None or not _is_collection(container):
            return cls(Shape.ONE, core)
        if issubclass(container, Mapping):
            return cls(Shape.PAIRS, _core(arguments[1]) if len(arguments) == 2 else str)
        return cls(Shape.MANY, _core(arguments[0]) if arguments else str)

    @property
    def choices(self) -> list[str]:
        """The only values that it can have; empty where there are others."""
        if get_origin(self.inner) is Literal:
            return [str(each) for each in get_args(self.inner)]
        if isinstance(self.inner, type) and issubclass(self.inner, enum.Enum):
            return [str(each.value) for each in self.inner]
        return []

    @property
    def is_path(self) -> bool:
        """Whether it names a file or a folder."""
        return isinstance(self.inner, type) and issubclass(self.inner, Path)

    @property
    def metavar(self) -> str:
        """What stands for a value in help."""
        if self.shape is Shape.PAIRS:
            return "KEY=VALUE"
        if self.choices:
            return "|".join(self.choices)
        if self.is_path:
            return "PATH"
        if self._is_structure:
            return "JSON"
        name = self.inner.__name__.upper() if isinstance(self.inner, type) else "TEXT"
        return _METAVARS.get(name, name)

    def read(self, texts: Iterable[str]) -> object:
        """The value that was given by texts; whoever knows the type says what is wrong with it."""
        match self.shape:
            case Shape.MANY:
                return [self._one(text) for text in texts]
            case Shape.PAIRS:
                pairs = [text.partition("=") for text in texts]
                if not all(equals for _, equals, _ in pairs):
                    return list(texts)
                return {key: self._one(value) for key, _, value in pairs}
            case Shape.ONE | Shape.FLAG:
                [text] = texts
                return self._one(text)

    @property
    def _is_structure(self) -> bool:
        inner = _class_of(self.inner)
        return inner is not None and (_is_model(inner) or _is_collection(inner))

    def _one(self, text: str) -> object:
        """A single value: its text, but for what text alone cannot say."""
        if self.is_path:
            return Path.cwd() / Path(text).expanduser()
        if get_origin(self.inner) is Literal:
            values: tuple[object, ...] = get_args(self.inner)
            return next((each for each in values if str(each) == text), text)
        if self._is_structure:
            try:
                return cast("object", json.loads(text))
            except json.JSONDecodeError:
                return text
        return text


_METAVARS: Final[Mapping[str, str]] = {"INT": "N", "FLOAT": "NUMBER", "STR": "TEXT"}


def _core(annotation: object) -> object:
    """The type without decorations, and without saying that it may be none."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _core(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        options = [each for each in get_args(annotation) if each is not type(None)]
        return _core(options[0]) if len(options) == 1 else annotation
    return annotation


def _class_of(core: object) -> type[object] | None:
    """The class behind a type such as `list[str]`; none where there is none."""
    origin: object = get_origin(core) or core
    return origin if isinstance(origin, type) else None


def _is_collection(kind: type[object]) -> bool:
    """Whether it holds many values, and is not one itself, as text is, or a model with fields."""
    is_one = issubclass(kind, (str, bytes, enum.Enum)) or _is_model(kind)
    return not is_one and issubclass(kind, Collection)


def _is_model(kind: object) -> bool:
    """Whether it is a model of pydantic, which need not be loaded to ask."""
    return hasattr(kind, "model_fields")
