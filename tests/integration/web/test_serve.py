"""The server as a program: it begins, and ends when what it runs has ended."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_streams import told
from gated_app import gated_app

from peaceful.errors import UsageError
from peaceful.interrupt import InterruptLevel, InterruptSource, interrupt_channel
from peaceful.interrupt.os_signals import interrupt_on_signals


async def test_a_signal_finishes_what_runs_and_ends_the_server(served: Any) -> None:
    """Nothing new is started, watchers are told, and the server answers until the end."""
    site = served.site
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}"
    async with site.client.stream("GET", f"{path}/events") as response:
        events = told(response)
        assert (await anext(events)).word == "snapshot"
        signal.raise_signal(signal.SIGINT)
        while (event := await anext(events)).word != "interrupt_requested":
            pass
        assert event.data["signal"]["source"] == "SIGINT"
        refused = await site.start("prod")
        assert (refused.status_code, refused.json()["code"]) == (503, "SERVER-STOPPING")
        assert (await site.client.get("/readyz")).status_code == 503
        assert (await site.client.get("/healthz")).status_code == 200
        assert (await site.get(path))["state"] == "interrupting"
        assert not served.serving.done()
        gate.open.set()
        *_, last = [event async for event in events]
        assert (last.word, last.data["state"]) == ("execution_ended", "interrupted")
    end = await served.serving
    assert (end.signal.source, end.signal.level) == (InterruptSource.SIGINT, InterruptLevel.STOP)
    assert end.cut == (execution_id,)
    record = site.app.contexts(site.folder).executions.get(execution_id)
    assert record.state == "interrupted"
    with pytest.raises(httpx.ConnectError):
        await site.client.get("/healthz")


async def test_the_ladder_goes_on(served: Any) -> None:
    """A second Ctrl-C cancels, a third one kills what does not end."""
    site = served.site
    gate = site.gates.gate("dev", "a")
    site.gates.stubborn.add("dev.a")
    execution_id = await site.started()
    await gate.reached.wait()
    async with site.client.stream("GET", f"/api/executions/{execution_id}/events") as response:
        events = told(response)
        assert (await anext(events)).word == "snapshot"
        for level in ("stop", "cancel", "kill"):
            signal.raise_signal(signal.SIGINT)
            while (event := await anext(events)).word != "interrupt_requested":
                pass
            assert event.data["signal"]["level"] == level
            # Presses within half a second count once.
            pressed = asyncio.get_running_loop().time()
            while level != "kill" and asyncio.get_running_loop().time() < pressed + 0.55:
                await site.client.get("/healthz")
    await served.serving
    record = site.app.contexts(site.folder).executions.get(execution_id)
    assert record.outcome is not None
    assert record.outcome.items["a"].status == "abandoned"


async def test_sigterm_has_a_deadline(workspace: Path, gates: Any) -> None:
    """What has not ended by then is abandoned, so that the server is gone when it has to be."""
    gate = gates.gate("dev", "a")
    sender, receiver = interrupt_channel()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with interrupt_on_signals(sender, stop_timeout=0.5):
        serving = asyncio.ensure_future(
            gated_app().serve(workspace=workspace, receiver=receiver, on_ready=ready.set_result)
        )
        url, _, token = (await ready).partition("/?token=")
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            body = {"profile": "dev", "flow": "make", "command": "ensure"}
            started = await client.post("/api/executions", json=body)
        await gate.reached.wait()
        signal.raise_signal(signal.SIGTERM)
        end = await serving
    assert end.signal.source is InterruptSource.SIGTERM
    assert end.cut == (started.json()["id"],)
    record: Any = gated_app().contexts(workspace).executions.get(end.cut[0])
    assert record.outcome.items["a"].status == "abandoned"


async def test_whoever_calls_it_may_end_it(workspace: Path) -> None:
    """By a latch of their own: then process signals are left alone."""
    sender, receiver = interrupt_channel()
    ready = asyncio.Event()
    before = signal.getsignal(signal.SIGINT)
    serving = asyncio.ensure_future(
        gated_app().serve(workspace=workspace, receiver=receiver, on_ready=lambda _: ready.set())
    )
    await ready.wait()
    assert signal.getsignal(signal.SIGINT) is before
    sender.request(source=InterruptSource.API)
    end = await serving
    assert (end.signal.source, end.cut) == (InterruptSource.API, ())


async def test_without_executions_it_ends_at_once(served: Any) -> None:
    """SIGTERM is as good."""
    signal.raise_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        await served.serving


async def test_handlers_of_signals_are_put_back(workspace: Path) -> None:
    """As if the server had never been there."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    ready = asyncio.Event()
    serving = asyncio.ensure_future(
        gated_app().serve(workspace=workspace, on_ready=lambda _: ready.set())
    )
    await ready.wait()
    assert signal.getsignal(signal.SIGINT) is not before[0]
    serving.cancel()
    await asyncio.wait((serving,))
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
async def test_others_than_this_machine_are_not_served(served: Any, address: str) -> None:
    """Tokens would travel in plain sight."""
    with pytest.raises(UsageError):
        await served.site.app.serve(address, workspace=served.site.folder)


async def test_a_port_that_is_taken_is_named(served: Any) -> None:
    """In an error, with what to do."""
    port = served.site.client.base_url.port
    with pytest.raises(UsageError, match=str(port)):
        await served.site.app.serve(port=port, workspace=served.site.folder)
