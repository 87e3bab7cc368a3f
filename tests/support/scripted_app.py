"""An application whose items do what a test tells them, and a server of it in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
from annotated_types import Ge, Le
from flags import Flag
from waiting import PATIENCE

from peaceful import (
    App,
    Flow,
    Given,
    Interaction,
    Item,
    ItemCtx,
    ItemFailure,
    Location,
    State,
    WebSettings,
    WebToken,
    Within,
)
from peaceful._item.progress import ProgressReporter
from peaceful.commands import Contexts
from peaceful.interrupt import interrupt_channel


@dataclass
class Act:
    """What an item does.

    Attributes:
        open: it goes on once this is set.
        reached: set once it waits for that.
        says: its message while it waits.
        done: how many of ten parts are done by then; none where it does not say.
        asks: what it asks people to approve before it does anything; empty where it does not.
        fails: what it fails with; empty where it does not.
        deaf: whether it also waits when it is asked to end.
        made: what it has made; none before it has.
        progress: says how far it is, once it waits.
    """

    open: Flag = field(default_factory=Flag)
    reached: Flag = field(default_factory=Flag)
    says: str = ""
    done: int | None = None
    asks: str = ""
    fails: str = ""
    deaf: bool = False
    made: str | None = None
    progress: ProgressReporter | None = None


class Acts:
    """What all items do, by profile and name; those that nobody asked for do nothing special.

    Attributes:
        by_name: what each does.
        profiles: how many were made.
        held: profiles where every item waits.
    """

    def __init__(self) -> None:
        self.by_name: dict[str, Act] = {}
        self.profiles = 0
        self.held = set[str]()

    def act(self, profile: str, item: str, *, waits: bool = False) -> Act:
        """What an item does.

        Args:
            profile: where.
            item: which.
            waits: whether it waits from now on.
        """
        act = self.by_name.get(f"{profile}.{item}")
        if act is None:
            act = self.by_name[f"{profile}.{item}"] = Act()
            if profile not in self.held:
                act.open.set()
        if waits:
            act.open.clear()
        return act

    def all_open(self, profile: str) -> None:
        """Lets every item of a profile go on."""
        self.held.discard(profile)
        for name, act in tuple(self.by_name.items()):
            if name.startswith(f"{profile}."):
                act.open.set()


ACTS = Acts()
"""Those of this process."""


class ActState(State):
    """What an item has made."""

    value: str | None


class Acting(Item[ActState]):
    """Something that is made as a test says."""

    profile: str
    name: str
    value: str = "made"

    @property
    def _act(self) -> Act:
        return ACTS.act(self.profile, self.name)

    async def state_current(self, ctx: ItemCtx) -> ActState:
        """What there is."""
        return ActState(value=self._act.made)

    async def state_goal(self, ctx: ItemCtx) -> ActState:
        """What there should be."""
        return ActState(value=self.value)

    async def apply(self, ctx: ItemCtx, current: ActState, goal: ActState) -> ActState:
        """Makes it, once it may."""
        act = self._act
        if goal.value is not None:
            await self._play(ctx, act)
        act.made = goal.value
        return goal

    async def _play(self, ctx: ItemCtx, act: Act) -> None:
        act.progress = ctx.progress
        if act.done is not None:
            ctx.progress.steps(10)
            ctx.progress.done(act.done)
        if act.says:
            ctx.progress.message(act.says)
        act.reached.set()
        if act.asks:
            await ctx.approval(act.asks)
        waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(act.open.wait())}
        if not act.deaf:
            waits.add(asyncio.ensure_future(ctx.interrupted.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        if not act.open.is_set():
            await ctx.safe_point(where="asked to end")
        if act.fails:
            raise ItemFailure(act.fails, help="Leave it alone, or give it what it needs.")

    def interactions(self) -> Sequence[Interaction]:
        """Where it is."""
        return (Within(Location.path("/shelf", Location.host("here"))),)


app = App("acts", help="Does what it is told.")


@app.flow("make")
def make(
    flow: Flow,
    items: Annotated[int, Ge(0), Le(20_000)] = 6,
    layers: Annotated[int, Ge(1)] = 2,
    names: Literal["short", "long"] = "short",
    value: str = "made",
) -> None:
    """Makes things; each waits for one of the layer before it."""
    wide = -(-items // layers)
    digits = len(str(items))
    more = "_of_a_very_long_name_that_goes_on_and_on" * 2 if names == "long" else ""
    every = [f"thing_{number:0{digits}}{more}" for number in range(1, items + 1)]
    for number, name in enumerate(every):
        flow.add(name, Acting(profile=flow.profile, name=name, value=value))
        if number >= wide:
            flow.edge(every[number - wide], name)


@app.flow("other")
def other(
    flow: Flow, needed: Annotated[int, Le(9)], why: str = "because", sure: bool = False
) -> None:
    """Makes another thing, if it is told how often."""
    flow.add("x", Acting(profile=flow.profile, name="x", value=f"{needed} {why} {sure}"))


@dataclass
class ActServer:
    """A server of the application, in this process.

    Attributes:
        address: where it is.
        token: what requests must hold.
        folder: its workspace.
        client: asks it.
    """

    address: str
    token: str
    folder: Path
    client: httpx.AsyncClient

    @property
    def welcome(self) -> str:
        """The address that lets a browser in."""
        return f"{self.address}/?token={self.token}"

    def profile(self, name: str = "", **params: Any) -> str:
        """A new profile, set up with parameters; its name."""
        ACTS.profiles += 1
        name = name or f"profile_{ACTS.profiles}"
        given = {key: Given(value, "a test") for key, value in params.items()}
        Contexts.of(app, self.folder).init(given, profile=name, flow="make")
        return name

    async def started(self, profile: str, command: str = "ensure", **more: Any) -> str:
        """Starts an execution, and gives its ID."""
        body = {"profile": profile, "flow": "make", "command": command, **more}
        response = await self.client.post("/api/executions", json=body)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    async def interrupted(self, execution_id: str, level: str = "stop", reason: str = "") -> None:
        """Interrupts an execution."""
        body = {"level": level, **({"reason": reason} if reason else {})}
        path = f"/api/executions/{execution_id}/interrupt"
        response = await self.client.post(path, json=body)
        assert response.status_code == 202, response.text

    async def ended(self, execution_id: str) -> Any:
        """An execution, once its events have told its end."""
        path = f"/api/executions/{execution_id}"
        async with self.client.stream("GET", f"{path}/events") as response:
            await response.aread()
        return (await self.client.get(path)).json()

    async def run(self, profile: str, command: str = "ensure", **more: Any) -> str:
        """An execution that has ended; its ID."""
        execution_id = await self.started(profile, command, **more)
        await self.ended(execution_id)
        return execution_id


@asynccontextmanager
async def act_server(
    folder: Path, served: App = app, tokens: Sequence[WebToken] = (), approve: str = ""
) -> AsyncGenerator[ActServer]:
    """Serves an application in a workspace; what still runs at the end is let go.

    Args:
        folder: the workspace.
        served: which application.
        tokens: who may use it, in place of a token that is made; the first one's is the server's.
        approve: a profile that is changed only by plans that somebody else has approved.
    """
    # Also for a proxy, which has another port.
    settings = WebSettings(
        hosts=("127.0.0.1",), tokens=tuple(tokens), approve=(approve,) if approve else ()
    )
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    _, receiver = interrupt_channel()
    serving = asyncio.ensure_future(
        served.serve(
            workspace=folder,
            settings=settings,
            receiver=receiver,
            on_ready=ready.set_result,
        )
    )
    await asyncio.wait((serving, ready), return_when=asyncio.FIRST_COMPLETED)
    address, _, token = ready.result().rstrip("/").partition("/?token=")
    token = token or next(each.text for each in tokens)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=PATIENCE) as client:
        yield ActServer(address, token, folder, client)
    for act in tuple(ACTS.by_name.values()):
        act.open.set()
    serving.cancel()
    await asyncio.wait((serving,))
