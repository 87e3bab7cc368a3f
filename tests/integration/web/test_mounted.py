"""The application in somebody else's site."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from gated_app import GATES, Gates, gated_app
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from starlette.applications import Starlette
from starlette.routing import Mount

from peaceful import WebSettings, WebToken
from peaceful._web.server.serve import asgi


async def test_it_can_be_mounted(workspace: Path, gates: Gates) -> None:
    """Below any path; addresses that it gives are right there."""
    site = Starlette(
        routes=[
            Mount(
                "/ops",
                app=gated_app().asgi(workspace, settings=WebSettings(tokens=(WebToken("t"),))),
            )
        ]
    )
    assert GATES[0] is gates
    transport = httpx.ASGITransport(site)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/ops/healthz")).status_code == 200
        assert (await client.get("/ops/api/flows")).status_code == 401
        welcome = await client.get("/ops/?token=t&a=1")
        assert welcome.headers["location"] == "/ops/?a=1"
        assert "Path=/ops/" in welcome.headers["set-cookie"]
        body = {"profile": "dev", "flow": "make", "command": "discover"}
        started = await client.post("/ops/api/executions", json=body)
        assert started.status_code == 202
        address = started.headers["location"]
        assert address.startswith("/ops/api/executions/")
        while (await client.get(address)).json()["state"] != "complete":
            pass
        wrong = await client.delete("/ops/api/flows")
        assert wrong.headers["allow"] == "GET, HEAD"


async def test_the_end_of_its_site_interrupts_what_runs(workspace: Path, gates: Gates) -> None:
    """And waits for it; what is in progress finishes."""
    web = asgi(gated_app(), workspace)
    told: list[Any] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    answered: list[str] = []
    gate = gates.gate("dev", "a")

    async def receive() -> Any:
        message = told.pop(0)
        if message["type"] == "lifespan.shutdown":
            transport = httpx.ASGITransport(web)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                body = {"profile": "dev", "flow": "make", "command": "ensure"}
                assert (await client.post("/api/executions", json=body)).status_code == 202
            await gate.reached.wait()
            gate.open.set()
        return message

    async def send(message: Any) -> None:
        answered.append(message["type"])

    await web({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    assert answered == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    (record,) = gated_app().contexts(workspace).executions.list().records
    assert record.state.ended
    assert gates.made["dev.a"] == "made"


class FinishedSpans(SpanProcessor):
    """The spans that were finished by any thread, for who waits in the loop that made this."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._spans = asyncio.Queue[ReadableSpan]()

    def on_end(self, span: ReadableSpan) -> None:
        """Takes a span."""
        self._loop.call_soon_threadsafe(self._spans.put_nowait, span)

    async def next_named(self, name: str) -> ReadableSpan:
        """The next that has a name, once it is finished."""
        while (span := await self._spans.get()).name != name:
            pass
        return span


async def test_its_executions_are_part_of_traced_requests(
    workspace: Path, gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that makes spans of its requests finds in them what these have started."""
    finished, provider = FinishedSpans(), TracerProvider()
    provider.add_span_processor(finished)
    # A process has one provider for good; this one is for a test.
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    web = asgi(gated_app(), workspace)
    body = {"profile": "dev", "flow": "make", "command": "discover"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(web), base_url="http://localhost"
    ) as client:
        with provider.get_tracer("a site").start_as_current_span("POST") as request:
            assert (await client.post("/api/executions", json=body)).status_code == 202
        async with asyncio.timeout(20):
            execution = await finished.next_named("gated discover")
    assert execution.parent == request.get_span_context()


async def test_other_names_have_to_be_said(workspace: Path) -> None:
    """A site says what it is called."""
    web = gated_app().asgi(workspace, settings=WebSettings(hosts=("ops.example",)))
    transport = httpx.ASGITransport(web)
    async with httpx.AsyncClient(transport=transport, base_url="http://ops.example") as client:
        assert (await client.get("/api/flows")).status_code == 200
        assert (await client.get("http://localhost/api/flows")).status_code == 421
