"""An application whose states are larger than a page: each takes more than one write to a disk."""

from __future__ import annotations

from pathlib import Path

from peaceful import App, Flow, Item, ItemCtx, State, write_atomically


class LargeFileState(State):
    """What a file holds, and much beside."""

    content: str | None
    beside: str = "x" * 6000


class LargeFile(Item[LargeFileState]):
    """A file whose state is large."""

    path: Path
    content: str

    def state_current(self, ctx: ItemCtx) -> LargeFileState:
        """What is there."""
        return LargeFileState(content=self.path.read_text() if self.path.exists() else None)

    def state_goal(self, ctx: ItemCtx) -> LargeFileState:
        """The whole file."""
        return LargeFileState(content=self.content)

    def apply(self, ctx: ItemCtx, current: LargeFileState, goal: LargeFileState) -> LargeFileState:
        """Writes it."""
        write_atomically(self.path, goal.content)
        return goal


app = App("large_files")


@app.flow("large_files")
def large_files(flow: Flow, dest: Path) -> None:
    """Writes six files, three of which wait for the three others."""
    for number in range(1, 7):
        name = f"file_{number}"
        flow.add(name, LargeFile(path=dest / f"{name}.txt", content=name))
        if number > 3:
            flow.edge(f"file_{number - 3}", name)


if __name__ == "__main__":
    app.main()
