"""Plain HTML forms: they work without JavaScript, and lead on to the page of the execution."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from peaceful.errors import AlreadyEnded, BodyRefused
from peaceful.executions import JsonObject
from peaceful.model import ExecutionId, InterruptSource
from peaceful.resources import Resources
from peaceful.web._access import Role
from peaceful.web._bodies import whole_body
from peaceful.web._fields import checked_id, interrupt_request, start_request
from peaceful.web._interrupting import interrupted
from peaceful.web._problems import Refusal
from peaceful.web._route import Handler, Route
from peaceful.web._running import RunningExecutions
from peaceful.web._start import Command

_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 200


async def interrupt(request: Request, parts: Resources) -> Response:
    """Interrupts an execution: the seed's `cmd_exec_interrupt`."""
    fields = dict(await _fields(request))
    execution_id = checked_id(fields.pop("execution_id", ""))
    level, reason = interrupt_request({name: value for name, value in fields.items() if value})
    try:
        await interrupted(parts, execution_id, level, InterruptSource.WEB, reason)
    except Refusal as refusal:
        # It ended meanwhile: its page says how.
        if not isinstance(refusal.error, AlreadyEnded):
            raise
    return _page_of(request, execution_id)


def _starting(command: Command) -> Handler:
    async def start(request: Request, parts: Resources) -> Response:
        fields = dict(await _fields(request))
        wanted = start_request({**_renamed(fields), "command": command})
        started = await parts.get(RunningExecutions).start(wanted, "web")
        return _page_of(request, started.record.id)

    return start


def _renamed(fields: dict[str, str]) -> JsonObject:
    return {("flow" if name == "flow_id" else name): value for name, value in fields.items()}


def _page_of(request: Request, execution_id: ExecutionId) -> Response:
    root: str = request.scope.get("root_path", "")
    location = f"{root}/executions/{execution_id}"
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": location})


async def _fields(request: Request) -> list[tuple[str, str]]:
    body = await whole_body(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        refused = BodyRefused(f"The body is {kind[:50] or 'of an unknown kind'}, not a form.",
                              help="use the form of the page")  # fmt: skip
        raise Refusal(refused, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        text = body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        refused = BodyRefused(f"The body is no form: {error}.", help="use the form of the page")
        raise Refusal(refused) from error


FORMS: Final = (
    Route(
        "POST", "/cmd_exec_interrupt", "cmd_exec_interrupt", "Interrupts an execution.",
        interrupt, Role.INTERRUPT,
    ),
    Route(
        "POST", "/ensure_cmd", "ensure_cmd", "Brings a flow of a profile to its goal.",
        _starting("ensure"), Role.RUN,
    ),
    Route(
        "POST", "/clean_cmd", "clean_cmd", "Cleans a flow of a profile up.",
        _starting("clean"), Role.RUN,
    ),
    Route(
        "POST", "/discover_cmd", "discover_cmd", "Finds out how a flow of a profile stands.",
        _starting("discover"), Role.RUN,
    ),
)  # fmt: skip
"""Every form."""
