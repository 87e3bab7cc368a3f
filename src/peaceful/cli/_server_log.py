"""The log of a server, on standard error: lines for people, or one JSON object for each."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, tzinfo
from typing import Final

from peaceful.cli._writer import Writer
from peaceful.errors import PeacefulError
from peaceful.present import one_line

_LONGEST: Final = 1000
"""Characters of a line."""

_OWN: Final = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"})
"""What every record has; the rest are fields that it was given."""

Form = Callable[[logging.LogRecord], str]
"""Makes lines of a record, each with its end."""


def as_json(record: logging.LogRecord) -> str:
    """A record as an object on a line: `at`, `level`, `logger`, `message`, and its fields."""
    at = datetime.fromtimestamp(record.created, UTC)
    entry: dict[str, object] = {
        "at": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": one_line(record.getMessage(), _LONGEST),
    }
    entry |= {name: value for name, value in _fields(record).items() if name not in entry}
    if record.exc_info:
        entry["traceback"] = [one_line(line, _LONGEST) for line in _traceback(record)]
    return json.dumps(entry, ensure_ascii=True, default=str) + "\n"


def as_text(record: logging.LogRecord, zone: tzinfo) -> str:
    """A record as lines for a person: when, how bad, what; a traceback is set apart from the left.

    Args:
        record: the record.
        zone: the zone of whoever reads the times.
    """
    at = datetime.fromtimestamp(record.created, zone)
    bad = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
    fields = _fields(record)
    item = fields.get("item_id")
    message = record.getMessage()
    about = "" if item is None or str(item) in message else f"{item}: "
    lines = [f"{at:%H:%M:%S} {bad}{about}{message}"]
    if record.exc_info:
        lines += [f"    {line}" for line in _traceback(record)]
    first, *more = lines
    return "".join(
        f"{line}\n"
        for line in (one_line(first, _LONGEST), *(f"  {one_line(m, _LONGEST)}" for m in more))
    )


@contextmanager
def server_log(writer: Writer, form: Form, *, debug: bool, quiet: bool) -> Generator[None]:
    """Writes what is logged to a stream, for the length of a context.

    Args:
        writer: the stream.
        form: how.
        debug: whether also what only helps to find mistakes: each request.
        quiet: whether only warnings.
    """
    handler = _Handler(writer, form)
    root, own = logging.getLogger(), logging.getLogger("peaceful")
    before = own.level
    own.setLevel(logging.WARNING if quiet else logging.DEBUG if debug else logging.INFO)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        own.setLevel(before)


class _Handler(logging.Handler):
    def __init__(self, writer: Writer, form: Form) -> None:
        super().__init__()
        self._writer = writer
        self._form = form

    def emit(self, record: logging.LogRecord) -> None:
        # A log that cannot be written is given up by its writer, and must not end what it tells of.
        with suppress(PeacefulError):
            self._writer.write(self._form(record))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {
        name: one_line(value, _LONGEST) if isinstance(value, str) else value
        for name, value in vars(record).items()
        if name not in _OWN
    }


def _traceback(record: logging.LogRecord) -> Iterator[str]:
    assert record.exc_info is not None
    for part in traceback.format_exception(record.exc_info[1]):
        yield from part.rstrip("\n").split("\n")
