"""A template of an item, with all methods that an item may have.

Copy this file, rename `Blank` and `BlankState`, and replace the bodies of the methods; here they
manage a text file. Delete the optional methods whose defaults are right for your item: their
docstrings say what the defaults do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from peaceful import (
    Interaction,
    Item,
    ItemCtx,
    Location,
    State,
    StateDiff,
    Within,
)

__all__ = ["Blank", "BlankState"]


class BlankState(State):
    """The state of the thing: the facts that matter, and nothing that changes by itself.

    Attributes:
        lines: the lines of the file, or None if there is no file, so that the clean state is the
            one with every field None.
    """

    lines: tuple[str, ...] | None = None

    def __str__(self) -> str:
        """Return the state in a few words on one line, as people see it."""
        if self.lines is None:
            return "absent"
        return "1 line" if len(self.lines) == 1 else f"{len(self.lines):,} lines"


class Blank(Item[BlankState]):
    """A text file with the given lines. Describe the thing here, and what users must know.

    ```python
    flow.add("greeting", Blank(path=into / "greeting.txt", lines=("hello", "world")))
    ```

    Attributes:
        path: the file. Each field is a parameter: a value, or a reference to another item's state.
        lines: its lines, without line breaks.
    """

    takes_over: ClassVar[bool] = True

    path: Path
    lines: tuple[str, ...]

    # ---- required; each method may be `async` or plain, and a plain one runs in a thread

    def state_current(self, ctx: ItemCtx) -> BlankState:
        """Return the current state, without changing anything."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return BlankState()
        # What cannot be told apart in the state is never seen to differ: nothing is replaced here.
        text = content.decode(errors="backslashreplace").removesuffix("\n")
        return BlankState(lines=tuple(text.split("\n")) if content else ())

    def state_goal(self, ctx: ItemCtx) -> BlankState:
        """Return the goal, without changing anything."""
        return BlankState(lines=self.lines)

    async def apply(self, ctx: ItemCtx, current: BlankState, goal: BlankState) -> BlankState:
        """Change the thing to the goal, and return the state that it then has.

        After an interrupt, a failure or a loss of power it is called again with the state found
        then, so keep the thing valid at every moment, and do not repeat what is done.
        """
        if goal.lines is None:
            # Disk access blocks, so it runs in a thread, and other items go on.
            await ctx.write_file(self.path, None)
            return goal
        ctx.progress.steps(len(goal.lines))
        text = ""
        # An interrupt may end the item before each line, as nothing is half done there.
        async for line in ctx.interruptible(
            goal.lines, where=f"before {self.path.name} was written"
        ):
            text += f"{line}\n"
            ctx.progress.advance()
        await ctx.write_file(self.path, text)
        ctx.progress.message(f"wrote {self.path.name}")
        return goal

    # ---- optional

    def state_clean(self, ctx: ItemCtx) -> BlankState:
        """Return the state after cleaning. Default: the state with every field None."""
        return BlankState()

    def try_state_current(self, ctx: ItemCtx) -> BlankState | None:
        """Return the current state, or None if it depends on a parameter that is not known yet.

        Default: `state_current`, or None as soon as that reads an unknown parameter.
        """
        return self.state_current(ctx)

    def try_state_goal(self, ctx: ItemCtx) -> BlankState | None:
        """Return the goal, or None, as above; also if what a parameter names may not exist yet."""
        return self.state_goal(ctx)

    def diff(self, current: BlankState, goal: BlankState) -> StateDiff | None:
        """Return the differences, or None, without I/O. Default: the fields are compared."""
        return super().diff(current, goal)

    def apply_check(self, current: BlankState, goal: BlankState, diff: StateDiff | None) -> bool:
        """Return whether the item needs applying. Default: if anything differs."""
        return diff is not None

    def apply_dry(self, ctx: ItemCtx, current: BlankState, goal: BlankState) -> BlankState:
        """Return what `apply` would return, without changing anything. Default: the goal."""
        return goal

    async def clean(self, ctx: ItemCtx, current: BlankState, clean: BlankState) -> BlankState:
        """Clean the thing up, and return its state. Default: `apply` with the clean state."""
        return await self.apply(ctx, current, clean)

    def identity(self) -> str:
        """Return which thing it is: by it, an item that is renamed is known again."""
        return f"file:{self.path}"

    def interactions(self) -> Sequence[Interaction]:
        """Return the places that the item touches, for diagrams. Default: none."""
        return (Within(Location.path(str(self.path), Location.host("localhost"))),)

    def state_example(self) -> BlankState:
        """Return an example of a state, for diagrams. Default: made from the fields' types."""
        return BlankState(lines=("an example",))
