"""What addresses name: where there is no such thing, there is no page."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from peaceful._aio import run_in_thread
from peaceful.errors import NameInvalid, NameUnknown
from peaceful.model import checked_name
from peaceful.web._http._problems import Refusal

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
