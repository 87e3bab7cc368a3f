"""The parts of an execution's page while it runs: made once for all who watch, the newest wins.

A browser that was away needs no history: it gets every part that has changed since. So memory is
bounded by the page, a slow watcher holds nothing up, and a lost connection loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from peaceful.web._live._feed import Chunk
from peaceful.web._live._waiting import Waiting

_REMEMBERED: Final = 16
"""For how many versions the difference to the newest is kept ready."""

_ENDED: Final = b"event: ended\ndata: -\n\n"
"""Tells a page that nothing more comes."""


class LivePage:
    """The parts of one page, by the ID of the element that each fills.

    Args:
        began: the version before the first; versions grow by one, and begin at a time, so that
            they also grow from one run of the server to the next.

    Attributes:
        version: the number of the newest change.
        watchers: how many watch it now.
        ended: whether nothing will change any more.
    """

    def __init__(self, began: int) -> None:
        self.version: int = began
        self.watchers: int = 0
        self.ended: bool = False
        self.task: asyncio.Task[None] | None = None
        """Makes the parts."""
        self._began = began
        self._stopped = False
        self._parts: dict[str, tuple[int, str]] = {}
        self._chunks: dict[int, Chunk] = {}
        self._waiting = Waiting()

    def show(self, parts: Mapping[str, str]) -> bool:
        """Shows parts, if they have changed.

        Args:
            parts: by the ID of its element, the whole element.

        Returns:
            Whether any has changed.
        """
        changed = {
            name: text
            for name, text in parts.items()
            if name not in self._parts or self._parts[name][1] != text
        }
        if changed:
            self.version += 1
            self._parts |= {name: (self.version, text) for name, text in changed.items()}
            self._tell()
        return bool(changed)

    def end(self) -> None:
        """Nothing will change any more."""
        self.ended = True
        self._tell()

    def stop(self) -> None:
        """Nothing more will be told, although there may be more to tell."""
        self._stopped = True
        self._tell()

    async def chunks(self, seen: int | None, heartbeat: float) -> AsyncGenerator[Chunk | None]:
        """What a watcher has not seen yet, whenever there is something, until the end.

        None where there was nothing for some time.

        Args:
            seen: the version that the watcher has, or none.
            heartbeat: seconds after which there was nothing for some time.
        """
        while True:
            if seen != self.version:
                chunk = self.since(seen)
                seen = self.version
                if chunk.data:
                    yield chunk
            elif self.ended:
                yield Chunk(_ENDED, self.version)
                return
            elif self._stopped:
                return
            elif not await self._waiting.news(heartbeat):
                yield None

    def since(self, seen: int | None) -> Chunk:
        """The parts that have changed since a version.

        Args:
            seen: the version; all parts where it is none of this page's.
        """
        known = seen if seen is not None and self._began <= seen <= self.version else self._began
        chunk = self._chunks.get(known)
        if chunk is None:
            chunk = Chunk(self._message(known), self.version)
            if len(self._chunks) < _REMEMBERED:
                self._chunks[known] = chunk
        return chunk

    def _message(self, known: int) -> bytes:
        newer = [
            f'<hx-partial id="{name}">{text}</hx-partial>'
            for name, (version, text) in self._parts.items()
            if version > known
        ]
        if not newer:
            return b""
        # Only these end a line of the stream.
        lines = "\n".join(newer).replace("\r", "\n").split("\n")
        data = "\n".join(f"data: {line}" for line in lines if line.strip())
        return f"id: {self.version}\n{data}\n\n".encode(errors="replace")

    def _tell(self) -> None:
        self._chunks.clear()
        self._waiting.tell()
