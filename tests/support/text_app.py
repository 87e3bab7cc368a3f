"""An application for tests: text files, of which some fail to be written, in two flows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from peaceful import App, Flow, Item, ItemCtx, ItemFailure, State, write_atomically


class TextState(State):
    """What a file holds."""

    content: str | None


class Text(Item[TextState]):
    """A file with a text."""

    path: Path
    content: str
    trouble: Literal["none", "fails", "crashes", "prints", "leaves"] = "none"

    async def state_current(self, ctx: ItemCtx) -> TextState:
        """What is there."""
        return TextState(content=self.path.read_text() if self.path.exists() else None)

    async def state_goal(self, ctx: ItemCtx) -> TextState:
        """What should be there."""
        return TextState(content=self.content)

    async def apply(self, ctx: ItemCtx, current: TextState, goal: TextState) -> TextState:
        """Writes it."""
        if goal.content is not None:
            self._trouble(ctx)
        write_atomically(self.path, goal.content)
        return goal

    def _trouble(self, ctx: ItemCtx) -> None:
        match self.trouble:
            case "fails":
                raise ItemFailure(f"{ctx.item} will not be written.", help="write it yourself")
            case "crashes":
                raise ZeroDivisionError("by nothing")
            case "leaves":
                raise KeyboardInterrupt
            case "prints":
                sys.stdout.write("printed to stdout")
                sys.stderr.write("printed to stderr\n")
                ctx.log.warning("logged")
            case "none":
                pass


class Shared(BaseModel):
    """What holds for the whole workspace.

    Attributes:
        folder: where the files are.
    """

    folder: Path


class Owner(BaseModel):
    """What holds for a profile.

    Attributes:
        owner: who owns the files.
    """

    owner: str = "nobody"


app = App(
    "texts",
    help="Writes texts.",
    version="1.2.3",
    ensure_name="write",
    workspace_params=Shared,
    profile_params=Owner,
)


@app.flow("some")
def some(
    flow: Flow,
    shared: Shared,
    owner: Owner,
    names: list[str],
    trouble: Literal["none", "fails", "crashes", "prints", "leaves", "breaks"] = "none",
    in_a_row: bool = False,
) -> None:
    """Writes some files.

    Args:
        flow: takes the items.
        shared: where they are.
        owner: whose they are.
        names: what they are called.
        trouble: what goes wrong with the first one.
        in_a_row: whether each waits for the one before.
    """
    if trouble == "breaks":
        raise KeyError("the function breaks")
    for number, name in enumerate(names):
        path = shared.folder / f"{owner.owner}-{name}.txt"
        flow.add(name, Text(path=path, content=name, trouble="none" if number else trouble))
        if number and in_a_row:
            flow.edge(names[number - 1], name)


@app.flow("one")
def one(flow: Flow, shared: Shared, text: str = "one") -> None:
    """Writes one file."""
    flow.add("only", Text(path=shared.folder / "only.txt", content=text))


if __name__ == "__main__":
    app.main()
