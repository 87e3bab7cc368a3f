"""YAML writer: plain data as a person would write it, by libyaml."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeAlias, cast

import yaml
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from peaceful._model.codec import JsonValue
from peaceful._storage.stored_state import time_text
from peaceful._storage.yaml_in import (
    JSON_TAG,
    MAX_DEPTH,
    needs_json,
    number_text,
    require_libyaml,
    style_of,
)

Writable: TypeAlias = "JsonValue | datetime | Mapping[str, Writable]"
"""A value that can be written: JSON, and datetimes, which need no quotes."""

# Nothing is folded: a fact keeps its line, however long.
_WIDTH: Final = 2**30

_NEXT_KEY: Final = re.compile(r"\n(?=[^\s:])")

_MAPPING: Final = MappingStartEvent(None, None, implicit=True, flow_style=False)
_MAPPING_END: Final = MappingEndEvent()
_SEQUENCE: Final = SequenceStartEvent(None, None, implicit=True, flow_style=False)
_SEQUENCE_END: Final = SequenceEndEvent()


def dump(data: Mapping[str, Writable]) -> str:
    """Return a mapping as YAML, in its order, with one fact per line.

    Raises `ValueError` if values are nested too deep, `TypeError` if one has no form in JSON.
    """
    require_libyaml()
    out = io.StringIO()
    dumper = yaml.CSafeDumper(out, width=_WIDTH, allow_unicode=True)
    emit = cast("Callable[[Event], None]", dumper.emit)
    emit(StreamStartEvent())
    emit(DocumentStartEvent(explicit=False))
    _Writer(emit).value(data, 0)
    emit(DocumentEndEvent(explicit=False))
    emit(StreamEndEvent())
    return out.getvalue()


def dump_each(data: Mapping[str, Writable]) -> list[str]:
    """Return each entry of a mapping as YAML of its own; raises like `dump`."""
    if not data:
        return []
    # In one go it takes a third of the time; where each key begins a line, it can be cut there.
    pieces = _NEXT_KEY.split(dump(data).removesuffix("\n"))
    if len(pieces) == len(data):
        return [f"{piece}\n" for piece in pieces]
    return [dump({key: value}) for key, value in data.items()]


class _Writer:
    """Emitter of libyaml events, which copies each at once: one is reused for all scalars."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._scalar = ScalarEvent(None, None, (True, True), "")
        self._key_styles: dict[str, str | None] = {}

    def value(self, value: Writable, depth: int) -> None:
        if isinstance(value, str):
            self._text(value)
        elif isinstance(value, (dict, Mapping)):
            _check(depth)
            self._emit(_MAPPING)
            for key, item in value.items():
                self._key(key)
                self.value(item, depth + 1)
            self._emit(_MAPPING_END)
        elif isinstance(value, list):
            _check(depth)
            self._emit(_SEQUENCE)
            for item in value:
                self.value(item, depth + 1)
            self._emit(_SEQUENCE_END)
        else:
            self._plain(_plain_text(value))

    def _plain(self, text: str) -> None:
        scalar = self._scalar
        scalar.value, scalar.style = text, None
        self._emit(scalar)

    def _text(self, text: str) -> None:
        if needs_json(text):
            self._emit(ScalarEvent(None, JSON_TAG, (False, False), json.dumps(text), style="'"))
            return
        scalar = self._scalar
        scalar.value, scalar.style = text, style_of(text)
        self._emit(scalar)

    def _key(self, key: str) -> None:
        if key not in self._key_styles:
            if needs_json(key):
                self._text(key)
                return
            style = style_of(key)
            # A name of several lines is better read in one.
            self._key_styles[key] = '"' if style == "|" else style
        scalar = self._scalar
        scalar.value, scalar.style = key, self._key_styles[key]
        self._emit(scalar)


def _plain_text(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number_text(value)
        case datetime():
            return time_text(value)
        case _:
            raise TypeError(f"{type(value).__qualname__} cannot be stored")


def _check(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"values are nested more than {MAX_DEPTH} deep")
