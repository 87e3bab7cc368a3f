"""The web under load: many who watch, an interrupt meanwhile, and how fast it answers."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeAlias

import httpx
from benchmarks._table import print_table
from benchmarks._web_app import FIRST

Figures: TypeAlias = Any
"""What the load answers, as JSON."""

HERE = Path(__file__).parent
WATCHERS = 1000
SOME_WATCHERS = 500


class Program:
    """A process that is told things by a line, and answers by a line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    @property
    def out(self) -> IO[str]:
        """What it writes."""
        assert self.process.stdout is not None
        return self.process.stdout

    def do(self, word: str, *arguments: object) -> Figures:
        """Tells it what to do, and gives its answer."""
        self.begin(word, *arguments)
        return self.answer()

    def begin(self, word: str, *arguments: object) -> None:
        """Tells it what to do."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": word, "with": arguments}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Figures:
        """Its answer."""
        return json.loads(self.out.readline())

    @property
    def rss(self) -> int:
        """How many bytes of memory it has."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    @property
    def cpu(self) -> float:
        """How many seconds of a processor it has used."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / 100


@contextmanager
def program(*command: str) -> Iterator[Program]:
    """A process, for the length of a context."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *command], stdin=pipe, stdout=pipe, text=True
    ) as process:
        try:
            yield Program(process)
        finally:
            process.kill()


class Site:
    """A server, its load, and a client that starts executions."""

    def __init__(self, server: Program, load: Program, client: httpx.Client) -> None:
        self.server = server
        self.load = load
        self.client = client

    def started(self, profile: str) -> str:
        """Starts an execution, and gives its ID once items are in progress."""
        body = {"profile": profile, "flow": "busy", "command": "ensure"}
        response = self.client.post("/api/executions", json=body)
        assert response.status_code == 202, response.text
        execution = str(response.json()["id"])
        while not self._items_begun(execution):
            time.sleep(0.05)
        return execution

    def _items_begun(self, execution: str) -> bool:
        picture = self.client.get(f"/api/executions/{execution}/progress").json()
        return bool(picture["running"])

    def ended(self, execution: str) -> float:
        """Waits for the end of an execution, and gives the seconds that it took."""
        self.client.get(f"/api/executions/{execution}/events", timeout=120)
        shown = self.client.get(f"/api/executions/{execution}").json()
        times = [_seconds(shown[name]) for name in ("started_at", "ended_at")]
        return times[1] - times[0]

    def interrupt(self, execution: str) -> None:
        """Ends an execution, at once."""
        path = f"/api/executions/{execution}/interrupt"
        assert self.client.post(path, json={"level": "kill"}).status_code == 202
        self.ended(execution)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


@contextmanager
def site() -> Iterator[Site]:
    """A server with nothing to do, for the length of a context."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(program(str(HERE / "_web_app.py"), folder))
        address, _, token = server.out.readline().strip().partition("/?token=")
        port = address.rpartition(":")[2]
        load = stack.enter_context(program(str(HERE / "_web_load.py"), port, token))
        headers = {"Authorization": f"Bearer {token}"}
        client = stack.enter_context(
            httpx.Client(base_url=address, headers=headers, timeout=60, trust_env=False)
        )
        yield Site(server, load, client)


def bench_many_watchers() -> None:
    """A thousand watch one execution of 200 changes a second."""
    with site() as here:
        alone_cpu = here.server.cpu
        alone = here.ended(here.started("short"))
        alone_cpu = here.server.cpu - alone_cpu
        memory = here.server.rss
        cpu = here.server.cpu
        execution = here.started("short")
        opened = here.load.do("watch", execution, WATCHERS)["seconds"]
        memory = (here.server.rss - memory) // WATCHERS
        seen = here.load.do("to_the_end")
        cpu = here.server.cpu - cpu
        watched = here.ended(execution)
    slower = (watched - FIRST) / (alone - FIRST)
    rows = [
        ["execution, nobody watches, s", f"{alone - FIRST:.2f}"],
        ["execution, all watch, s", f"{watched - FIRST:.2f}  ({slower:.3f} x)"],
        ["server's processor, nobody / all, s", f"{alone_cpu:.1f} / {cpu:.1f}"],
        ["load's processor, s", f"{seen['cpu']:.1f}"],
        ["to let all in, s", f"{opened:.2f}"],
        ["memory for a stream, kB", f"{memory / 1000:.0f}"],
        ["endings of items told, least and most", str(seen["ended"])],
        ["endings of the execution told", str(seen["over"])],
        *_ages("age of the newest picture", seen["age"]),
        *_ages("age of a picture when it came", seen["late"]),
    ]
    print_table(f"{WATCHERS} watch one execution", ["", ""], rows)


def _ages(name: str, ages: Figures) -> list[list[str]]:
    return [[f"{name}, {which}, ms", f"{ages[which] * 1000:.0f}"] for which in ages]


def bench_interrupt_while_watched() -> None:
    """How long it takes until an interrupt is accepted, while some hundreds watch."""
    rows: list[list[str]] = []
    with site() as here:
        for watchers in (0, SOME_WATCHERS):
            execution = here.started("long")
            here.load.do("watch", execution, watchers)
            path = f"/api/executions/{execution}/interrupt"
            found = here.load.do("ask", "POST", path, 300, 0.01)
            here.load.do("leave")
            here.interrupt(execution)
            figures = [f"{found[name] * 1000:.1f}" for name in ("first", "median", "p99", "most")]
            rows.append([str(watchers), *figures])
    head = ["watchers", "first", "median", "p99", "most"]
    print_table("POST interrupt, ms until it is accepted", head, rows)


def bench_one_execution() -> None:
    """How often an execution can be asked for."""
    rows: list[list[str]] = []
    with site() as here:
        execution = here.started("long")
        path = f"/api/executions/{execution}"
        running = here.load.do("ask", "GET", path, 2000, 0)
        here.interrupt(execution)
        ended = here.load.do("ask", "GET", path, 2000, 0)
        for name, found in (("running", running), ("ended", ended)):
            rows.append(
                [name, f"{found['rate']:.0f}", f"{found['median'] * 1000:.2f}",
                 f"{found['p99'] * 1000:.2f}"]
            )  # fmt: skip
    head = ["of 64 items", "a second", "median, ms", "p99, ms"]
    print_table("GET /api/executions/{id}, one after the other", head, rows)
