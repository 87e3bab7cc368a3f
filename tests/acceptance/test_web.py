"""`APP web`: the server as a program, from its first line to its exit code."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from doc_pages import blocks_of
from preloaded_programs import BIN
from processes import eventually
from shell import Running
from slow_files_shell import SlowFiles
from web_server_program import WebServer

TOKEN = "one-token-of-this-test"


@pytest.fixture
def start(slow: SlowFiles) -> Iterator[Callable[..., WebServer]]:
    """Starts the server of the workspace, with further words."""
    servers: list[WebServer] = []

    def started(*words: str) -> WebServer:
        server = WebServer.of(slow.shell.start("slow_files", "web", *words))
        servers.append(server)
        return server

    yield started
    for server in servers:
        server.client.close()


def in_progress(slow: SlowFiles, server: WebServer, items: int = 2) -> str:
    """Starts an execution, and waits until items are in progress; its ID."""
    execution_id = server.start()
    assert eventually(lambda: server.progress(execution_id) >= items)
    return execution_id


def test_the_first_line_is_the_address(slow: SlowFiles, start: Callable[..., WebServer]) -> None:
    """It works as it is; what else a person may want to know goes elsewhere."""
    slow.init(items=1, seconds=0)
    server = start()
    assert server.url.startswith("http://127.0.0.1:")
    assert server.client.get("/api/flows").status_code == 200
    assert server.client.get("/api/flows", headers={"Authorization": ""}).status_code == 401
    server.running.send(signal.SIGINT)
    ended = server.running.end(expect=0)
    assert ended.out == f"{server.url}\n"
    told = ended.err.splitlines()
    assert told[0] == f"slow_files, workspace {slow.shell.folder}"
    assert "Ctrl-C ends it" in ended.err
    assert "nothing runs" in told[-1]
    assert server.url.partition("token=")[2] not in ended.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ending_a_server_that_does_nothing_is_no_failure(
    start: Callable[..., WebServer], number: signal.Signals
) -> None:
    """Whichever signal ends it, also where there is no workspace yet."""
    server = start()
    assert server.client.get("/api/profiles").json()["profiles"] == []
    server.running.send(number)
    server.running.end(expect=0)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_finishes_what_is_in_progress(
    slow: SlowFiles, start: Callable[..., WebServer], number: signal.Signals, code: int
) -> None:
    """Nothing new starts, watchers are told the end, and the exit code says that something is left.

    The same command carries on, and repeats nothing.
    """
    slow.init(items=6, seconds=0.5, layers=1)
    server = start("--max-concurrency", "2")
    execution_id = in_progress(slow, server)
    heard: list[str] = []
    listening = Thread(target=lambda: heard.extend(server.events(execution_id)))
    listening.start()
    assert eventually(lambda: "snapshot" in heard)
    server.running.send(number)
    ended = server.running.end(expect=code)
    listening.join()
    assert "interrupting 1 execution" in ended.err
    assert heard[-1] == "execution_ended"
    done = slow.files()
    assert 2 <= len(done) < 6
    shown = slow.json("executions", "show", execution_id)
    assert shown["state"] == "interrupted"
    slow.run("ensure")
    files = slow.files()
    assert len(files) == 6
    assert {item: files[item] for item in done} == done


def test_the_ladder_goes_on(slow: SlowFiles, start: Callable[..., WebServer]) -> None:
    """A second Ctrl-C asks what is in progress to end, with all of its child processes."""
    slow.init(2, 1000, "--child", layers=1)
    server = start()
    in_progress(slow, server)
    server.running.send(signal.SIGINT)
    assert eventually(lambda: "Ctrl-C again asks it to stop now" in server.running.err)
    # Presses within half a second count once.
    assert server.running.runs_for(0.6)
    server.running.send(signal.SIGINT)
    ended = server.running.end(expect=130)
    assert ended.err.count("Ending, by Ctrl-C") == 2
    assert not server.running.processes()


def test_after_a_kill_it_says_what_was_lost(
    slow: SlowFiles, start: Callable[..., WebServer]
) -> None:
    """The next server shows the execution, names its children, and carries on."""
    slow.init(4, 0.5, "--child", layers=1)
    server = start("--max-concurrency", "1")
    execution_id = in_progress(slow, server, items=1)
    server.running.kill()
    again = start()
    lost = again.shown(execution_id)
    assert lost["state"] == "lost"
    assert lost["can_interrupt"] is False
    refused = again.client.post(f"/api/executions/{execution_id}/interrupt")
    assert refused.status_code == 409
    assert execution_id in again.running.err or not server.running.processes()
    carried_on = again.start()
    assert again.until(carried_on, "complete")["outcome"]["outcome"] == "complete"
    assert len(slow.files()) == 4
    again.running.send(signal.SIGINT)
    again.running.end(expect=0)


def test_executions_of_terminals_go_on(slow: SlowFiles, start: Callable[..., WebServer]) -> None:
    """A server interrupts what it runs itself; what it only shows is not its own."""
    slow.init(items=2, seconds=0.5, layers=2)
    server = start()
    terminal = slow.start("ensure")
    terminal.until("change_started")
    (running,) = server.client.get("/api/executions").json()["executions"]
    assert running["state"] == "running"
    server.running.send(signal.SIGINT)
    server.running.end(expect=0)
    terminal.end(expect=0)


def test_as_one_json_document(slow: SlowFiles, start: Callable[..., WebServer]) -> None:
    """With the address, once there is one; the log, too, is for programs, if it is to be."""
    server_words = ("--format", "json", "--log-format", "json", "--debug")
    running = slow.shell.start("slow_files", "web", *server_words)
    assert eventually(lambda: b"}\n" in running.out)
    document = json.loads(running.out)
    assert document["app"] == "slow_files"
    assert document["url"].startswith("http://127.0.0.1:")
    running.send(signal.SIGINT)
    ended = running.end(expect=0)
    assert ended.document == document
    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert all({"at", "level", "logger", "message"} <= line.keys() for line in lines)
    first = next(line for line in lines if line["logger"] == "peaceful.cli.web")
    assert first["workspace"] == str(slow.shell.folder)
    assert "token" not in ended.err


def test_requests_are_logged_on_request(start: Callable[..., WebServer]) -> None:
    """One line each, with `--debug`; without the token."""
    server = start("--debug")
    server.client.get("/", params={"token": server.url.partition("=")[2]})
    assert eventually(lambda: "GET /: 303" in server.running.err)
    server.running.send(signal.SIGINT)
    assert server.url.partition("=")[2] not in server.running.end(expect=0).err


def test_tokens_of_a_file(slow: SlowFiles, start: Callable[..., WebServer]) -> None:
    """Given by an option or a variable; they are not printed."""
    file = slow.shell.folder / "tokens"
    file.touch(0o600)
    file.write_text(f"view {TOKEN}\n")
    server = start("--token-file", "tokens")
    assert server.url.endswith("/")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert server.client.get("/api/flows", headers=headers).status_code == 200
    refused = server.client.post("/api/executions", headers=headers, json={})
    assert refused.json()["code"] == "ROLE-REFUSED"
    server.running.send(signal.SIGINT)
    ended = server.running.end(expect=0)
    assert TOKEN not in ended.out + ended.err
    slow.shell.environment["PEACEFUL_WEB_TOKENS"] = str(file)
    file.chmod(0o644)
    refused_file = slow.shell.run("slow_files", "web", expect=2)
    assert "chmod 600" in refused_file.err
    assert not refused_file.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--address", "0.0.0.0"), "--token-file"),
        (("--address", "here"), "127.0.0.1"),
        (("--address", "192.0.2.1", "--token-file", "tokens"), "--tls-cert"),
        (("--address", "192.0.2.1", "--token-file", "tokens", "--behind-proxy", "192.0.2.7",
          "--host", "ops.example"), "not an address of this machine"),
        (("--port", "65536"), "65535"),
        (("--port", "x"), "65535"),
        (("--tls-cert", "cert.pem"), "--tls-key"),
        (("--tls-key", "key.pem"), "--tls-cert"),
        (("--tls-cert", "nothing", "--tls-key", "nothing"), "nothing"),
        (("--behind-proxy", "127.0.0.1"), "--host"),
        (("--behind-proxy", "proxy", "--host", "ops.example"), "proxy"),
        (("--host", "http://ops.example"), "example.org"),
        (("--token-file", "nothing"), "nothing"),
        (("--log-format", "xml"), "json"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused(
    slow: SlowFiles, words: tuple[str, ...], told: str
) -> None:
    """Before anything is printed or listened to, with what to do."""
    file = slow.shell.folder / "tokens"
    file.touch(0o600)
    file.write_text(TOKEN)
    there = [str(file) if word == "tokens" else word for word in words]
    ended = slow.run("web", *there, expect=None)
    assert ended.code in {1, 2}
    assert not ended.out
    assert told in " ".join(ended.err.split())
    assert "what to do" in ended.err


def test_a_port_that_is_taken(slow: SlowFiles) -> None:
    """The error is the one document where that was asked for."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = slow.run("web", "--port", port, "--format", "json", expect=2)
    assert ended.error["code"] == "USAGE"
    assert port in ended.error["message"]


def test_without_its_extra_it_says_which(slow: SlowFiles) -> None:
    """Everything else works without it."""
    blocked = (
        "import sys; sys.modules['uvicorn'] = None; from slow_files.tool import app; app.main()"
    )
    running = slow.shell.start(sys.executable, "-c", blocked, "web")
    ended = running.end(expect=2)
    assert "peaceful[web]" in ended.err


def browser(slow: SlowFiles, name: str, script: str) -> None:
    """Makes a script the browser of whoever starts programs in the shell."""
    path = slow.shell.folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    slow.shell.environment["BROWSER"] = f"{path} %s"


def test_the_browser_is_opened(slow: SlowFiles, start: Callable[..., WebServer]) -> None:
    """At the address."""
    opened = slow.shell.folder / "opened"
    browser(slow, "browser", f'echo "$1" > {opened}.part; mv {opened}.part {opened}')
    server = start("--open")
    assert eventually(opened.exists)
    assert opened.read_text().strip() == server.url
    _ended(server.running)


def test_a_browser_that_fails_does_not_matter(
    slow: SlowFiles, start: Callable[..., WebServer]
) -> None:
    """It is told, and the server goes on."""
    # Where there is another browser, that one is tried next.
    slow.shell.environment["PATH"] = str(BIN)
    browser(slow, "browser", "exit 1")
    server = start("--open")
    assert eventually(lambda: "No browser was found" in server.running.err)
    assert server.client.get("/healthz").status_code == 200
    _ended(server.running)


def _ended(running: Running) -> None:
    running.send(signal.SIGINT)
    running.end(expect=0)


def test_the_service_of_the_documentation_starts(slow: SlowFiles) -> None:
    """Its command is one that the server takes: it fails only for want of the token file."""
    page = Path(__file__).resolve().parents[2] / "docs/how-to/serve-to-others.md"
    (unit,) = [each for each in blocks_of(page.read_text()) if each.language == "ini"]
    lines = unit.text.replace("\\\n", " ").splitlines()
    given = dict(line.split("=", 1) for line in lines if "=" in line)
    _, *words = shlex.split(given["ExecStart"])
    ended = slow.run(*words, "--token-file", "/nowhere/tokens", expect=None)
    assert "/nowhere/tokens could not be read" in " ".join(ended.err.split())
    assert given["Environment"].startswith("PEACEFUL_WEB_TOKENS=")
    codes = {int(code) for code in given["SuccessExitStatus"].split()}
    assert codes == {129, 130, 143}
