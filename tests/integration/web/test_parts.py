"""The server's context: its parts are of use without each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from gates import gated_app

from peaceful.app import Contexts
from peaceful.executions import Executions, InterruptSenders
from peaceful.interrupt import interrupt_channel
from peaceful.model import SystemClock
from peaceful.resources import Resources
from peaceful.web import (
    Access,
    Metrics,
    ProgressTrackers,
    WebApp,
    server_context,
)

ID = "01890000-0000-7000-8000-000000000000"
START = {"profile": "dev", "flow": "make", "command": "ensure"}


async def _asked(parts: Resources, method: str, path: str, **more: Any) -> httpx.Response:
    transport = httpx.ASGITransport(WebApp(parts, Access()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, path, **more)


def test_everything_is_put_together_in_one_place(tmp_path: Path) -> None:
    """Each part can be asked for by its class."""
    parts = server_context(Contexts.of(gated_app(), tmp_path), SystemClock())
    for part in (Contexts, Executions, InterruptSenders, Metrics, ProgressTrackers, SystemClock):
        assert part in parts.kinds()


@pytest.mark.parametrize(
    ("method", "path", "missing"),
    [
        ("POST", "/api/executions", "RunningExecutions"),
        ("GET", "/api/executions", "Executions"),
        ("POST", f"/api/executions/{ID}/interrupt", "InterruptSenders"),
        ("GET", f"/api/executions/{ID}/events", "ProgressTrackers"),
        ("GET", "/api/flows", "Contexts"),
        ("GET", "/metrics", "RunningExecutions"),
    ],
)
async def test_a_request_names_the_part_that_is_missing(
    method: str, path: str, missing: str
) -> None:
    """In the error that it gets."""
    parts = Resources()
    parts.insert(SystemClock())
    body = {"json": START} if path == "/api/executions" else {}
    response = await _asked(parts, method, path, **body)
    assert response.status_code == 500
    assert response.json()["code"] == "RESOURCE-MISSING"
    assert missing in response.json()["detail"]


async def test_interrupts_need_only_their_senders() -> None:
    """Not the register, nor the disk: a sender that is there is enough."""
    parts, senders = Resources(), InterruptSenders()
    sender, receiver = interrupt_channel()
    senders.register(ID, sender)
    parts.insert(senders)
    parts.insert(SystemClock())
    response = await _asked(parts, "POST", f"/api/executions/{ID}/interrupt")
    assert response.status_code == 202
    assert response.json()["execution_id"] == ID
    signal = receiver.poll()
    assert signal is not None
    assert signal.source == "api"


async def test_executions_can_be_listed_without_flows(tmp_path: Path) -> None:
    """Each part stands alone."""
    parts = Resources()
    parts.insert(Contexts.of(gated_app(), tmp_path).executions)
    assert (await _asked(parts, "GET", "/api/executions")).json()["executions"] == []
