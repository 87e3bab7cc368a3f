"""Reading requests, and the problem document that answers a failed one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, TypeVar

from msgspec import UNSET, UnsetType
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import (
    BodyRefused,
    DiagramTooLarge,
    HostRefused,
    KeyReused,
    MethodRefused,
    OriginRefused,
    PageUnknown,
    RequestRefused,
    RoleRefused,
    ServerStopping,
    TokenRefused,
)
from peaceful._errors.running import (
    AlreadyEnded,
    BlockedError,
    ExecutionUnknown,
    ExecutorUnreachable,
    NotAsked,
    NothingRunning,
    NotInterruptible,
)
from peaceful._errors.usage import (
    ExtraMissing,
    NameInvalid,
    NameUnknown,
    ParamProblem,
    ParamsInvalid,
    ParamsMissing,
    UsageError,
)
from peaceful._model.codec import JsonObject, JsonValue, encode_masked
from peaceful._model.document import OutcomeDocument
from peaceful._model.names import checked_name
from peaceful._web.http.documents import Detail, Execution, FieldError, Problem

T = TypeVar("T")

PROBLEM: Final = "application/problem+json"

LONGEST: Final = 64 * 1024
"""Bytes that the body of a request may have."""

SLOWEST: Final = 10.0
"""Seconds within which the whole body must have arrived."""

ORIGIN: Final = "the request"
"""The origin of values that come from a request, as errors name it."""

_SEND_JSON: Final = "send JSON, with the header Content-Type: application/json"

_STATUSES: Final[tuple[tuple[HTTPStatus, tuple[type[PeacefulError], ...]], ...]] = (
    (HTTPStatus.SERVICE_UNAVAILABLE, (ServerStopping, ExecutorUnreachable)),
    (HTTPStatus.CONFLICT, (BlockedError, AlreadyEnded, NotInterruptible, NothingRunning, NotAsked)),
    (HTTPStatus.NOT_FOUND, (ExecutionUnknown, PageUnknown)),
    (HTTPStatus.METHOD_NOT_ALLOWED, (MethodRefused,)),
    (HTTPStatus.MISDIRECTED_REQUEST, (HostRefused,)),
    (HTTPStatus.FORBIDDEN, (OriginRefused, RoleRefused)),
    (HTTPStatus.UNAUTHORIZED, (TokenRefused,)),
    (HTTPStatus.UNPROCESSABLE_ENTITY, (DiagramTooLarge, KeyReused)),
    (HTTPStatus.BAD_REQUEST, (RequestRefused,)),
    (HTTPStatus.NOT_IMPLEMENTED, (ExtraMissing,)),
    (HTTPStatus.UNPROCESSABLE_ENTITY, (UsageError,)),
)
"""By kind of error; the first match counts."""


class Refusal(Exception):
    """An error with an HTTP status of its own, or with more for the problem document.

    `execution` is the one in the way, and `outcome` how it ended; `None` if that is not known.
    """

    def __init__(
        self,
        error: PeacefulError,
        status: HTTPStatus | None = None,
        *,
        execution: Execution | UnsetType | None = UNSET,
        outcome: OutcomeDocument | UnsetType | None = UNSET,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.status = status or error_status(error)
        self.execution = execution
        self.outcome = outcome


def root_path(request: HTTPConnection) -> str:
    """Return the path that the application is mounted at, or an empty text."""
    root: str = request.scope.get("root_path", "")
    return root


def path_of(request: Request) -> str:
    """Return the path below the place where the application is mounted."""
    path: str = request.scope["path"]
    return path.removeprefix(root_path(request)) or "/"


def wants_page(request: Request) -> bool:
    """Return whether a person is to read the answer: a browser asks, and not for the API."""
    is_api = path_of(request).startswith("/api/")
    return not is_api and "text/html" in request.headers.get("accept", "")


def error_status(error: PeacefulError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    statuses = (status for status, kinds in _STATUSES if isinstance(error, kinds))
    return next(statuses, HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_response(refusal: Refusal) -> Response:
    """Return the problem document (RFC 9457) of a refusal."""
    error, status = refusal.error, refusal.status
    document = Problem(
        type=f"urn:peaceful:error:{error.code.lower()}",
        title=status.phrase,
        status=status.value,
        detail=error.message,
        code=error.code,
        help=error.help,
        details=[Detail(label, text) for label, text in error.details],
        errors=_field_errors(error),
        execution=refusal.execution,
        outcome=refusal.outcome,
    )
    return Response(encode_masked(document), status, error_headers(error), PROBLEM)


def _field_errors(error: PeacefulError) -> list[FieldError] | UnsetType:
    match error:
        case ParamsInvalid(problems=problems):
            return [FieldError(each.field, each.reason, each.origin) for each in problems]
        case ParamsMissing(names=names):
            return [FieldError(name, "it has no value", "") for name in names]
        case _:
            return UNSET


def error_headers(error: PeacefulError) -> dict[str, str]:
    """Return the headers that the answer about an error needs."""
    match error:
        case MethodRefused(allowed=allowed):
            return {"Allow": ", ".join(allowed)}
        case TokenRefused():
            return {"WWW-Authenticate": "Bearer"}
        case ServerStopping():
            return {"Retry-After": "5"}
        case _:
            return {}


async def json_body(request: Request, *, may_be_empty: bool = False) -> JsonObject:
    """Return the JSON object in the body of a request; raise `Refusal` if it is none."""
    body = await read_body(request)
    if not body and may_be_empty:
        return {}
    check_json(request)
    try:
        value: JsonValue = json.loads(body, parse_constant=_refuse_constant)
        # Half of a surrogate pair could neither be stored nor shown.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refusal(
            BodyRefused(f"The body is not JSON: {reason[:200]}.", help="send a JSON object")
        ) from error
    if not isinstance(value, Mapping):
        raise wrong_field("", "it is not a JSON object")
    return value


def check_json(request: Request) -> None:
    """Raise `Refusal` if the body of a request is not JSON."""
    check_media_type(request, "application/json", "JSON", _SEND_JSON)


def check_media_type(request: Request, media_type: str, name: str, help: str) -> None:
    """Raise `Refusal` if the body of a request has another media type."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != media_type:
        refused = BodyRefused(
            f"The body is {given[:50] or 'of an unknown kind'}, not {name}.", help=help
        )
        raise Refusal(refused, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


async def read_body(request: Request, longest: int = LONGEST) -> bytes:
    """Return the body of a request; raise `Refusal` if it is too long or too slow."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > longest:
        raise _too_long(longest)
    body = bytearray()
    try:
        async with asyncio.timeout(SLOWEST):
            async for chunk in request.stream():
                body += chunk
                if len(body) > longest:
                    raise _too_long(longest)
    except TimeoutError as error:
        refused = BodyRefused(
            f"The body did not come within {SLOWEST:.0f} seconds.", help="send it again"
        )
        raise Refusal(refused, HTTPStatus.REQUEST_TIMEOUT) from error
    except ClientDisconnect as error:
        # Nobody is there to read the answer.
        raise Refusal(BodyRefused("The body was cut off.", help="send it again")) from error
    return bytes(body)


def wrong_field(field: str, reason: str) -> ParamsInvalid:
    """Return the error about one field of a request."""
    return ParamsInvalid("The request", [ParamProblem(field or "body", ORIGIN, reason)])


def _too_long(longest: int) -> Refusal:
    refused = BodyRefused(f"The body has more than {longest} bytes.", help="send less")
    return Refusal(refused, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _refuse_constant(word: str) -> JsonValue:
    raise ValueError(f"{word} is no JSON value")


def find(look_up: Callable[[], T]) -> T:
    """Return what a function finds by names in an address; refuse unknown names with 404."""
    try:
        return look_up()
    except (NameInvalid, NameUnknown) as error:
        raise Refusal(error, HTTPStatus.NOT_FOUND) from error


async def find_in_thread(look_up: Callable[[], T]) -> T:
    """Call `find` in a thread, for a function that waits for the disk."""
    return await run_in_thread(lambda: find(look_up))


def name_in_path(request: Request, param: str) -> str:
    """Return a name from the path of a request, such as that of a flow; 404 if it cannot be one."""
    return find(lambda: checked_name(f"a {param}", request.path_params[param]))
