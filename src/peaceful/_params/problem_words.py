"""What is wrong with a value in plain English, instead of the words of pydantic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

_WHOLE: Final = "it must be a whole number"
_NUMBER: Final = "it must be a number"
_TEXT: Final = "it must be a text"
_LIST: Final = "it must be a list"
_NAMES: Final = "it must be names with values"
_ADDRESS: Final = "it must be an address (URL)"

_WORDS: Final[Mapping[str, str]] = {
    "missing": "it has no value",
    "extra_forbidden": "there is no such field",
    "value_error": "{error}",
    "assertion_error": "{error}",
    "none_required": "it must be left out, or null",
    "greater_than": "it must be greater than {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than": "it must be less than {lt}",
    "less_than_equal": "it must be at most {le}",
    "multiple_of": "it must be a multiple of {multiple_of}",
    "finite_number": "it must be a finite number",
    "decimal_max_digits": "it must have at most {max_digits} digits",
    "decimal_max_places": "it must have at most {decimal_places} digits after the point",
    "decimal_whole_digits": "it must have at most {whole_digits} digits before the point",
    "string_too_short": "it must be at least {min_length} characters long",
    "string_too_long": "it must be at most {max_length} characters long",
    "string_pattern_mismatch": "it must match the pattern {pattern}",
    "string_not_ascii": "it must have ASCII characters only",
    "bytes_too_short": "it must be at least {min_length} bytes long",
    "bytes_too_long": "it must be at most {max_length} bytes long",
    "too_short": "it must have a length of at least {min_length}",
    "too_long": "it must have a length of at most {max_length}",
    "literal_error": "it must be {expected}",
    "enum": "it must be {expected}",
    "int": _WHOLE,
    "float": _NUMBER,
    "decimal": _NUMBER,
    "fraction": _NUMBER,
    "complex": "it must be a complex number, such as 1+2j",
    "bool": "it must be true or false",
    "string": _TEXT,
    "bytes": _TEXT,
    "list": _LIST,
    "tuple": _LIST,
    "set": _LIST,
    "frozen_set": _LIST,
    "deque": _LIST,
    "iterable": _LIST,
    "dict": _NAMES,
    "mapping": _NAMES,
    "model": _NAMES,
    "dataclass": _NAMES,
    "date_past": "it must be in the past",
    "date_future": "it must be in the future",
    "datetime_past": "it must be in the past",
    "datetime_future": "it must be in the future",
    "date": "it must be a date, such as 2026-01-31",
    "time": "it must be a time, such as 14:02:11",
    "datetime": "it must be a date and time, such as 2026-01-31T14:02:11Z",
    "time_delta": "it must be a duration, such as 00:01:30 or PT90S",
    "timezone_aware": "it must say its time zone, such as by Z at its end",
    "timezone_naive": "it must not say a time zone",
    "path": "it must be a path",
    "url_scheme": "it must be an address that begins with {expected_schemes}",
    "url_too_long": "it must be an address of at most {max_length} characters",
    "url": _ADDRESS,
    "uuid": "it must be a UUID",
    "ip": "it must be an IP address",
}
"""By pydantic's type of a problem, or the beginning of several, such as `int` for `int_parsing`."""


def problem_words(problem: ErrorDetails) -> str:
    """Return what is wrong with a value; of what is not known here, pydantic's own words."""
    parts = problem["type"].split("_")
    kinds = ("_".join(parts[:number]) for number in range(len(parts), 0, -1))
    words = next((_WORDS[kind] for kind in kinds if kind in _WORDS), None)
    try:
        return problem["msg"] if words is None else words.format_map(problem.get("ctx", {}))
    except KeyError:  # It was said in these words already, and is said again.
        return problem["msg"]
