"""Plain HTML forms: they work without JavaScript, and lead on to the page of the execution."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from peaceful.app import Contexts
from peaceful.commands import CommandName, RunRequest
from peaceful.errors import AlreadyEnded, BodyRefused, ParamsInvalid, ParamsMissing, UsageError
from peaceful.model import ExecutionId, InterruptSource, JsonObject, JsonValue
from peaceful.web._context import ServerContext
from peaceful.web._http._access import Role
from peaceful.web._http._bodies import whole_body, wrong_field
from peaceful.web._http._fields import checked_id, interrupt_request, start_request
from peaceful.web._http._found import found, found_in_thread
from peaceful.web._http._interrupting import interrupted
from peaceful.web._http._problems import Refusal, wants_page
from peaceful.web._http._route import Handler, Route
from peaceful.web._pages import (
    PARAM_PREFIX,
    by_script,
    clean_question,
    environment_page,
    given_params,
    started_part,
)

_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 10_000
_NAMES: Final = {"flow_id": "flow"}
_WORDS: Final = {"true": True, "on": True, "false": False, "": False}


async def interrupt(request: Request, server: ServerContext) -> Response:
    """Interrupts an execution: the seed's `cmd_exec_interrupt`."""
    fields = dict(await _fields(request))
    execution_id = checked_id(fields.pop("execution_id", ""))
    level, reason = interrupt_request({name: value for name, value in fields.items() if value})
    try:
        await interrupted(server, execution_id, level, InterruptSource.WEB, reason)
    except Refusal as refusal:
        # It ended meanwhile: its page says how.
        if not isinstance(refusal.error, AlreadyEnded):
            raise
    if by_script(request):
        # What the page gets besides shows what came of it, in the order in which it came about.
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return _page_of(request, execution_id)


def _starting(command: CommandName) -> Handler:
    async def start(request: Request, server: ServerContext) -> Response:
        fields = await _fields(request)
        typed = {name: value for name, value in fields if name.startswith(PARAM_PREFIX)}
        wanted = _wanted(command, fields, server.contexts, typed)
        refused = await _not_confirmed(request, server, wanted, dict(fields))
        if refused is not None:
            return refused
        try:
            started = await server.running.start(wanted, "web")
        except (ParamsInvalid, ParamsMissing) as error:
            if not wants_page(request) or by_script(request):
                raise
            shown: dict[str, JsonValue] = {
                name.removeprefix(PARAM_PREFIX): value for name, value in typed.items()
            }
            return await environment_page(
                request, server, wanted.profile, wanted.flow, typed=shown, error=error
            )
        if by_script(request):
            return await started_part(request, server, started.record)
        return _page_of(request, started.record.id)

    return start


def _wanted(
    command: CommandName,
    fields: list[tuple[str, str]],
    contexts: Contexts,
    typed: dict[str, str],
) -> RunRequest:
    """What a form asks for."""
    body: dict[str, JsonValue] = {"command": command}
    for name, value in fields:
        if name == "only":
            only = body.setdefault("only", [])
            assert isinstance(only, list)
            only.append(value)
        elif name == "dry_run":
            body["dry_run"] = _WORDS.get(value.lower(), value)
        elif name == "command":
            raise wrong_field(name, "the address says which command it is")
        elif name not in typed and not (command == "clean" and name == "confirm"):
            body[_NAMES.get(name, name)] = value
    if command == "discover":
        # A form has one set of fields for all of its buttons.
        body.pop("dry_run", None)
    wanted = start_request(body)
    if not typed:
        return wanted
    group = found(lambda: contexts.app.declared.flow(wanted.flow))
    texts = {name.removeprefix(PARAM_PREFIX): value for name, value in typed.items()}
    return replace(wanted, params=given_params(group, texts))


async def _not_confirmed(
    request: Request, server: ServerContext, wanted: RunRequest, fields: JsonObject
) -> Response | None:
    """The question once more, where a profile asks before it is cleaned up; none where it may."""
    contexts = server.contexts
    asks = await found_in_thread(lambda: contexts.asks_before(wanted))
    if not asks or fields.get("confirm") == wanted.profile:
        return None
    wrong = UsageError(
        f"{wanted.profile} is protected, and its name was not typed: nothing was started.",
        help=f"type {wanted.profile} to clean it up",
    )
    if not wants_page(request):
        raise wrong
    return await clean_question(request, server, wanted.profile, wanted.flow, wrong)


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
