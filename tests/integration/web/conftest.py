"""A server in this process, and a client that asks it without a network."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gated_app import GATES, Gates, gated_app

from peaceful import App, Given
from peaceful._model.clock import SystemClock
from peaceful._web.server.serve import asgi
from peaceful.commands import Contexts
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

PROFILES = ("dev", "prod")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
ENDED = {"complete", "interrupted", "failed", "lost"}


@dataclass
class Site:
    """A server, and what a test needs of it.

    Attributes:
        app: the application.
        gates: where its items wait.
        client: asks it.
        folder: the workspace.
    """

    app: App
    gates: Gates
    client: httpx.AsyncClient
    folder: Path

    async def start(self, profile: str = "dev", **more: Any) -> httpx.Response:
        """Asks for an execution."""
        body = {"profile": profile, "flow": "make", "command": "ensure", **more}
        return await self.client.post("/api/executions", json=body)

    async def started(self, profile: str = "dev", **more: Any) -> str:
        """Starts an execution, and gives its ID."""
        response = await self.start(profile, **more)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    async def get(self, path: str, **query: Any) -> Any:
        """What there is at an address."""
        # The answer may be at hand: those who work on what is asked for have to be let.
        await asyncio.sleep(0)
        response = await self.client.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    async def ended(self, execution_id: str) -> Any:
        """An execution, once it has ended."""
        while True:
            shown = await self.get(f"/api/executions/{execution_id}")
            if shown["state"] in ENDED:
                return shown


@pytest.fixture
def gates() -> Gates:
    """The gates of this test."""
    GATES[0] = Gates()
    return GATES[0]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with two profiles."""
    contexts = Contexts.of(gated_app(), tmp_path)
    for profile in PROFILES:
        contexts.init({"value": Given("made", "a test")}, profile=profile, flow="make")
    return tmp_path


@dataclass
class Served:
    """A server at a port of this machine.

    Attributes:
        site: the server, and what a test needs of it; its client asks over the network.
        serving: ends with the server.
        token: what requests must hold.
    """

    site: Site
    serving: asyncio.Task[Any]
    token: str


@pytest.fixture
async def served(workspace: Path, gates: Gates) -> AsyncIterator[Served]:
    """The server of the workspace, as a program runs it."""
    # A signal that comes when the server has just ended is not to end the tests.
    before = {number: signal.signal(number, _not_heeded) for number in _SIGNALS}
    app, ready = gated_app(), asyncio.get_running_loop().create_future()
    serving = asyncio.ensure_future(app.serve(workspace=workspace, on_ready=ready.set_result))
    await asyncio.wait((serving, ready), return_when=asyncio.FIRST_COMPLETED)
    url, _, token = ready.result().partition("/?token=")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        yield Served(Site(app, gates, client, workspace), serving, token)
    for gate in tuple(gates.by_name.values()):
        gate.open.set()
    serving.cancel()
    await asyncio.wait((serving,))
    for number, handler in before.items():
        signal.signal(number, handler)


def _not_heeded(*_: object) -> None:
    pass


@pytest.fixture
async def site(workspace: Path, gates: Gates) -> AsyncIterator[Site]:
    """A server of the workspace; what still runs at the end is let go."""
    app = gated_app()
    web = asgi(app, workspace)
    transport = httpx.ASGITransport(web)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Site(app, gates, client, workspace)
        now = SystemClock.now()
        web.interrupt_all(InterruptSignal(InterruptLevel.STOP, InterruptSource.API, now))
        for gate in tuple(gates.by_name.values()):
            gate.open.set()
        for held in tuple(gates.blocking.values()):
            held.set()
        await web.wait_until_ended()
