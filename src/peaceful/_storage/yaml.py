"""YAML, read with places of its values, and written as a person would write it, by libyaml."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Container, Iterator, Mapping
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Final, NoReturn, TypeAlias, cast

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from peaceful._errors.running import StorageError
from peaceful._model.codec import JsonValue
from peaceful._storage.stored_state import time_text

JSON_TAG: Final = "!json"
"""Marks text that YAML cannot hold (half of a surrogate pair, from an odd file name) as JSON."""

MAX_DEPTH: Final = 100
"""How deep values may be nested, when read and when written."""

_TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})

_INT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT: Final = re.compile(r"(?:[-+]?[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?\Z")

_WORDS: Final[dict[str, bool | float | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}

# Numbers of every base and with every separator, times of day, dates, special floats, `=`, `<<`.
_AMBIGUOUS: Final = re.compile(
    r"""
    [-+]?[0-9.][-+0-9_.:eE]*\Z | 0[xXoObB] | [0-9]{4}-[0-9] | [-+]?\.(?:inf|nan)\Z | [=~]\Z | <<\Z
    | (?:y|n|yes|no|on|off|true|false|null)\Z
    """,
    re.VERBOSE | re.IGNORECASE,
)

_AMBIGUOUS_STARTS: Final = frozenset("-+.0123456789=~<yYnNoOtTfF")

# What keeps several lines from being read, by people and every implementation of YAML, as they
# stand: white space at the beginning or before the end of a line, more than one empty line at the
# end, and what is not printed as it is.
_NOT_AS_LINES: Final = re.compile(
    r"\A\s|[ ]$|\n\n\Z|[\x00-\x09\x0b-\x1f\x7f-\x9f]"
    r"|[\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff\U00010000-\U0010ffff]",
    re.MULTILINE,
)

_NOT_ASCII_TEXT: Final = re.compile("[^\t\n\r\x20-\x7e]")
_BREAKS: Final = re.compile("[\n\r\x85\u2028\u2029]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_NOT_FINITE: Final = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}

# Nothing is folded: a fact keeps its line, however long.
_WIDTH: Final = 2**30

_MOST_AT_ONCE: Final = 512
"""Entries that are written in one go, if they are small."""

_LARGE: Final = 200_000
"""Characters of entries after which the next one is written alone."""

_NEXT_KEY: Final = re.compile(r"\n(?=[^\s:])")

_MAPPING: Final = MappingStartEvent(None, None, implicit=True, flow_style=False)
_MAPPING_END: Final = MappingEndEvent()
_SEQUENCE: Final = SequenceStartEvent(None, None, implicit=True, flow_style=False)
_SEQUENCE_END: Final = SequenceEndEvent()


def value_of(text: str, tag: str | None, *, plain: bool) -> JsonValue:
    """Return the value of a scalar (`plain`: without quotes), or raise `ScalarInvalid`."""
    if tag is None:
        return _plain_value(text) if plain else text
    if tag in _TEXT_TAGS:
        return text
    if tag == JSON_TAG:
        return _from_json(text)
    raise ScalarInvalid(f"the tag {tag} is not used here")


def style_of(text: str) -> str | None:
    """Return the YAML style for a text: None for plain if possible, else an indicator."""
    if _BREAKS.search(text):
        return '"' if _NOT_AS_LINES.search(text) else "|"
    # What would be read as something else than text, if it were plain.
    ambiguous = not text or (text[0] in _AMBIGUOUS_STARTS and _AMBIGUOUS.match(text))
    return "'" if ambiguous else None


def needs_json(text: str) -> bool:
    """Return whether a text has characters that YAML cannot hold."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def _plain_value(text: str) -> bool | int | float | str | None:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789":
        return text
    if _INT.match(text):
        return _int(text, 10)
    if _HEX.match(text):
        return _int(text, 16)
    return float(text) if _FLOAT.match(text) else text


def _int(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise ScalarInvalid("a number of that many digits cannot be read") from None


def _from_json(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ScalarInvalid(f"what follows {JSON_TAG} is not JSON: {error}") from None
    if not isinstance(value, str):
        raise ScalarInvalid(f"what follows {JSON_TAG} must be a text in double quotes")
    return value


class ScalarInvalid(ValueError):
    """A scalar that has no meaning here."""


class YamlProblem(ValueError):
    """Text that is not valid YAML here; `line` and `column` count from 1."""

    def __init__(self, line: int, column: int, reason: str) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.line = line
        self.column = column
        self.reason = reason


class YamlEntry(msgspec.Struct, frozen=True):
    """A top-level key and its value, with their start and end as indexes into the text."""

    key: str
    value: JsonValue
    start: int
    end: int


@cache
def _not_text() -> re.Pattern[str]:
    # Takes 3 ms, which most starts need not wait for.
    return re.compile(
        "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
    )


def parse(text: str) -> list[YamlEntry]:
    r"""Return the top-level entries of a document, or raise `YamlProblem`.

    The text has `\n` at the ends of lines and no byte order mark.
    """
    odd = (_NOT_ASCII_TEXT if text.isascii() else _not_text()).search(text)
    if odd is not None:
        reason = f"the character U+{ord(odd[0]):04X} may not stand here as it is"
        raise YamlProblem(*line_and_column(text, odd.start()), reason)
    try:
        return _Reader(text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        assert mark is not None
        reason = ", ".join(filter(None, (error.context, error.problem)))
        raise YamlProblem(mark.line + 1, mark.column + 1, reason) from None


def line_and_column(text: str, index: int) -> tuple[int, int]:
    """Return the line and column of an index into a text, both counted from 1."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def require_libyaml() -> None:
    """Raise `StorageError` if PyYAML lacks libyaml, whose dialect is the one used here."""
    if not yaml.__with_libyaml__:
        raise StorageError(
            "PyYAML was installed without its C extension, which reads and writes the files here.",
            help='install it from its wheel: pip install --force-reinstall "PyYAML"; or install '
            "libyaml with its headers first",
        )


class _Reader:
    """Builder of plain data from the events of one document."""

    def __init__(self, text: str) -> None:
        require_libyaml()
        # `get_event` gives none only after the end of the stream, and nothing is asked after that.
        self._next = cast("Callable[[], Event]", yaml.CSafeLoader(text).get_event)
        self._last: Event | None = None

    def document(self) -> list[YamlEntry]:
        self._next()
        if type(self._next()) is StreamEndEvent:
            return []
        root = self._next()
        if isinstance(root, MappingStartEvent):
            _refuse_extras(root)
            entries = self._entries()
        elif isinstance(root, ScalarEvent) and _scalar(root) is None:
            entries = []
        else:
            _refuse(root, "there must be names here, each with a colon and something below it")
        self._next()
        after = self._next()
        if type(after) is not StreamEndEvent:
            _refuse(after, "a second document begins here, and only one is read")
        return entries

    def _entries(self) -> list[YamlEntry]:
        entries: list[YamlEntry] = []
        keys: set[str] = set()
        while type(event := self._next()) is not MappingEndEvent:
            key = _key(event, keys)
            keys.add(key)
            value = self._value(self._next(), 1)
            assert self._last is not None
            begin, end = event.start_mark, self._last.end_mark
            assert begin is not None
            assert end is not None
            entries.append(YamlEntry(key, value, begin.index, end.index))
        return entries

    def _value(self, event: Event, depth: int) -> JsonValue:
        if type(event) is ScalarEvent:
            self._last = event
            return _scalar(event)
        if depth > MAX_DEPTH:
            _refuse(event, f"values are nested more than {MAX_DEPTH} deep")
        _refuse_extras(event)
        assert isinstance(event, CollectionStartEvent)
        if type(event) is MappingStartEvent:
            return self._mapping(event, depth)
        return self._sequence(event, depth)

    def _mapping(self, start: CollectionStartEvent, depth: int) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {}
        following = self._next
        while type(event := following()) is not MappingEndEvent:
            key = _key(event, found)
            event = following()
            if type(event) is ScalarEvent:
                self._last = event
                found[key] = _scalar(event)
            else:
                found[key] = self._value(event, depth + 1)
        self._ended(start, event)
        return found

    def _sequence(self, start: CollectionStartEvent, depth: int) -> list[JsonValue]:
        found: list[JsonValue] = []
        while type(event := self._next()) is not SequenceEndEvent:
            found.append(self._value(event, depth + 1))
        self._ended(start, event)
        return found

    def _ended(self, start: CollectionStartEvent, end: Event) -> None:
        # What has no closing bracket ends where the next thing begins, says libyaml.
        if start.flow_style:
            self._last = end


def _key(event: Event, before: Container[str]) -> str:
    if type(event) is not ScalarEvent:
        _refuse(event, "a name must be a single text")
    key = event.value
    if event.tag is not None or event.anchor is not None:
        key = str(_scalar(event, is_key=True))
    if key in before:
        _refuse(event, f"the name {key!r} is here for the second time")
    return key


def _scalar(event: ScalarEvent, *, is_key: bool = False) -> JsonValue:
    if event.anchor is not None:
        _refuse_extras(event)
    try:
        return value_of(event.value, event.tag, plain=event.implicit[0] and not is_key)
    except ScalarInvalid as error:
        _refuse(event, str(error))


def _refuse_extras(event: Event) -> None:
    if isinstance(event, AliasEvent):
        _refuse(event, f"an alias (*{event.anchor}) is not used here; write the value out")
    if isinstance(event, NodeEvent) and event.anchor is not None:
        _refuse(event, f"an anchor (&{event.anchor}) is not used here")
    if isinstance(event, CollectionStartEvent) and event.tag is not None and not event.implicit:
        _refuse(event, f"the tag {event.tag} is not used here")


def _refuse(event: Event, reason: str) -> NoReturn:
    mark = event.start_mark
    assert mark is not None
    raise YamlProblem(mark.line + 1, mark.column + 1, reason)


Writable: TypeAlias = "JsonValue | datetime | Mapping[str, Writable]"
"""A value that can be written: JSON, and datetimes, which need no quotes."""


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


def dump_each(data: Mapping[str, Writable]) -> Iterator[tuple[str, str]]:
    """Yield each key of a mapping, and its entry as YAML of its own; raises like `dump`.

    Values are asked for when they are written, so a mapping may make them then: of large ones, only
    one is in memory.
    """
    entries = iter(data.items())
    number = 1
    while some := dict(islice(entries, number)):
        texts = _dumped(some)
        yield from zip(some, texts, strict=True)
        number = min(2 * number, _MOST_AT_ONCE) if sum(map(len, texts)) < _LARGE else 1


def _dumped(data: Mapping[str, Writable]) -> list[str]:
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
            self._write(_plain_text(value), None)

    def _text(self, text: str) -> None:
        if needs_json(text):
            self._emit(ScalarEvent(None, JSON_TAG, (False, False), json.dumps(text), style="'"))
        else:
            self._write(text, style_of(text))

    def _key(self, key: str) -> None:
        if key not in self._key_styles:
            if needs_json(key):
                self._text(key)
                return
            style = style_of(key)
            # A name of several lines is better read in one.
            self._key_styles[key] = '"' if style == "|" else style
        self._write(key, self._key_styles[key])

    def _write(self, text: str, style: str | None) -> None:
        self._scalar.value, self._scalar.style = text, style
        self._emit(self._scalar)


def _plain_text(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return repr(value)
        case float():
            text = repr(value)
            # YAML 1.1 and 1.2 read it alike; `1e+17` would be text in YAML 1.1.
            return _NOT_FINITE.get(text) or (text if "." in text else text.replace("e", ".0e", 1))
        case datetime():
            return time_text(value)
        case _:
            raise TypeError(f"{type(value).__qualname__} cannot be stored")


def _check(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"values are nested more than {MAX_DEPTH} deep")
