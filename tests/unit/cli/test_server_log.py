"""The lines of a server's log."""

from __future__ import annotations

import io
import json
import logging
import sys
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._cli.commands.web import as_json, as_text, server_log
from peaceful._cli.terminal.writer import Writer


def record(message: str, level: int = logging.INFO, /, **fields: object) -> logging.LogRecord:
    """A record of a moment, with its fields."""
    made = logging.makeLogRecord(
        {"name": "peaceful.web", "msg": "%s", "args": (message,), "created": 1_700_000_000.25}
    )
    made.levelno, made.levelname = level, logging.getLevelName(level)
    vars(made).update(fields)
    return made


def test_as_json() -> None:
    """One object, with the fields of the record; none takes the place of what each has."""
    line = as_json(record("hello", execution_id="1", item_id="a", seconds=1.5, level="x"))
    assert json.loads(line) == {
        "at": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "logger": "peaceful.web",
        "message": "hello",
        "execution_id": "1",
        "item_id": "a",
        "seconds": 1.5,
    }
    assert line.count("\n") == 1


AT = "2023-11-14T22:13:20Z"


def test_as_text() -> None:
    """When, and what; how bad, where it is; and the item, where the text does not name it."""
    assert as_text(record("hello"), UTC) == f"{AT} hello\n"
    assert as_text(record("no", logging.WARNING), UTC) == f"{AT} warning: no\n"
    assert as_text(record("slow", item_id="a1"), UTC) == f"{AT} a1: slow\n"
    assert as_text(record("a1 failed", item_id="a1"), UTC) == f"{AT} a1 failed\n"


def test_a_traceback_cannot_be_taken_for_a_line_of_the_log() -> None:
    """It is set apart, whatever the message of its error."""
    try:
        raise ValueError("one\n22:13:20 another line\x1b[2J")
    except ValueError:
        made = record("failed", logging.ERROR, exc_info=sys.exc_info())
    lines = as_text(made, UTC).splitlines()
    assert lines[0] == f"{AT} error: failed"
    assert all(line.startswith("  ") for line in lines[1:])
    assert "another line" in as_text(made, UTC)
    assert "\x1b" not in as_text(made, UTC)
    assert any("ValueError" in line for line in json.loads(as_json(made))["traceback"])


@pytest.mark.parametrize("form", [as_json, lambda record: as_text(record, UTC)])
@given(text=st.text())
def test_what_comes_from_outside_stays_on_its_line(form: object, text: str) -> None:
    """And cannot move the cursor, colour anything or ring a bell."""
    assert callable(form)
    line = form(record(text, path=text, item_id=text))
    assert line.endswith("\n")
    assert all(each.isprintable() for each in line[:-1])


def test_a_log_that_cannot_be_written_ends_nothing() -> None:
    """As on a full disk: who logs goes on; afterwards, everything is as it was before."""
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        writer = Writer(full, "standard error")
        with server_log(writer, as_json, debug=False, quiet=False):
            logging.getLogger("peaceful.web").info("hello")
            logging.getLogger("peaceful.web").info("hello again")
    assert writer.gone
    assert logging.getLogger("peaceful").level == logging.NOTSET


@pytest.mark.parametrize(
    ("debug", "quiet", "told"),
    [(False, False, ["info", "warning"]), (True, False, ["debug", "info", "warning"]),
     (False, True, ["warning"])],
)  # fmt: skip
def test_how_much_is_told(*, debug: bool, quiet: bool, told: list[str]) -> None:
    """Of others than the framework, warnings."""
    stream = io.StringIO()
    with server_log(Writer(stream, "standard error"), as_json, debug=debug, quiet=quiet):
        for name in ("peaceful.web", "somebody.else"):
            for level in (logging.DEBUG, logging.INFO, logging.WARNING):
                logging.getLogger(name).log(level, "hello")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [each["level"] for each in lines if each["logger"] == "peaceful.web"] == told
    assert [each["level"] for each in lines if each["logger"] != "peaceful.web"] == ["warning"]
