"""An application's web server as a process of its own, as somebody starts it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from waiting import PATIENCE

PROGRAM: Final = (str(Path(sys.executable).with_name("slow_files")), "web", "--port")
"""What is started."""


@dataclass(slots=True)
class WebProcess:
    """A web server that runs.

    Attributes:
        process: the server.
        folder: its workspace.
        address: where it is, such as `http://127.0.0.1:8000`.
        token: what requests must hold.
        client: asks it, with the token.
    """

    process: asyncio.subprocess.Process
    folder: Path
    address: str
    token: str
    client: httpx.AsyncClient

    @classmethod
    async def start(cls, folder: Path, environment: Mapping[str, str], port: int = 0) -> WebProcess:
        """Starts a server in a workspace, and waits until it accepts connections."""
        process = await asyncio.create_subprocess_exec(
            *(*PROGRAM, str(port)),
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode().strip()
        address, found, token = line.partition("/?token=")
        assert found, f"its first line is {line!r}"
        headers = {"Authorization": f"Bearer {token}"}
        client = httpx.AsyncClient(base_url=address, headers=headers, timeout=PATIENCE)
        return cls(process, folder, address, token, client)

    @property
    def welcome(self) -> str:
        """The address that lets a browser in."""
        return f"{self.address}/?token={self.token}"

    async def started(self, command: str = "ensure", **more: Any) -> str:
        """Starts an execution, and gives its ID."""
        body = {"profile": "default", "flow": "slow_files", "command": command, **more}
        response = await self.client.post("/api/executions", json=body)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    async def ended(self, execution_id: str) -> Any:
        """An execution, once its events have told its end."""
        path = f"/api/executions/{execution_id}"
        async with self.client.stream("GET", f"{path}/events") as response:
            await response.aread()
        response = await self.client.get(path)
        return response.json()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends its process a signal, and waits for the end; returns the exit code."""
        await self.client.aclose()
        if self.process.returncode is None:
            os.kill(self.process.pid, number)
        async with asyncio.timeout(PATIENCE):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode

    async def end(self) -> None:
        """Leaves nothing of it behind, whatever it was doing."""
        await self.stop(signal.SIGKILL)
