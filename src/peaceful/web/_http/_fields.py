"""What the fields of requests may be; all that is wrong is said at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from peaceful.errors import ExecutionUnknown, NameInvalid, ParamProblem, ParamsInvalid
from peaceful.executions import JsonObject, cut_reason
from peaceful.model import (
    INTERRUPT_LEVELS,
    ExecutionId,
    ExecutionState,
    InterruptLevel,
    JsonValue,
    checked_name,
)
from peaceful.web._http._bodies import ORIGIN
from peaceful.web._http._start import CHANGING, COMMANDS, Command, StartRequest
from peaceful.web._live._picture import NOTHING

T = TypeVar("T")

MOST_SHOWN: Final = 200
"""How many executions a page may have."""

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_STATES: Final = {state.value: state for state in ExecutionState}
_ITEMS: Final = 10_000


class Fields:
    """The fields of a request, taken one after the other.

    Args:
        values: what the request holds.
    """

    def __init__(self, values: JsonObject) -> None:
        self._values = values
        self._taken: set[str] = set()
        self._problems: list[ParamProblem] = []

    def need(self, field: str, read: Callable[[JsonValue], T], stand_in: T) -> T:
        """The value of a field that may not be missing.

        Args:
            field: which one.
            read: makes the value of what is there, or raises `ValueError`, saying what it must be.
            stand_in: the answer where it is wrong; then `check` raises.
        """
        if self._values.get(field) is None:
            self._taken.add(field)
            self.wrong(field, "it is missing")
        return self.take(field, read, stand_in)

    def take(self, field: str, read: Callable[[JsonValue], T], default: T) -> T:
        """The value of a field.

        Args:
            field: which one.
            read: makes the value of what is there, or raises `ValueError`, saying what it must be.
            default: the answer where it is missing or null; or where it is wrong: then `check`
                raises.
        """
        self._taken.add(field)
        value = self._values.get(field)
        if value is None:
            return default
        try:
            return read(value)
        except NameInvalid as error:
            self.wrong(field, f"{error.message} The rule: {error.details[0][1]}")
        except ValueError as error:
            self.wrong(field, str(error))
        return default

    def wrong(self, field: str, reason: str) -> None:
        """Says that a field is wrong."""
        self._problems.append(ParamProblem(field, ORIGIN, reason))

    def check(self) -> None:
        """Refuses fields that nobody has asked for, and all that were wrong.

        Raises:
            ParamsInvalid: something is wrong.
        """
        for field in self._values:
            if field not in self._taken:
                self.wrong(str(field)[:100], "there is no such field")
        if self._problems:
            raise ParamsInvalid(
                "The request", self._problems, help="correct the values above, then send it again"
            )


def start_request(body: JsonObject) -> StartRequest:
    """What somebody wants to be executed.

    Raises:
        ParamsInvalid: fields are wrong; all of them at once.
    """
    fields = Fields(body)
    request = StartRequest(
        profile=fields.need("profile", _name_of("a profile"), ""),
        flow=fields.need("flow", _name_of("a flow"), ""),
        command=fields.need("command", _command, "ensure"),
        dry_run=fields.take("dry_run", _bool, False),
        only=fields.take("only", _names, ()),
        params=fields.take("params", _object, NOTHING),
    )
    if request.command not in CHANGING:
        for field, given in (("dry_run", request.dry_run), ("only", request.only)):
            if given:
                fields.wrong(field, f"{request.command} does not take it")
    fields.check()
    return request


def interrupt_request(body: JsonObject) -> tuple[InterruptLevel, str | None]:
    """How much is to be interrupted, and why.

    Raises:
        ParamsInvalid: fields are wrong; all of them at once.
    """
    fields = Fields(body)
    level = fields.take("level", _one_of(INTERRUPT_LEVELS), InterruptLevel.STOP)
    reason = fields.take("reason", _text, "")
    fields.check()
    return level, cut_reason(reason or None)


def page_request(
    query: Mapping[str, str], states: Iterable[str]
) -> tuple[str | None, str | None, tuple[ExecutionState, ...], int, str | None]:
    """Which executions are asked for: profile, flow, states, how many, and after which.

    Args:
        query: the query of the request.
        states: every `state` in it.

    Raises:
        ParamsInvalid: something is wrong; all of it at once.
    """
    fields = Fields(dict(query))
    profile = fields.take("profile", _name_of("a profile"), "")
    flow = fields.take("flow", _name_of("a flow"), "")
    words = [word for each in states for word in each.split(",")]
    nothing: tuple[ExecutionState, ...] = ()
    wanted = fields.take("state", lambda _: tuple(map(_one_of(_STATES), words)), nothing)
    limit = fields.take("limit", _limit, 50)
    cursor = fields.take("cursor", _cursor, "")
    fields.check()
    return profile or None, flow or None, wanted, limit, cursor or None


def checked_id(execution_id: str) -> ExecutionId:
    """An ID as it was handed out: the beginning of one is enough for people, not for programs.

    Raises:
        ExecutionUnknown: it cannot be one.
    """
    if not _ID.fullmatch(execution_id.lower()):
        raise ExecutionUnknown(execution_id[:100])
    return execution_id.lower()


def _name_of(kind: str) -> Callable[[JsonValue], str]:
    return lambda value: checked_name(kind, _text(value))


def _command(value: JsonValue) -> Command:
    for command in COMMANDS:
        if value == command:
            return command
    raise ValueError(f"it is one of {', '.join(COMMANDS)}")


def _one_of(words: Mapping[str, T]) -> Callable[[JsonValue], T]:
    def read(value: JsonValue) -> T:
        if isinstance(value, str) and value in words:
            return words[value]
        raise ValueError(f"it is one of {', '.join(words)}")

    return read


def _text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise ValueError("it is a text")  # noqa: TRY004 - it is data, not a wrong call
    return value


def _bool(value: JsonValue) -> bool:
    if not isinstance(value, bool):
        raise ValueError("it is true or false")  # noqa: TRY004 - likewise
    return value


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, Mapping):
        raise ValueError("it is an object")  # noqa: TRY004 - likewise
    return value


def _names(value: JsonValue) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _ITEMS:
        raise ValueError(f"it is a list of at most {_ITEMS} names of items")
    return tuple(checked_name("an item", _text(each)) for each in value)


def _limit(value: JsonValue) -> int:
    text = _text(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= MOST_SHOWN):
        raise ValueError(f"it is a number from 1 to {MOST_SHOWN}")
    return int(text)


def _cursor(value: JsonValue) -> str:
    text = _text(value)
    if not _ID.fullmatch(text):
        raise ValueError("it is what the page before gave")
    return text
