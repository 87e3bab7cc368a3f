"""Executions of other processes of the same workspace: seen, watched and interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_streams import told
from processes import in_a_shell

from slow_files.tool import app as slow_files

COMMAND = [sys.executable, "-c", "from slow_files import main; main()"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace of slow files, which is set up."""
    size = ["--items", "4", "--seconds", "3", "--layers", "2", "--dest", str(tmp_path / "dest")]
    subprocess.run([*COMMAND, "init", *size], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.fixture
def other(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, in which the files are being written."""
    process = subprocess.Popen(
        [*COMMAND, "--progress", "none", "--format", "json", "ensure"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        yield process
        process.kill()


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Asks a server of the workspace, over the network."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.ensure_future(slow_files.serve(workspace=folder, on_ready=ready.set_result))
    await asyncio.wait((serving, ready), return_when=asyncio.FIRST_COMPLETED)
    url, _, token = ready.result().partition("/?token=")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as asking:
        yield asking
    serving.cancel()
    await asyncio.wait((serving,))


async def _running(client: httpx.AsyncClient) -> Any:
    """The execution that another process has begun."""
    while True:
        page = (await client.get("/api/executions")).json()["executions"]
        if page:
            return page[0]


async def _writing(client: httpx.AsyncClient) -> Any:
    """The same, once it writes files: then an interrupt has something to wait for."""
    shown = await _running(client)
    while True:
        items = (await client.get(f"/api/executions/{shown['id']}")).json()["items"]
        if any(item["status"] == "running" and item["progress"] for item in items.values()):
            return shown


async def test_it_is_seen_watched_and_interrupted(
    client: httpx.AsyncClient, other: subprocess.Popen[bytes]
) -> None:
    """As if it were this server's; what is in progress finishes."""
    shown = await _writing(client)
    assert shown["started_by"]["pid"] == other.pid
    assert shown["started_by"]["door"] == "terminal"
    path = f"/api/executions/{shown['id']}"
    async with client.stream("GET", f"{path}/events") as response:
        events = told(response)
        first = await anext(events)
        assert first.word == "snapshot"
        assert first.data["snapshot"]["items"] == ["file_1", "file_2", "file_3", "file_4"]
        one = (await client.get(path)).json()
        assert set(one["items"]) == {"file_1", "file_2", "file_3", "file_4"}
        accepted = await client.post(f"{path}/interrupt", json={"reason": "enough"})
        assert accepted.status_code == 202
        again = await client.post(f"{path}/interrupt")
        assert again.json() == accepted.json()
        assert (await client.get(path)).json()["state"] == "interrupting"
        rest = [event async for event in events]
    words = [event.word for event in rest]
    assert "interrupt_requested" in words
    assert (words[-1], rest[-1].data["state"]) == ("execution_ended", "interrupted")
    ids = [event.id for event in (first, *rest)]
    assert ids == sorted(set(ids))
    late = await client.post(f"{path}/interrupt")
    assert late.status_code == 409
    assert late.json()["outcome"]["interrupt"]["reason"] == "enough"
    assert in_a_shell(await asyncio.to_thread(other.wait)) == 130


async def test_the_end_of_the_server_is_not_its_end(
    client: httpx.AsyncClient, other: subprocess.Popen[bytes]
) -> None:
    """It goes on; streams of it end with the server, which does not wait for it."""
    shown = await _running(client)
    async with client.stream("GET", f"/api/executions/{shown['id']}/events") as response:
        events = told(response)
        assert (await anext(events)).word == "snapshot"
        signal.raise_signal(signal.SIGTERM)
        assert "execution_ended" not in [event.word async for event in events]
    assert other.poll() is None
    assert await asyncio.to_thread(other.wait) == 0


async def test_its_profile_is_busy(
    client: httpx.AsyncClient, other: subprocess.Popen[bytes]
) -> None:
    """The same gets the running one; another one is refused with it."""
    shown = await _running(client)
    body = {"profile": "default", "flow": "slow_files", "command": "ensure"}
    same = await client.post("/api/executions", json=body)
    assert (same.status_code, same.json()["id"]) == (200, shown["id"])
    refused = await client.post("/api/executions", json={**body, "command": "clean"})
    assert refused.status_code == 409
    assert refused.json()["execution"]["started_by"]["pid"] == other.pid


async def test_watchers_are_told_that_it_was_killed(
    client: httpx.AsyncClient, other: subprocess.Popen[bytes]
) -> None:
    """It is lost; and it can be carried on here."""
    shown = await _running(client)
    path = f"/api/executions/{shown['id']}"
    async with client.stream("GET", f"{path}/events") as response:
        events = told(response)
        assert (await anext(events)).word == "snapshot"
        os.kill(other.pid, signal.SIGKILL)
        await asyncio.to_thread(other.wait)
        *_, last = [event async for event in events]
    assert (last.word, last.data["state"]) == ("execution_ended", "lost")
    assert last.data["error"]["code"] == "EXECUTION-LOST"
    assert (await client.get(path)).json()["state"] == "lost"
    assert (await client.get(f"{path}/events")).status_code == 204
    body = {"profile": "default", "flow": "slow_files", "command": "ensure"}
    assert (await client.post("/api/executions", json=body)).status_code == 202
