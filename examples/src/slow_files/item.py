"""A file that takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from peaceful import Interaction, Item, ItemCtx, Location, State, Within


class SlowFileState(State):
    """What is there of the file.

    Attributes:
        content: what it holds, or none where it is absent.
        chunks: how many parts of it are done, while it is not whole.
    """

    content: str | None
    chunks: int | None = None

    def __str__(self) -> str:
        """In a few words."""
        if self.content is not None:
            return f"holds {self.content!r}"
        return f"{self.chunks} parts done" if self.chunks else "absent"


class SlowFile(Item[SlowFileState]):
    """A file with the given content, which takes some time to be written.

    It works in parts, and remembers in a file beside it how many are done: so it can end between
    two parts, and carry on from there.
    """

    takes_over: ClassVar[bool] = True

    path: Path
    content: str
    seconds: Annotated[float, Field(ge=0)] = 0.5
    chunks: Annotated[int, Field(ge=1)] = 1
    child: bool = False

    async def state_current(self, ctx: ItemCtx) -> SlowFileState:
        """What is there now."""
        return self._read()

    async def state_goal(self, ctx: ItemCtx) -> SlowFileState:
        """The whole file."""
        return SlowFileState(content=self.content)

    async def apply(
        self, ctx: ItemCtx, current: SlowFileState, goal: SlowFileState
    ) -> SlowFileState:
        """Writes the file, part by part; or removes it, which is quick."""
        if goal.content is not None:
            await self._work(ctx, done=current.chunks or 0)
        await ctx.write_file(self.path, goal.content)
        self._part.unlink(missing_ok=True)
        return goal

    def identity(self) -> str:
        """The file."""
        return f"file:{self.path}"

    def interactions(self) -> Sequence[Interaction]:
        """In the file."""
        return (Within(Location.path(str(self.path), Location.host("localhost"))),)

    async def _work(self, ctx: ItemCtx, done: int) -> None:
        ctx.progress.steps(self.chunks)
        ctx.progress.done(done)
        for number in range(done, self.chunks):
            if number > 0:
                await ctx.safe_point(
                    SlowFileState(content=None, chunks=number),
                    where=f"after part {number} of {self.chunks}",
                )
            await self._spend_time(ctx, number)
            ctx.progress.advance()
            if number + 1 < self.chunks:
                await ctx.write_file(self._part, str(number + 1))

    async def _spend_time(self, ctx: ItemCtx, done: int) -> None:
        seconds = self.seconds / self.chunks
        if self.child:
            await ctx.run("sh", "-c", f"sleep {seconds} & wait $!")
            return
        asked_to_end = asyncio.ensure_future(ctx.interrupted.wait())
        try:
            await asyncio.wait({asked_to_end}, timeout=seconds)
        finally:
            asked_to_end.cancel()
        if ctx.interrupted:
            partial = SlowFileState(content=None, chunks=done or None)
            await ctx.safe_point(partial, where="asked to end")

    @property
    def _part(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part")

    def _read(self) -> SlowFileState:
        if self.path.exists():
            return SlowFileState(content=self.path.read_text())
        if self._part.exists():
            return SlowFileState(content=None, chunks=int(self._part.read_text()))
        return SlowFileState(content=None)
