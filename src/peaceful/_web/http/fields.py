"""Requests, read by their declarations: all that is wrong is said at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias, TypeVar, cast

import msgspec
from msgspec import inspect

from peaceful._commands.run_request import CommandName, RunRequest
from peaceful._errors.running import ExecutionUnknown
from peaceful._errors.usage import NameInvalid, ParamProblem, ParamsInvalid
from peaceful._executions.records import cut_reason
from peaceful._executions.registry import Executions
from peaceful._executions.store import ExecutionPage as ExecutionRecords
from peaceful._model.codec import JsonObject, JsonValue
from peaceful._model.execution import ExecutionState
from peaceful._model.field_types import ExecutionId, FlowId, ItemId, ProfileName
from peaceful._model.interrupt import InterruptLevel
from peaceful._model.names import checked_name
from peaceful._web.http.bodies import ORIGIN

T = TypeVar("T", bound=msgspec.Struct)


def is_name(kind: str) -> msgspec.Meta:
    """Declare that a field holds a name, or several.

    Args:
        kind: what is named, with its article.
    """
    return msgspec.Meta(extra={"names": kind})


def in_words(words: str) -> msgspec.Meta:
    """Declare what is said that a field must be, where its type does not say enough."""
    return msgspec.Meta(extra={"words": words})


def read_request(
    values: JsonObject,
    kind: type[T],
    check: Callable[[T], dict[str, str]] = lambda _: {},
    *,
    strict: bool = True,
) -> T:
    """Return what a request asks for. A field that is null is as good as missing.

    Args:
        values: what the request holds.
        kind: what it may hold.
        check: says by field what is wrong with several of them together.
        strict: whether values have their types; else texts are taken for what they say.

    Raises:
        ParamsInvalid: something is wrong; all of it.
    """
    wrong: dict[str, str] = {}
    read: dict[str, Any] = {}
    known = {field.name: field for field in msgspec.structs.fields(kind)}
    for name, field in known.items():
        value = values.get(name)
        if value is not None:
            try:
                read[name] = _read(value, field.type, strict=strict)
            except ValueError as error:
                wrong[name] = str(error)
        elif field.required:
            wrong[name] = "it is missing"
    wrong |= {str(each)[:100]: "there is no such field" for each in values if each not in known}
    if not wrong:
        request = kind(**read)
        wrong = check(request)
        if not wrong:
            return request
    raise ParamsInvalid(
        "The request",
        [ParamProblem(field, ORIGIN, reason) for field, reason in wrong.items()],
        help="correct the values above, then send it again",
    )


def _read(value: JsonValue, declared: object, *, strict: bool) -> object:
    info = inspect.type_info(declared)
    try:
        found: object = msgspec.convert(value, cast("type[object]", declared), strict=strict)
    except msgspec.ValidationError as error:
        raise ValueError(f"it is {_words(info)}") from error
    kind = _said(info, "names")
    if kind is not None:
        _check_names(kind, found)
    return found


def _said(info: inspect.Type, key: str) -> str | None:
    """What a declaration says besides its type."""
    if not isinstance(info, inspect.Metadata):
        return None
    return cast("dict[str, str]", info.extra or {}).get(key)


def _check_names(kind: str, found: object) -> None:
    try:
        for name in cast("tuple[str, ...]", found if isinstance(found, tuple) else (found,)):
            checked_name(kind, name)
    except NameInvalid as error:
        raise ValueError(f"{error.message} The rule: {error.details[0][1]}") from error


def _words(info: inspect.Type) -> str:
    """What a value must be."""
    words = _said(info, "words") or "a text"
    match info:
        case inspect.Metadata() if _said(info, "words"):
            pass
        case inspect.Metadata(type=inner) | inspect.VarTupleType(item_type=inner, max_length=None):
            words = _words(inner)
        case inspect.UnionType(types=types):
            words = " or ".join(_words(each) for each in types if each != inspect.NoneType())
        case inspect.BoolType():
            words = "true or false"
        case inspect.IntType(ge=least, le=most):
            words = f"a number from {least} to {most}"
        case inspect.LiteralType(values=values):
            words = f"one of {', '.join(map(str, values))}"
        case inspect.EnumType(cls=values):
            words = f"one of {', '.join(map(str, values))}"
        case inspect.VarTupleType(max_length=most):
            words = f"a list of at most {most} names"
        case inspect.DictType():
            words = "an object"
        case _:
            pass
    return words


MOST_SHOWN: Final = 200
"""How many executions a page may have."""

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


_Cursor: TypeAlias = Annotated[str, msgspec.Meta(pattern=f"^{_ID.pattern}$")]


class StartRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants to be executed.

    Attributes:
        profile: on which profile.
        flow: which flow.
        command: what to do with it.
        dry_run: whether only to say what would be done.
        only: the items that it is limited to; empty for all.
        params: parameters to store before, by name; the others stay as they are.
    """

    profile: Annotated[ProfileName, is_name("a profile")]
    flow: Annotated[FlowId, is_name("a flow")]
    command: CommandName
    dry_run: bool = False
    only: Annotated[tuple[ItemId, ...], is_name("an item"), msgspec.Meta(max_length=10_000)] = ()
    params: Mapping[str, JsonValue] = {}

    def request(self) -> RunRequest:
        """Return the same as every door asks for it."""
        return RunRequest(
            command=self.command,
            profile=self.profile,
            flow=self.flow,
            dry_run=self.dry_run,
            only=self.only,
            params=self.params,
        )


class InterruptBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is to be interrupted, and why.

    Attributes:
        level: how much.
        reason: what the person says of it; long texts are cut.
    """

    level: InterruptLevel = InterruptLevel.STOP
    reason: str | None = None


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which executions are asked for.

    Attributes:
        profile: those of the profile.
        flow: those of the flow.
        state: those in one of the states.
        limit: how many at most.
        cursor: from the page before.
    """

    profile: Annotated[ProfileName | None, is_name("a profile")] = None
    flow: Annotated[FlowId | None, is_name("a flow")] = None
    state: tuple[ExecutionState, ...] = ()
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_SHOWN)] = 50
    cursor: Annotated[_Cursor | None, in_words("what the page before gave")] = None


def start_request(body: JsonObject) -> RunRequest:
    """Return what somebody wants to be executed.

    Raises:
        ParamsInvalid: fields are wrong; all of them at once.
    """
    asked = read_request(body, StartRequest, lambda asked: dict(asked.request().problems))
    return asked.request()


def interrupt_request(body: JsonObject) -> tuple[InterruptLevel, str | None]:
    """Return how much is to be interrupted, and why.

    Raises:
        ParamsInvalid: fields are wrong; all of them at once.
    """
    request = read_request(body, InterruptBody)
    return request.level, cut_reason(request.reason or None)


def page_request(query: Mapping[str, str], states: Iterable[str]) -> PageQuery:
    """Return which executions are asked for.

    Args:
        query: the query of the request.
        states: every `state` in it.

    Raises:
        ParamsInvalid: something is wrong; all of it at once.
    """
    words = [word for each in states for word in each.split(",")]
    values: JsonObject = {**query, **({"state": list(words)} if words else {})}
    return read_request(values, PageQuery, strict=False)


def page_of(executions: Executions, query: PageQuery) -> ExecutionRecords:
    """Return the executions that are asked for. It waits for the disk."""
    return executions.list(
        profile=query.profile,
        flow=query.flow,
        states=query.state,
        limit=query.limit,
        cursor=query.cursor,
    )


def checked_id(execution_id: str) -> ExecutionId:
    """An ID as it was handed out: the beginning of one is enough for people, not for programs.

    Raises:
        ExecutionUnknown: it cannot be one.
    """
    if not _ID.fullmatch(execution_id.lower()):
        raise ExecutionUnknown(execution_id[:100])
    return execution_id.lower()
