"""Bodies of requests and answers, and problems as documents."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, TypeVar

from msgspec import UNSET, UnsetType
from starlette.requests import ClientDisconnect, Request
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
from peaceful._model.codec import JsonObject, JsonValue, encode_json
from peaceful._model.document import OutcomeDocument
from peaceful._model.names import checked_name
from peaceful._web.http.documents import Detail, Execution, FieldError, Problem

PROBLEM: Final = "application/problem+json"

_STATUSES: Final[tuple[tuple[type[PeacefulError], HTTPStatus], ...]] = (
    (ServerStopping, HTTPStatus.SERVICE_UNAVAILABLE),
    (BlockedError, HTTPStatus.CONFLICT),
    (AlreadyEnded, HTTPStatus.CONFLICT),
    (NotInterruptible, HTTPStatus.CONFLICT),
    (NothingRunning, HTTPStatus.CONFLICT),
    (ExecutorUnreachable, HTTPStatus.SERVICE_UNAVAILABLE),
    (ExecutionUnknown, HTTPStatus.NOT_FOUND),
    (PageUnknown, HTTPStatus.NOT_FOUND),
    (MethodRefused, HTTPStatus.METHOD_NOT_ALLOWED),
    (HostRefused, HTTPStatus.MISDIRECTED_REQUEST),
    (OriginRefused, HTTPStatus.FORBIDDEN),
    (RoleRefused, HTTPStatus.FORBIDDEN),
    (TokenRefused, HTTPStatus.UNAUTHORIZED),
    (BodyRefused, HTTPStatus.BAD_REQUEST),
    (DiagramTooLarge, HTTPStatus.UNPROCESSABLE_ENTITY),
    (KeyReused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (RequestRefused, HTTPStatus.BAD_REQUEST),
    (ExtraMissing, HTTPStatus.NOT_IMPLEMENTED),
    (UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
)
"""By kind of error; the first one that fits."""


class Refusal(Exception):
    """An error with what the answer says besides.

    Args:
        error: what is wrong.
        status: the status, where it is not that of its kind.
        execution: the execution that stands in the way; none where that is not known.
        outcome: how the execution ended that is meant; none where that is not known.
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
        self.status = status
        self.execution = execution
        self.outcome = outcome


def wants_page(request: Request) -> bool:
    """Whether a person is to read the answer: a browser asks, and not for what programs read."""
    root: str = request.scope.get("root_path", "")
    path: str = request.scope["path"].removeprefix(root)
    return not path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def status_of(error: PeacefulError) -> HTTPStatus:
    """The HTTP status of an error."""
    found = (status for kind, status in _STATUSES if isinstance(error, kind))
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_response(error: PeacefulError, refusal: Refusal | None = None) -> Response:
    """The answer to a request that failed.

    Args:
        error: what is wrong.
        refusal: what the answer says besides, or none.
    """
    refusal = refusal or Refusal(error)
    status = refusal.status or status_of(error)
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
    return Response(encode_json(document), status, headers_of(error), PROBLEM)


def _field_errors(error: PeacefulError) -> list[FieldError] | UnsetType:
    match error:
        case ParamsInvalid(problems=problems):
            return [FieldError(each.field, each.reason, each.origin) for each in problems]
        case ParamsMissing(names=names):
            return [FieldError(name, "it has no value", "") for name in names]
        case _:
            return UNSET


def headers_of(error: PeacefulError) -> dict[str, str]:
    """The headers of an answer to a request that failed."""
    match error:
        case MethodRefused(allowed=allowed):
            return {"Allow": ", ".join(allowed)}
        case TokenRefused():
            return {"WWW-Authenticate": "Bearer"}
        case ServerStopping():
            return {"Retry-After": "5"}
        case _:
            return {}


LONGEST: Final = 64 * 1024
"""How many bytes a body may have."""

SLOWEST: Final = 10.0
"""Seconds in which all of it must have come."""

ORIGIN: Final = "the request"
"""Where values of a request are said to come from."""


async def json_body(request: Request, *, may_be_empty: bool = False) -> JsonObject:
    """The JSON object that a request holds.

    Args:
        request: the request.
        may_be_empty: whether there may be no body at all, which is as good as an empty object.

    Raises:
        Refusal: it is too long, too slow, or no JSON object.
    """
    body = await whole_body(request)
    if not body and may_be_empty:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(
            BodyRefused(
                f"The body is {kind[:50] or 'of an unknown kind'}, not JSON.",
                help="send JSON, with the header Content-Type: application/json",
            ),
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    return parsed_object(body)


def parsed_object(body: bytes) -> JsonObject:
    """The JSON object that a text is.

    Raises:
        Refusal: it is none.
    """
    try:
        value: JsonValue = json.loads(body, parse_constant=_no_number)
        # Half of a surrogate pair could neither be stored nor shown.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refusal(
            BodyRefused(f"The body is not JSON: {said[:200]}.", help="send a JSON object")
        ) from error
    if not isinstance(value, Mapping):
        raise wrong_field("", "it is not a JSON object")
    return value


async def whole_body(request: Request) -> bytes:
    """The body of a request.

    Raises:
        Refusal: it is too long, or too slow.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > LONGEST:
        raise _too_long()
    body = bytearray()
    try:
        async with asyncio.timeout(SLOWEST):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LONGEST:
                    raise _too_long()
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
    """The error that says what is wrong with one field of a request."""
    return ParamsInvalid("The request", [ParamProblem(field or "body", ORIGIN, reason)])


def _too_long() -> Refusal:
    refused = BodyRefused(f"The body has more than {LONGEST} bytes.", help="send less")
    return Refusal(refused, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _no_number(word: str) -> JsonValue:
    raise ValueError(f"{word} is no JSON value")


T = TypeVar("T")


def found(look: Callable[[], T]) -> T:
    """What is found under the names of an address.

    Raises:
        Refusal: there is no such thing.
    """
    try:
        return look()
    except (NameInvalid, NameUnknown) as error:
        raise Refusal(error, HTTPStatus.NOT_FOUND) from error


async def found_in_thread(look: Callable[[], T]) -> T:
    """As `found`, without holding the event loop up."""
    return await run_in_thread(lambda: found(look))


def checked_or_unknown(kind: str, name: str) -> str:
    """A name of an address.

    Raises:
        Refusal: nothing can have that name.
    """
    return found(lambda: checked_name(kind, name))
