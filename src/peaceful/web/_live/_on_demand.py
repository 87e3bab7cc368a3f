"""What is followed once for all who watch it, and only while somebody does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar


class Followed(Protocol):
    """Something that a task keeps up to date for those who watch it.

    Attributes:
        watchers: how many watch it now.
        task: keeps it up to date; none before it has begun.
    """

    watchers: int
    task: asyncio.Task[None] | None

    def stop(self) -> None:
        """Nothing more will be told to those who watch it."""
        ...


Key = TypeVar("Key")
Kept = TypeVar("Kept", bound=Followed)


class OnDemand(Generic[Key, Kept]):
    """What is followed, by key: begun for its first watcher, ended after its last."""

    def __init__(self) -> None:
        self._kept: dict[Key, Kept] = {}
        self._closed = False

    def get(self, key: Key) -> Kept | None:
        """What is followed, or none where nobody watches it."""
        return self._kept.get(key)

    @contextmanager
    def watched(self, key: Key, begin: Callable[[], Kept]) -> Generator[Kept]:
        """What is followed, for the length of a context.

        Args:
            key: which one.
            begin: makes it, with its task, where nobody watches it yet.
        """
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = begin()
            if self._closed:
                kept.stop()
        try:
            with watching(kept):
                yield kept
        finally:
            if not kept.watchers and self._kept.get(key) is kept:
                del self._kept[key]
                if kept.task is not None:
                    kept.task.cancel()

    async def close(self) -> None:
        """Stops everything, for good."""
        self._closed = True
        await stop_all(tuple(self._kept.values()))


@contextmanager
def watching(followed: Followed) -> Generator[None]:
    """Somebody watches it, for the length of a context."""
    followed.watchers += 1
    try:
        yield
    finally:
        followed.watchers -= 1


async def stop_all(followed: Collection[Followed]) -> None:
    """Tells all watchers that nothing more comes, and ends the tasks."""
    tasks = {each.task for each in followed if each.task is not None}
    for each in followed:
        each.stop()
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
