"""Reading the bodies of requests: not more than is needed, and not for ever."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request

from peaceful.errors import BodyRefused, ParamProblem, ParamsInvalid
from peaceful.model import JsonObject, JsonValue
from peaceful.web._http._problems import Refusal

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
