"""An item of one's own, whole, as it stands in the documentation."""

# ruff: noqa: D101, D102 - as users write it

from pathlib import Path

from peaceful import Item, ItemCtx, State, write_atomically


class TextFileState(State):
    content: str | None

    def __str__(self) -> str:
        return "absent" if self.content is None else f"{len(self.content)} characters"


class TextFile(Item[TextFileState]):
    """A text file with the given content."""

    path: Path
    content: str

    def state_current(self, ctx: ItemCtx) -> TextFileState:
        return TextFileState(content=self.path.read_text() if self.path.exists() else None)

    def state_goal(self, ctx: ItemCtx) -> TextFileState:
        return TextFileState(content=self.content)

    def apply(self, ctx: ItemCtx, current: TextFileState, goal: TextFileState) -> TextFileState:
        write_atomically(self.path, goal.content)
        return goal
