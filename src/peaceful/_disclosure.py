"""What texts may show once they leave the process: secrets are hidden, messages are bounded.

The values of secrets are known from when they are read until the process ends: what holds one may
be shown much later, and by code that knows nothing of whose it is. Every text that somebody else
wrote passes `masked` on its way out, or `kept` if it is stored or handed to other programs.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar, cast

T = TypeVar("T")

HIDDEN: Final = "**********"
"""Replaces a secret, as in pydantic."""

LONGEST_KEPT: Final = 10_000
"""Most characters of a message that are kept."""

_SHORTEST: Final = 4
_SHORTEST_NUMBER: Final = 6
"""A shorter one is in half of all texts by chance; of a number, in half of all times and IDs."""

_COMMON: Final = frozenset(
    {
        *("true", "false", "null", "none", "running", "done", "failed", "complete", "error"),
        *("unchanged", "status", "terminal", "ensure", "clean", "diff", "discover"),
    }
)
"""Words that every document has."""

_MOST_SECRETS: Final = 1000
"""A server may read new ones for ever."""

_SHORTEST_LINE: Final = 8
"""A line of a secret, or a part of its base64, is hidden by itself from this length."""


class _Known:
    """The secrets that were read, latest last, each with the forms that texts have it in.

    Attributes:
        forms: all of them, the longest first: one may be a part of another.
    """

    def __init__(self) -> None:
        self.forms: tuple[str, ...] = ()
        self._by_secret: dict[str, frozenset[str]] = {}
        self._names: set[str] = set()
        self._lock = threading.Lock()

    def add(self, secrets: Iterable[str]) -> None:
        new = {each for each in secrets if each not in self._by_secret and _can_be_hidden(each)}
        if new:
            with self._lock:
                self._by_secret.update((each, frozenset(forms_of(each))) for each in new)
                for oldest in list(self._by_secret)[:-_MOST_SECRETS]:
                    del self._by_secret[oldest]
                self._sort()

    def add_names(self, names: Iterable[str]) -> None:
        new = set(names) - self._names
        if new:
            with self._lock:
                self._names |= new
                self._sort()

    def _sort(self) -> None:
        forms = frozenset[str]().union(
            *(forms for each, forms in self._by_secret.items() if each not in self._names)
        )
        self.forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))


_known = _Known()


def know_secrets(secrets: Iterable[str]) -> None:
    """Hide these values in all texts from now on, except what is too short or too common."""
    _known.add(secrets)


def know_names(names: Iterable[str]) -> None:
    """Never hide these names of profiles, flows and items, even if somebody's secret is the same.

    Commands and links with a hidden name would not work.
    """
    _known.add_names(names)


def masked(text: str) -> str:
    """Return a text with the known secrets hidden; the same object if there are none in it."""
    return without(text, _known.forms)


def masked_beginning(text: str, length: int) -> str:
    """Return the first characters of `masked(text)`, without looking at the others."""
    forms = _known.forms
    if len(text) > length:
        text = text[: length + len(forms[0]) if forms else length]
    return without(text, forms)[:length]


def masked_part(text: str, start: int, stop: int) -> str:
    """Return a part of a text with the known secrets hidden, also those that only reach into it."""
    forms = _known.forms
    reach = len(forms[0]) if forms else 0
    begin, stop = max(0, start - reach), min(stop, len(text))
    near = text[begin : stop + reach]
    found = sorted(
        (begin + match.start(1), begin + match.end(1))
        for form in forms
        if form in near
        for match in re.finditer(f"(?=({re.escape(form)}))", near)
    )
    shown: list[str] = []
    for first, end in found:
        if end > start and first < stop:
            # What overlaps the one before is hidden by that already.
            shown += [text[start:first], HIDDEN] if first >= start or not shown else []
            start = max(start, end)
    return "".join([*shown, text[start:stop]])


def without(text: str, forms: Iterable[str]) -> str:
    """Return a text with each of these replaced; the longest are to come first."""
    # One pattern of all forms takes twice to three times as long.
    for form in forms:
        if form in text:
            text = text.replace(form, HIDDEN)
    return text


def masked_data(value: T) -> T:
    """Return JSON data with the known secrets hidden in its texts, but not in its keys."""
    return cast("T", _masked(value)) if _known.forms else value


def _masked(value: object) -> object:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value).items()
        return {key: _masked(part) for key, part in entries}
    if isinstance(value, (list, tuple)):
        return [_masked(part) for part in cast("Iterable[object]", value)]
    return value


def kept(text: str) -> str:
    """Return a message as it is kept: with secrets hidden, and without its middle if it is long."""
    text = masked(text)
    if len(text) <= LONGEST_KEPT:
        return text
    head, tail = LONGEST_KEPT * 2 // 3, LONGEST_KEPT // 4
    note = f" … ({len(text) - head - tail:,} characters left out) … "
    return f"{text[:head]}{note}{text[-tail:]}"


def hide_in_record(record: logging.LogRecord) -> bool:
    """Hide known secrets in a log record, as a filter of a logger; return true."""
    if _known.forms:
        text = record.getMessage()
        if (shown := masked(text)) is not text:
            vars(record).update(msg=shown, args=None)
        if record.exc_info:
            # Formatters take it as it is.
            trace = logging.Formatter().formatException(record.exc_info)
            vars(record).update(exc_text=masked(trace))
    return True


def _can_be_hidden(secret: str) -> bool:
    shortest = _SHORTEST_NUMBER if secret.isdecimal() else _SHORTEST
    return (
        len(secret.strip()) >= shortest and secret.lower() not in _COMMON and secret not in HIDDEN
    )


def forms_of(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as programs write it: escaped, quoted, encoded, line by line."""
    import html
    import json
    import shlex
    from base64 import b64encode
    from urllib.parse import quote, quote_plus

    data = secret.encode(errors="surrogatepass")
    yield secret
    yield repr(secret)[1:-1]
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)
    yield shlex.quote(secret).removeprefix("'").removesuffix("'") or secret
    yield quote(data)
    yield quote(data, safe="")
    yield quote_plus(data)
    for before in range(3):
        # As a part of something longer, such as `user:password`, whose length moves it by so many
        # bytes: only what its own bits decide.
        code = b64encode(bytes(before) + data).decode().rstrip("=")
        decided = code[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        if len(decided) >= _SHORTEST_LINE:
            yield decided
            yield decided.replace("+", "-").replace("/", "_")
    for line in secret.splitlines():
        if len(line.strip()) >= _SHORTEST_LINE:
            yield line.strip()
