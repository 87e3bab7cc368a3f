"""The server's context."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import httpx
from gated_app import gated_app

from peaceful._executions.registry import Executions
from peaceful._model.clock import SystemClock
from peaceful._web.context import ServerContext
from peaceful._web.http.route import Access
from peaceful._web.server.site import WebApp
from peaceful.commands import Contexts
from peaceful.interrupt import InterruptSender, interrupt_channel

ID = "01890000-0000-7000-8000-000000000000"


class _NoRegister:
    """A register of which nothing but the senders may be asked."""

    def __init__(self, senders: Mapping[str, InterruptSender]) -> None:
        self.senders = senders

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the register was asked: {name}")


async def test_interrupts_need_only_their_senders(tmp_path: Path) -> None:
    """Neither the register nor the disk: a sender that is there is enough."""
    sender, receiver = interrupt_channel()
    server = ServerContext(Contexts.of(gated_app(), tmp_path), SystemClock())
    server.executions = cast("Executions", _NoRegister({ID: sender}))
    transport = httpx.ASGITransport(WebApp(server, Access()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.post(f"/api/executions/{ID}/interrupt")
    assert response.status_code == 202
    assert response.json()["execution_id"] == ID
    signal = receiver.poll()
    assert signal is not None
    assert signal.source == "api"
