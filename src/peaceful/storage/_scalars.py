"""Which single values of YAML mean what, and how text is written so that it stays text.

A plain word is a number, a truth value or nothing only where YAML 1.1 and YAML 1.2 agree on it;
everything else that is not in quotes is text: `no`, `1e3`, `012`, `12:30:45`, `2020-01-01`. When
written, text that either of them would take for something else is put in quotes, so that no other
program is misled.
"""

from __future__ import annotations

import json
import re
from typing import Final

from peaceful.model import JsonValue

JSON_TAG: Final = "!json"
"""Marks text that YAML cannot hold (half of a surrogate pair, from an odd file name) as JSON."""

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
_BREAKS: Final = re.compile("[\n\r\x85\u2028\u2029]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class ScalarInvalid(ValueError):
    """A single value that has no meaning here; the argument says why."""


def value_of(text: str, tag: str | None, *, plain: bool) -> JsonValue:
    """What a single value means.

    Args:
        text: the value's text, without quotes.
        tag: the tag that stands before it, or none.
        plain: whether it stands without quotes.

    Raises:
        ScalarInvalid: it means nothing here.
    """
    if tag is None:
        return _plain_value(text) if plain else text
    if tag in _TEXT_TAGS:
        return text
    if tag == JSON_TAG:
        return _from_json(text)
    raise ScalarInvalid(f"the tag {tag} is not used here")


def style_of(text: str) -> str | None:
    """How text is written: none for plain where that is possible, else a YAML indicator."""
    if _BREAKS.search(text):
        return '"' if _NOT_AS_LINES.search(text) else "|"
    return "'" if not text or _is_ambiguous(text) else None


def needs_json(text: str) -> bool:
    """Whether text has something that YAML cannot hold."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def json_text(text: str) -> str:
    """Text as a JSON string, for use with `JSON_TAG`."""
    return json.dumps(text)


def number_text(number: float) -> str:
    """A number as YAML 1.1 and 1.2 both read it."""
    text = repr(number)
    if isinstance(number, int):
        return text
    match text:
        case "inf":
            return ".inf"
        case "-inf":
            return "-.inf"
        case "nan":
            return ".nan"
        case _:
            # `1e+17` would be text in YAML 1.1.
            return text if "." in text else text.replace("e", ".0e", 1)


def _is_ambiguous(text: str) -> bool:
    """Whether text in the place of a value would be taken for something else than text."""
    return text[0] in _AMBIGUOUS_STARTS and _AMBIGUOUS.match(text) is not None


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
