"""The smallest complete item, to be copied: all its functions, and when to write them.

Copy this file, rename `Blank` and `BlankState`, and replace what the functions do. What it looks
after here is a text file of some lines. Delete every function from "may be left out" on whose
default is right for your item: its docstring says what the default does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import StateDiff, field_wise_diff
from peaceful._item.files import write_atomically
from peaceful._item.item import Item
from peaceful._model.location import Interaction, Location, Within
from peaceful._model.state import State
from peaceful._present.text import count

__all__ = ["Blank", "BlankState"]


class BlankState(State):
    """What the thing is, or should be: the facts that matter, and nothing that changes by itself.

    Attributes:
        lines: of the file; none where there is no file, so that the state of a cleaned thing can be
            made by leaving every field out.
    """

    lines: tuple[str, ...] | None = None

    def __str__(self) -> str:
        """In a few words, without a line break: this is what people see."""
        return "absent" if self.lines is None else count(len(self.lines), "line")


class Blank(Item[BlankState]):
    """A text file with the given lines. Say here what the thing is, and what people must know.

    ```python
    flow.add("greeting", Blank(path=into / "greeting.txt", lines=("hello", "world")))
    ```

    Attributes:
        path: the file. Each field is a parameter: a value, or a reference to another item's state.
        lines: what it should hold, without line breaks.
    """

    path: Path
    lines: tuple[str, ...]

    # ---- must be written. Each function may be `async` or plain; a plain one is run in a thread.

    def state_current(self, ctx: ItemCtx) -> BlankState:
        """What the thing is now. Changes nothing."""
        try:
            return BlankState(lines=tuple(self.path.read_text().splitlines()))
        except FileNotFoundError:
            return BlankState()

    def state_goal(self, ctx: ItemCtx) -> BlankState:
        """What the thing should be. Changes nothing."""
        return BlankState(lines=self.lines)

    async def apply(self, ctx: ItemCtx, current: BlankState, goal: BlankState) -> BlankState:
        """Makes the thing what it should be, and returns what it then is.

        It is called again after an interrupt, a failure or a loss of power, with the state that is
        found then: leave the thing whole at every moment, and do not repeat what is done.
        """
        if goal.lines is None:
            # What waits for the disk waits in a thread, so that other items go on.
            await asyncio.to_thread(write_atomically, self.path, None)
            return goal
        ctx.progress.steps(len(goal.lines))
        text = ""
        # Before each value, an interrupt may end it here: nothing is half done.
        async for line in ctx.interruptible(
            goal.lines, where=f"before {self.path.name} was written"
        ):
            text += f"{line}\n"
            ctx.progress.advance()
        await asyncio.to_thread(write_atomically, self.path, text)
        ctx.progress.message(f"wrote {self.path.name}")
        return goal

    # ---- may be left out

    def state_clean(self, ctx: ItemCtx) -> BlankState:
        """What the thing is when it is cleaned up. Left out: the state with every field none."""
        return BlankState()

    def try_state_current(self, ctx: ItemCtx) -> BlankState | None:
        """As `state_current`, while a parameter may not be known yet; none means unknown.

        Left out: `state_current`, and unknown as soon as that reads a parameter that is not known.
        """
        return self.state_current(ctx)

    def try_state_goal(self, ctx: ItemCtx) -> BlankState | None:
        """As `state_goal`, likewise. Write it where what a parameter names may not be there yet."""
        return self.state_goal(ctx)

    def diff(self, current: BlankState, goal: BlankState) -> StateDiff | None:
        """What differs, or none. Quick, without I/O. Left out: the states are compared by field."""
        return field_wise_diff(current, goal)

    def apply_check(self, current: BlankState, goal: BlankState, diff: StateDiff | None) -> bool:
        """Whether there is something to do. Left out: where anything differs."""
        return diff is not None

    def apply_dry(self, ctx: ItemCtx, current: BlankState, goal: BlankState) -> BlankState:
        """What `apply` would return, without changing anything. Left out: the goal."""
        return goal

    async def clean(self, ctx: ItemCtx, current: BlankState, clean: BlankState) -> BlankState:
        """Cleans the thing up, and returns what it then is. Left out: `apply` to that state."""
        return await self.apply(ctx, current, clean)

    def interactions(self) -> Sequence[Interaction]:
        """Which places the item touches, for diagrams. Left out: none."""
        return (Within(Location.path(str(self.path), Location.host("localhost"))),)

    def state_example(self) -> BlankState:
        """What the state may look like, for diagrams. Left out: made from its fields' types."""
        return BlankState(lines=("an example",))
