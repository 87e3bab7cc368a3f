"""Reading Server-Sent Events, as a browser does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Told:
    """An event.

    Attributes:
        id: its ID.
        word: what happened.
        data: the rest.
    """

    id: int
    word: str
    data: Any


async def told(response: httpx.Response) -> AsyncIterator[Told]:
    """The events of a response, as they come."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if not line:
            if "data" in fields:
                yield Told(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
