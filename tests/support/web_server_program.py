"""A web server that runs as a program of its own, and asking it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from processes import PATIENCE, eventually
from shell import Running


@dataclass(frozen=True, slots=True)
class WebServer:
    """A web server.

    Attributes:
        running: its process.
        url: the first line that it printed.
        client: asks it.
    """

    running: Running
    url: str
    client: httpx.Client

    @classmethod
    def of(cls, running: Running, *, within: float = PATIENCE) -> WebServer:
        """The server, once it has printed its address, within so many seconds."""
        assert eventually(
            lambda: b"\n" in running.out or running.process.poll() is not None, within=within
        ), f"no address within {within:.0f} s; it said: {running.err}"
        assert b"\n" in running.out, running.end()
        url = running.out.decode().splitlines()[0]
        base, _, token = url.partition("?token=")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return cls(running, url, httpx.Client(base_url=base, headers=headers, timeout=PATIENCE))

    def start(self, **more: Any) -> str:
        """Starts an execution, and gives its ID."""
        body = {"profile": "default", "flow": "slow_files", "command": "ensure", **more}
        response = self.client.post("/api/executions", json=body)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    def shown(self, execution_id: str) -> Any:
        """An execution."""
        response = self.client.get(f"/api/executions/{execution_id}")
        assert response.status_code == 200, response.text
        return response.json()

    def until(self, execution_id: str, state: str) -> Any:
        """An execution, once it is in a state."""
        assert eventually(lambda: self.shown(execution_id)["state"] == state)
        return self.shown(execution_id)

    def progress(self, execution_id: str) -> int:
        """How many items of an execution are being applied."""
        picture = self.client.get(f"/api/executions/{execution_id}/progress").json()
        return list(picture["phases"].values()).count("changing")

    def events(self, execution_id: str) -> Iterator[str]:
        """The names of an execution's events, as they come."""
        with self.client.stream("GET", f"/api/executions/{execution_id}/events") as response:
            for line in response.iter_lines():
                if line.startswith("event: "):
                    yield line.removeprefix("event: ")
