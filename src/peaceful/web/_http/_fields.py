"""What requests may ask for, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, TypeAlias

import msgspec

from peaceful.commands import CommandName, RunRequest
from peaceful.errors import ExecutionUnknown
from peaceful.executions import ExecutionPage as ExecutionRecords
from peaceful.executions import Executions, cut_reason
from peaceful.model import (
    ExecutionId,
    ExecutionState,
    FlowId,
    InterruptLevel,
    ItemId,
    JsonObject,
    JsonValue,
    ProfileName,
)
from peaceful.web._http._reading import in_words, is_name, read_request

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
