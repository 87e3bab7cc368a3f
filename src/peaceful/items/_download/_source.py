"""What the server says of the file, and how its refusals are told."""

from __future__ import annotations

from typing import Final

from peaceful.items._download._address import Address
from peaceful.items._download._client import Answer, Client
from peaceful.items._download._errors import (
    AnswerInvalid,
    DownloadFailed,
    LengthWrong,
    SourceMissing,
    SourceRefused,
    SourceUnavailable,
    SourceUnreachable,
)
from peaceful.items._download._plan import SourceFacts, facts_of, retry_after

TRANSIENT: Final = (SourceUnreachable, SourceUnavailable, AnswerInvalid, LengthWrong)
"""Failures after which trying again may help."""

LONGEST_WAIT: Final = 120.0
"""Seconds: a server that asks to wait longer is not waited for."""

_BUSY: Final = frozenset({408, 425, 429})
_FINAL: Final = frozenset({501, 505})
"""Statuses from 500 on that will not change by themselves."""


async def looked_up(client: Client, address: Address) -> SourceFacts:
    """What the server says of the file, without fetching it.

    Asks by `HEAD`; where that is refused, which signed addresses and some servers do, or gives no
    usable answer, by `GET` for the first byte.

    Raises:
        DownloadFailed: there is no file, or no answer.
    """
    async with await client.send("HEAD", {}) as answer:
        if answer.status == 200:
            facts = facts_of(answer.headers, answer.status)
            if facts.size != 0:  # Some say 0 to every HEAD.
                return facts
        elif is_busy(answer.status):
            raise refusal(answer, address)
    async with await client.send("GET", {"Range": "bytes=0-0"}) as answer:
        if answer.status not in (200, 206, 416):
            raise refusal(answer, address)
        return facts_of(answer.headers, answer.status)


def is_busy(status: int) -> bool:
    """Whether a status says that trying again later may help."""
    return status in _BUSY or (status >= 500 and status not in _FINAL)


def refusal(answer: Answer, address: Address) -> DownloadFailed:
    """What an answer without the file means.

    Args:
        answer: the answer.
        address: what was asked for.
    """
    if is_busy(answer.status):
        wait = retry_after(answer.headers)
        return SourceUnavailable(address.shown, answer.status, answer.reason, wait)
    if answer.status in (404, 410):
        return SourceMissing(address.shown, answer.status)
    return SourceRefused(address.shown, answer.status, answer.reason)


def wait_asked_for(error: Exception) -> float:
    """The seconds that a failure asks to wait before trying again.

    Raises:
        SourceUnavailable: the failure itself, where that is too long.
    """
    if not isinstance(error, SourceUnavailable) or error.retry_after is None:
        return 0.0
    if error.retry_after > LONGEST_WAIT:
        raise error
    return error.retry_after
