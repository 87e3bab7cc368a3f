"""Requests, converted by their declarations; errors name all wrong fields at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias, TypeVar, cast

import msgspec
from msgspec import inspect

from peaceful._commands.run_request import CommandName, EditName, RunRequest
from peaceful._errors.running import ExecutionUnknown
from peaceful._errors.usage import NameInvalid, ParamProblem, ParamsInvalid
from peaceful._executions.records import cut_reason
from peaceful._model.codec import ExecutionId, FlowId, ItemId, JsonObject, JsonValue, ProfileName
from peaceful._model.execution import Answerer, ExecutionState, Reply
from peaceful._model.interrupt import InterruptLevel
from peaceful._model.names import checked_name
from peaceful._web.http.bodies import ORIGIN

T = TypeVar("T", bound=msgspec.Struct)

MOST_SHOWN: Final = 200
"""Executions that a page may have."""

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def is_name(kind: str) -> msgspec.Meta:
    """Declare that a field holds names, of a kind such as `a profile`."""
    return msgspec.Meta(extra={"names": kind})


def read_request(values: JsonObject, kind: type[T], *, strict: bool = True) -> T:
    """Convert the fields of a request; raise `ParamsInvalid` with all that is wrong.

    A field that is null counts as missing. Without `strict`, texts may stand for other types.
    """
    wrong: dict[str, str] = {}
    read: dict[str, Any] = {}
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in known.items():
        value = values.get(name)
        if value is not None:
            try:
                read[field.name] = _convert(value, field.type, strict=strict)
            except ValueError as error:
                wrong[name] = str(error)
        elif field.required:
            wrong[name] = "it is missing"
    wrong |= {str(each)[:100]: "there is no such field" for each in values if each not in known}
    if wrong:
        raise _wrong_fields(wrong.items())
    return kind(**read)


def _wrong_fields(wrong: Iterable[tuple[str, str]]) -> ParamsInvalid:
    problems = [ParamProblem(field, ORIGIN, reason) for field, reason in wrong]
    return ParamsInvalid(
        "The request", problems, help="correct the values above, then send it again"
    )


def _convert(value: JsonValue, declared: object, *, strict: bool) -> object:
    info = inspect.type_info(declared)
    try:
        found: object = msgspec.convert(value, cast("type[object]", declared), strict=strict)
    except msgspec.ValidationError as error:
        raise ValueError(f"it is {_words(info)}") from error
    kind = _extra(info, "names")
    if kind is not None:
        names = cast("str | tuple[str, ...]", found)
        try:
            for name in (names,) if isinstance(names, str) else names:
                checked_name(kind, name)
        except NameInvalid as error:
            raise ValueError(f"{error.message} The rule: {error.details[0][1]}") from error
    return found


def _extra(info: inspect.Type, key: str) -> str | None:
    if not isinstance(info, inspect.Metadata):
        return None
    return cast("dict[str, str]", info.extra or {}).get(key)


def _words(info: inspect.Type) -> str:
    """Return the words for what a value must be."""
    match info:
        case inspect.Metadata(type=inner):
            words = _extra(info, "words") or _words(inner)
        case inspect.VarTupleType(item_type=inner, max_length=None):
            words = _words(inner)
        case inspect.VarTupleType(max_length=most):
            words = f"a list of at most {most} names"
        case inspect.UnionType(types=types):
            words = " or ".join(_words(each) for each in types if each != inspect.NoneType())
        case inspect.BoolType():
            words = "true or false"
        case inspect.IntType(ge=least, le=most):
            words = f"a number from {least} to {most}"
        case inspect.LiteralType(values=values) | inspect.EnumType(cls=values):
            words = f"one of {', '.join(map(str, values))}"
        case inspect.DictType():
            words = "an object"
        case _:
            words = "a text"
    return words


_Items: TypeAlias = Annotated[
    tuple[ItemId, ...], is_name("an item"), msgspec.Meta(max_length=10_000)
]


class StartRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants to be executed.

    Attributes:
        profile: on which profile.
        flow: which flow.
        command: what to do with it.
        dry_run: whether only to say what would be done.
        only: the items that it is limited to; empty for all.
        exclude: the items that are left out, however they were chosen.
        tags: tags of items; these items are chosen as well as those in `only`.
        with_dependents: whether what stands on all of these is, too.
        prune: whether `ensure` removes what has left the flow.
        replace: the items that `ensure` removes and makes anew, with all that stands on them.
        left: whether `clean` is limited to what has left the flow.
        found: whether `clean` also removes what was there before it was looked after.
        fail_fast: whether nothing more is started once an item has failed.
        params: parameters to store before, by name; the others stay as they are. A plan, or a dry
            run, stores none of them: the plan is made as if, and they are once it is carried out.
        unset: parameters that have their defaults from now on, likewise.
        plan: the execution whose plan `ensure` is to carry out, or else to refuse; the plan says
            what it is limited to, and with which parameters.
    """

    profile: Annotated[ProfileName, is_name("a profile")]
    flow: Annotated[FlowId, is_name("a flow")]
    command: CommandName
    dry_run: bool = False
    only: _Items = ()
    exclude: _Items = ()
    tags: Annotated[tuple[str, ...], is_name("a tag"), msgspec.Meta(max_length=10_000)] = ()
    with_dependents: bool = False
    prune: bool = False
    replace: _Items = ()
    left: bool = False
    found: bool = False
    fail_fast: bool = False
    params: Mapping[str, JsonValue] = {}
    unset: Annotated[tuple[str, ...], msgspec.Meta(max_length=10_000)] = ()
    plan: Annotated[str, msgspec.Meta(pattern=f"^{_ID.pattern}$")] | None = None


class EditBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How what is stored of an item is corrected.

    Attributes:
        dry_run: whether only to say what would be done.
    """

    dry_run: bool = False


class MoveBody(EditBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Under which other name it is to be stored.

    Attributes:
        to: the new name.
    """

    to: Annotated[ItemId, is_name("an item")]


class CopyBody(EditBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Under which name a profile is to be known, or copied.

    Attributes:
        to: the new name.
    """

    to: Annotated[ProfileName, is_name("a profile")]


class RestoreQuery(EditBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The query for restoring a profile.

    Attributes:
        sure: whether things may be lost sight of that the backup does not know, and damaged files
            are set aside.
    """

    sure: bool = False


class InterruptBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is to be interrupted, and why.

    Attributes:
        level: how much.
        reason: what the person says of it; long texts are cut.
    """

    level: InterruptLevel = InterruptLevel.STOP
    reason: str | None = None


class ApproveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to an item that asks for an approval.

    Attributes:
        approve: true if it may go on, false if it is refused.
        comment: why; long texts are cut.
        question: the question that is answered: if the item asks something else by now, the answer
            is refused. Null for whichever is asked.
    """

    approve: bool
    comment: str | None = None
    question: str | None = None


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query for a page of executions."""

    profile: Annotated[ProfileName | None, is_name("a profile")] = None
    flow: Annotated[FlowId | None, is_name("a flow")] = None
    states: tuple[ExecutionState, ...] = msgspec.field(default=(), name="state")
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_SHOWN)] = 50
    cursor: Annotated[
        Annotated[str, msgspec.Meta(pattern=f"^{_ID.pattern}$")] | None,
        msgspec.Meta(extra={"words": "what the page before gave"}),
    ] = None


def start_request(body: JsonObject) -> RunRequest:
    """Return what is to be run; raise `ParamsInvalid` with all that is wrong."""
    read = msgspec.structs.asdict(read_request(body, StartRequest))
    request = RunRequest(plan_from=read.pop("plan") or "", **read)
    if request.problems:
        raise _wrong_fields(request.problems)
    return request


def edit_request(
    body: JsonObject, command: EditName, profile: ProfileName, flow: FlowId, item: ItemId
) -> RunRequest:
    """Return which correction of what is stored to run; raise `ParamsInvalid` for a wrong body."""
    items: tuple[ItemId, ...] = (item,)
    if command == "states move":
        read: EditBody = read_request(body, MoveBody)
        assert isinstance(read, MoveBody)
        items = item, read.to
    else:
        read = read_request(body, EditBody)
    return RunRequest(command=command, profile=profile, flow=flow, only=items, dry_run=read.dry_run)


def interrupt_request(body: JsonObject) -> tuple[InterruptLevel, str | None]:
    """Return the level and the reason; raise `ParamsInvalid` with all that is wrong."""
    request = read_request(body, InterruptBody)
    return request.level, cut_reason(request.reason or None)


def approve_request(body: JsonObject, caller: str, door: str) -> Reply:
    """Return an answer of a caller, whose name may be empty.

    Raises `ParamsInvalid` with all that is wrong.
    """
    read = read_request(body, ApproveBody)
    return Reply(read.approve, Answerer(door, caller or None), read.comment or "", read.question)


def page_request(query: Mapping[str, str], states: Iterable[str]) -> PageQuery:
    """Return which executions are asked for; raise `ParamsInvalid` with all that is wrong.

    Each of `states` may hold several states, separated by commas.
    """
    words = [word for each in states for word in each.split(",")]
    values: JsonObject = {**query, **({"state": list(words)} if words else {})}
    return read_request(values, PageQuery, strict=False)


def checked_id(execution_id: str) -> ExecutionId:
    """Return a whole execution ID; raise `ExecutionUnknown` if it cannot be one."""
    if not _ID.fullmatch(execution_id.lower()):
        raise ExecutionUnknown(execution_id[:100])
    return execution_id.lower()
