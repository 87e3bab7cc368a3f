"""Errors as problem documents (RFC 9457), and which HTTP status each has."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from peaceful.errors import (
    AlreadyEnded,
    BlockedError,
    BodyRefused,
    DiagramTooLarge,
    ExecutionUnknown,
    ExecutorUnreachable,
    ExtraMissing,
    HostRefused,
    KeyReused,
    MethodRefused,
    NothingRunning,
    NotInterruptible,
    OriginRefused,
    PageUnknown,
    ParamsInvalid,
    ParamsMissing,
    PeacefulError,
    RequestRefused,
    RoleRefused,
    ServerStopping,
    TokenRefused,
    UsageError,
)
from peaceful.model import OutcomeDocument, encode_json
from peaceful.web._http._documents import Detail, Execution, FieldError, Problem

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
