"""`make web`: pages to try out, and nothing left of it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from processes import PATIENCE, eventually
from shell import Shell
from web_server_program import WebServer

ROOT = Path(__file__).resolve().parents[2]


# Five programs start one after the other before the address is there, none loaded before.
@pytest.mark.timeout(240)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_make_web(shell: Shell, tmp_path: Path, number: signal.Signals) -> None:
    """It prints the address first, deploys what is started there, and takes everything away."""
    shell.environment["TMPDIR"] = str(tmp_path)
    left = set(tmp_path.iterdir())
    running = shell.start(sys.executable, ROOT / "scripts/web.py")
    server = WebServer.of(running, within=4 * PATIENCE)
    with server.client:
        assert server.client.get("/api/profiles").json()["profiles"] == ["demo", "staging"]
        execution_id = server.start(profile="demo", flow="env_deploy", command="discover")
        assert server.until(execution_id, "complete")
    assert "Press Interrupt" in running.err
    assert eventually(lambda: "Ctrl-C ends it" in running.err)
    running.send(number)
    ended = running.end(expect=0)
    assert ended.out == f"{server.url}\n"
    assert not running.processes()
    assert set(tmp_path.iterdir()) == left
