"""An application for tests: a release that asks, beside something that does not."""

from __future__ import annotations

from pathlib import Path

from peaceful import App, Flow, Item, ItemCtx, State

QUESTION = "Deploy 1.4 to live, which every customer uses from that minute on?"


class ReleaseState(State):
    """What was released."""

    version: str | None


class Release(Item[ReleaseState]):
    """A file with a version, written once approved, and once there is no file `hold`."""

    path: Path
    version: str
    question: str = ""

    async def state_current(self, ctx: ItemCtx) -> ReleaseState:
        """What is there."""
        return ReleaseState(version=self.path.read_text() if self.path.exists() else None)

    async def state_goal(self, ctx: ItemCtx) -> ReleaseState:
        """What should be there."""
        return ReleaseState(version=self.version)

    async def apply(self, ctx: ItemCtx, current: ReleaseState, goal: ReleaseState) -> ReleaseState:
        """Writes it."""
        if goal.version is None:
            self.path.unlink()
            return goal
        if self.question:
            await ctx.approval(self.question)
        while self.path.with_name("hold").exists():
            await ctx.sleep(0.05)
        self.path.write_text(goal.version)
        return goal


app = App("asking")


@app.flow("deploy")
def deploy(flow: Flow, kept: Path = Path("kept")) -> None:
    """Builds and releases."""
    kept = kept.absolute()
    kept.mkdir(exist_ok=True)
    flow.add("build", Release(path=kept / "build", version="1.4"))
    flow.add("release", Release(path=kept / "release", version="1.4", question=QUESTION))


if __name__ == "__main__":
    app.main()
