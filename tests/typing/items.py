"""Items of one's own, as checkers see them."""

# ruff: noqa: D101, D102 - as users write it

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Sequence
from pathlib import Path
from typing import Generic, TypeVar, assert_type

from peaceful import (
    App,
    Backoff,
    Change,
    ChildResult,
    Flow,
    Interaction,
    Item,
    ItemCtx,
    Location,
    State,
    StateDiff,
    Within,
)


class PackageState(State):
    version: str | None


class OtherState(State):
    size: int


class Package(Item[PackageState]):
    """Functions may be `async` or plain, and override what has a default."""

    name: str
    version: str = "1"

    async def state_current(self, ctx: ItemCtx) -> PackageState:
        result = await ctx.run("dpkg-query", "-W", self.name, cwd=Path("/"), check=False)
        assert_type(result, ChildResult)
        assert_type(result.exit_status, int)
        return PackageState(version=result.text or None)

    def state_goal(self, ctx: ItemCtx) -> PackageState:
        return PackageState(version=self.version)

    async def try_state_goal(self, ctx: ItemCtx) -> PackageState | None:
        return None

    async def apply(self, ctx: ItemCtx, current: PackageState, goal: PackageState) -> PackageState:
        ctx.progress.steps(3)
        async for number in ctx.interruptible([1, 2, 3]):
            assert_type(number, int)
            ctx.progress.advance()
        async for line in ctx.interruptible(self._lines()):
            assert_type(line, str)
        await ctx.safe_point(current, where="in the middle")
        assert_type(await ctx.wait_for(self._size()), int)
        assert_type(await ctx.retry(self._size, on=OSError, backoff=Backoff(attempts=2)), int)
        await ctx.sleep(0.5)
        return goal

    def clean(self, ctx: ItemCtx, current: PackageState, clean: PackageState) -> PackageState:
        assert_type(ctx.blocking(self._size()), int)
        assert_type(ctx.blocking(ctx.run("true")), ChildResult)
        return clean

    def diff(self, current: PackageState, goal: PackageState) -> StateDiff | None:
        return StateDiff((Change("version", current.version, goal.version),))

    def interactions(self) -> Sequence[Interaction]:
        return (Within(Location.host("localhost")),)

    async def _lines(self) -> AsyncIterator[str]:
        yield self.name

    async def _size(self) -> int:
        return 1


class Wrong(Item[PackageState]):
    """What does not fit together is found."""

    def state_current(self, ctx: ItemCtx) -> OtherState:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return OtherState(size=1)

    def state_goal(self, ctx: ItemCtx) -> PackageState:
        return PackageState(version=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def apply(self, ctx: ItemCtx, current: PackageState, goal: PackageState) -> PackageState:
        ctx.safe_point(5)  # type: ignore[arg-type, unused-awaitable]  # pyright: ignore[reportArgumentType]
        return OtherState(size="x")  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType, reportReturnType]


class Half(Item[PackageState]):
    """What must be written must be written."""

    def state_current(self, ctx: ItemCtx) -> PackageState:
        return PackageState(version=None)


def half_an_item_cannot_be_made() -> None:
    Half()  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]


S = TypeVar("S", bound=State)


class Versioned(Item[S], Generic[S]):
    """An item for others to inherit from, whatever their state."""

    version: int = 1

    def state_goal(self, ctx: ItemCtx) -> S:
        return self.state_type()()


class Inherited(Versioned[OtherState]):
    """An item that inherits from it."""

    size: int

    def state_current(self, ctx: ItemCtx) -> OtherState:
        return OtherState(size=self.size * self.version)

    def apply(self, ctx: ItemCtx, current: OtherState, goal: OtherState) -> OtherState:
        return goal


def states_are_known_however_they_are_inherited(flow: Flow) -> None:
    inherited = flow.add("inherited", Inherited(size=1, version=2))

    assert_type(inherited.state, OtherState)
    assert_type(inherited.state.size, int)
    assert_type(Package.state_type(), type[PackageState])


app = App("typed")


@app.resource
async def numbers(size: int) -> AsyncGenerator[list[int]]:
    yield [size]


@app.resource(per="server")
def word(of: str) -> Generator[str]:
    yield of


async def shared_resources_have_the_type_that_is_yielded(ctx: ItemCtx) -> None:
    assert_type(await ctx.resource(numbers, 5), list[int])
    assert_type(await ctx.resource(word, of="it"), str)


async def arguments_of_shared_resources_are_checked(ctx: ItemCtx) -> None:
    await ctx.resource(numbers, "many")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await ctx.resource(word)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
