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


@dataclass(frozen=True, slots=True)
class Message:
    """What a stream sends at once.

    Attributes:
        id: its ID, or empty.
        event: its kind, or empty.
        data: its lines.
    """

    id: str
    event: str
    data: str


async def messages(response: httpx.Response) -> AsyncIterator[Message]:
    """What a response sends, as it comes."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if not line:
            if "data" in fields:
                yield Message(fields.get("id", ""), fields.get("event", ""), fields["data"])
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = f"{fields[name]}\n{value}" if name in fields else value


async def told(response: httpx.Response) -> AsyncIterator[Told]:
    """The events of a response, as they come."""
    async for message in messages(response):
        yield Told(int(message.id), message.event, json.loads(message.data))
