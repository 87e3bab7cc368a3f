"""`APP web` and work that nobody can stop: a plain function that never returns."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from functools import partial
from typing import Final

import pytest
from processes import eventually
from shell import Shell
from web_server_program import WebServer

PROGRAM: Final = '''
from pathlib import Path
from threading import Event

from peaceful import App, Flow, Item, ItemCtx, State


class MarkState(State):
    """Whether there is a mark."""

    there: bool


class Mark(Item[MarkState]):
    """A file; one is waited for in vain, as long as nobody says otherwise."""

    name: str

    def state_current(self, ctx: ItemCtx) -> MarkState:
        return MarkState(there=Path(self.name).exists())

    def state_goal(self, ctx: ItemCtx) -> MarkState:
        return MarkState(there=True)

    def apply(self, ctx: ItemCtx, current: MarkState, goal: MarkState) -> MarkState:
        if self.name == "stuck" and not Path("mended").exists():
            Event().wait()
        Path(self.name).touch()
        return goal


app = App("deaf")


@app.flow("marks")
def marks(flow: Flow) -> None:
    """One that is stuck, and one after it."""
    flow.add("stuck", Mark(name="stuck"))
    flow.add("after", Mark(name="after"))
    flow.edge("stuck", "after")


app.main()
'''


@pytest.fixture
def server(shell: Shell) -> Iterator[WebServer]:
    """A server of the program, in a workspace."""
    (shell.folder / "deaf.py").write_text(PROGRAM)
    shell.run(sys.executable, "deaf.py", "init")
    server = WebServer.of(shell.start(sys.executable, "deaf.py", "web"))
    yield server
    server.client.close()


def stuck(server: WebServer) -> str:
    """Starts an execution, and waits until it is stuck; its ID."""
    execution_id = server.start(flow="marks")
    assert eventually(lambda: server.progress(execution_id) == 1)
    return execution_id


def says(server: WebServer, text: str) -> bool:
    """Whether the server has said something on its terminal."""
    return text in server.running.err


def test_it_is_abandoned_on_request(server: WebServer, shell: Shell) -> None:
    """By the third level only. The server goes on, and the same command, once it is mended."""
    execution_id = stuck(server)
    for level in ("stop", "cancel"):
        asked = server.client.post(
            f"/api/executions/{execution_id}/interrupt", json={"level": level}
        )
        assert asked.status_code == 202
    assert server.shown(execution_id)["state"] == "interrupting"
    server.client.post(f"/api/executions/{execution_id}/interrupt", json={"level": "kill"})
    items = server.until(execution_id, "interrupted")["outcome"]["items"]
    assert {item: each["status"] for item, each in items.items()} == {
        "stuck": "abandoned",
        "after": "not_started",
    }
    (shell.folder / "mended").touch()
    server.until(server.start(flow="marks"), "complete")
    assert (shell.folder / "after").exists()
    server.running.send(signal.SIGINT)
    server.running.end(expect=0)


def test_the_server_ends_all_the_same(server: WebServer, shell: Shell) -> None:
    """By the third Ctrl-C: nobody has to reach for `kill -9`."""
    execution_id = stuck(server)
    for told in ("Ctrl-C again asks it to stop now", "Ctrl-C again abandons it"):
        server.running.send(signal.SIGINT)
        assert eventually(partial(says, server, told))
        # Presses within half a second count once.
        assert server.running.runs_for(0.6)
    server.running.send(signal.SIGINT)
    server.running.end(expect=130)
    ended = shell.run(
        sys.executable, "deaf.py", "executions", "show", execution_id, "--format", "json"
    )
    assert ended.document["outcome"]["items"]["stuck"]["status"] == "abandoned"
