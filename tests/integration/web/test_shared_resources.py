"""What executions of a server share lives as long as the server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx

from peaceful import App, Flow, Item, ItemCtx, State
from peaceful._model.clock import SystemClock
from peaceful._web.server.serve import asgi
from peaceful.commands import Contexts
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

HAPPENED: list[str] = []
app = App("sharing")


@app.resource(per="server")
async def pool(name: str) -> AsyncGenerator[str]:
    """A pool of the server."""
    HAPPENED.append(f"opens {name}")
    yield name
    HAPPENED.append(f"closed {name}")


@app.resource
async def connection(name: str) -> AsyncGenerator[str]:
    """A connection of an execution."""
    HAPPENED.append("connects")
    yield name
    HAPPENED.append("parts")


class UserState(State):
    """What was used."""

    used: str | None = None


class User(Item[UserState]):
    """An item that looks by what is shared."""

    async def state_current(self, ctx: ItemCtx) -> UserState:
        """The pool."""
        await ctx.resource(connection, "c")
        return UserState(used=await ctx.resource(pool, "db"))

    async def state_goal(self, ctx: ItemCtx) -> UserState:
        """The pool."""
        return UserState(used="db")

    async def apply(self, ctx: ItemCtx, current: UserState, goal: UserState) -> UserState:
        """Do nothing."""
        return goal


@app.flow("use")
def use(flow: Flow) -> None:
    """Use it."""
    flow.add("user", User())


async def test_executions_share_what_is_the_servers(tmp_path: Path) -> None:
    """It is opened once for all executions and closed when the server ends; others with each."""
    HAPPENED.clear()
    Contexts.of(app, tmp_path).init({}, flow="use")
    web = asgi(app, tmp_path)
    transport = httpx.ASGITransport(web)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for _ in range(2):
            body = {"profile": "default", "flow": "use", "command": "discover"}
            started = await client.post("/api/executions", json=body)
            assert started.status_code == 202
            address = started.headers["location"]
            while (await client.get(address)).json()["state"] == "running":
                pass
            assert (await client.get(address)).json()["state"] == "complete"
        assert HAPPENED == ["connects", "opens db", "parts", "connects", "parts"]
        now = SystemClock.now()
        web.interrupt_all(InterruptSignal(InterruptLevel.STOP, InterruptSource.API, now))
        await web.wait_until_ended()
    assert HAPPENED[-1] == "closed db"
