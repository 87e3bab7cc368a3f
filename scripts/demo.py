"""Shows an application's life: run, interrupted by a Ctrl-C, resumed, compared, cleaned up.

Run by `make demo`. Everything happens in a temporary folder and on loopback; nothing stays.
The exit code is 0 only if each step did what it should.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
TERMINAL = sys.stdout.isatty()
COLORS = TERMINAL and not os.environ.get("NO_COLOR")
DIM, BOLD, GREEN, PLAIN = ("\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[0m") if COLORS else [""] * 4
IN_PROGRESS = 0.3
"""Seconds after which what was to start next is in progress."""
RELEASE_SIZE = 9 * 1024 * 1024
CHUNK = 64 * 1024
AWS_START = 60.0
"""Seconds that the server's start is waited for, on a busy machine."""
LOOK_AGAIN = threading.Event()
"""Nobody sets it: waiting for it is a pause."""


class StepFailed(Exception):
    """A step of the demonstration did not do what it should."""


def main() -> int:
    """Runs the demonstration, and tells how to go on."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="peaceful-demo-") as name:
        try:
            with aws_server(Path(name, "aws.log")) as aws, release_server(stalls=True) as releases:
                show_envman(made(Path(name, "work")), aws, releases)
        except StepFailed as failure:
            print(f"\n{BOLD}The demonstration failed:{PLAIN} {failure}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nThe demonstration was interrupted.", file=sys.stderr)
            return 130
    took = time.monotonic() - started
    print(f"\n{BOLD}Everything did what it should,{PLAIN} in {took:.0f} s. Now you:\n")
    print("  .venv/bin/slow_files init --workspace /tmp/slow --dest /tmp/slow/files")
    print("  .venv/bin/slow_files ensure --workspace /tmp/slow")
    print("  make web   # the same deployment in your browser, to start, interrupt and resume")
    return 0


def show_envman(at: Path, aws: str, releases: Releases) -> None:
    """A web application, deployed to a server that speaks like AWS, and interrupted half way."""
    env = aws_environment(aws, at)
    heading("A web application for AWS: a release, a bucket, a role that may read it.")
    words = ("--type", "development", "me/web_app", "1.0", "--url", releases.url)
    run("envman", "init", "demo", *words, at=at, env=env, silent=True)

    part = at / "downloads/demo/env_deploy/web_app.tar.part"

    def third_there() -> bool:
        begun = part.exists() and part.stat().st_size > RELEASE_SIZE / 3
        return begun and bool(role_names(aws))

    heading("Ctrl-C: what is in progress finishes or stops safely; nothing new starts.")
    run(
        *("envman", "deploy"),
        at=at,
        env=env,
        ctrl_c_when=third_there,
        after_ctrl_c=releases.go_on.set,
        expect=130,
    )
    check(part.exists() and not objects_in(aws), "a part of the release is here, none of it there")

    heading("The same command carries on.")
    run("envman", "deploy", at=at, env=env)
    there = objects_in(aws) == ["web_app.tar"] and role_names(aws) == ["web_app-demo"]
    rest = f"the download went on from byte {releases.ranges[-1]:,}"
    check(there and releases.ranges[-1] > 0, rest)
    run("envman", "diff", at=at, env=env)
    check(not differences(at, env), "everything is as it should be")

    heading("Another version: what would change?")
    run("envman", "init", "--app-version", "1.1", at=at, env=env, silent=True)
    run("envman", "diff", at=at, env=env)
    release_only = differences(at, env) == ["app_download", "s3_object"]
    check(release_only, "the release would be replaced, and nothing else")

    heading("And all of it away again.")
    run("envman", "clean", at=at, env=env)
    check(not objects_in(aws) and not role_names(aws), "nothing is left on the server")


# ---- the server that speaks like AWS


@contextmanager
def aws_server(log: Path) -> Iterator[str]:
    """A server that speaks like AWS, on loopback, in a process of its own.

    Yields:
        Its address.

    Raises:
        StepFailed: it did not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", port]
    with log.open("wb") as output:
        # In a session of its own, so that nobody's Ctrl-C ends it in the middle.
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_for(int(port), process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until a server accepts connections.

    Raises:
        StepFailed: it ended, or does not within `AWS_START`.
    """
    deadline = time.monotonic() + AWS_START
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        LOOK_AGAIN.wait(0.02)
    raise StepFailed(f"the server that speaks like AWS did not start: {log.read_text()[-2000:]}")


def aws_environment(address: str, at: Path) -> dict[str, str]:
    """What makes programs for AWS talk to that server, and to nothing else."""
    nowhere = str(at / "no-aws-files")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": address,
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
    }


def objects_in(address: str) -> list[str]:
    """The keys of all objects that the server holds."""
    buckets = re.findall("<Name>([^<]+)</Name>", asked(f"{address}/"))
    return [
        key
        for bucket in buckets
        for key in re.findall("<Key>([^<]+)</Key>", asked(f"{address}/{bucket}?list-type=2"))
    ]


def role_names(address: str) -> list[str]:
    """The names of all roles that the server holds."""
    answer = asked(f"{address}/", b"Action=ListRoles&Version=2010-05-08")
    return re.findall("<RoleName>([^<]+)</RoleName>", answer)


def asked(address: str, data: bytes | None = None) -> str:
    """What a server answers, asked by another program than the demonstrated one."""
    service = "iam" if data else "s3"
    login = f"AWS4-HMAC-SHA256 Credential=demo/20250101/eu-central-1/{service}/aws4_request"
    request = urllib.request.Request(address, data, {"Authorization": login})  # noqa: S310 - http
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - its address is that of loopback
        text: str = answer.read().decode()
    return text


# ---- running a command as a person would


def run(
    program: str,
    *words: str,
    at: Path,
    env: Mapping[str, str],
    ctrl_c_when: Callable[[], bool] | None = None,
    after_ctrl_c: Callable[[], None] = lambda: None,
    expect: int = 0,
    silent: bool = False,
) -> None:
    """Runs a command, shows what it shows, and presses Ctrl-C at the right moment.

    Raises:
        StepFailed: it ended with another exit code than expected.
    """
    if not TERMINAL and "--progress" not in words and not silent:
        words = (*words, "--progress", "none")  # Without a picture, what comes of it is enough.
    typed = shlex.join((program, *words)) + (" > /dev/null" if silent else "")
    pressed = f"   {DIM}# and then Ctrl-C{PLAIN}" if ctrl_c_when else ""
    apart = "" if words[0] == "init" else "\n"
    print(f"{apart}{BOLD}$ {typed}{PLAIN}{pressed}", flush=True)
    process = subprocess.Popen(
        [BIN / program, *words],
        cwd=at,
        env={**env, "COLUMNS": "80"},
        stdout=subprocess.DEVNULL if silent else None,
        stderr=None if TERMINAL else subprocess.STDOUT,
    )
    try:
        while ctrl_c_when is not None and process.poll() is None:
            if ctrl_c_when():
                LOOK_AGAIN.wait(IN_PROGRESS)
                process.send_signal(signal.SIGINT)
                after_ctrl_c()
                break
            LOOK_AGAIN.wait(0.01)
    finally:
        # Also when the demonstration itself is interrupted: the terminal has told both.
        code = process.wait()
    if code < 0:  # It died of a signal, as a shell would tell it.
        code = 128 - code
    if code != expect:
        raise StepFailed(f"{program} ended with {code}, not {expect}")


def differences(at: Path, env: Mapping[str, str]) -> list[str]:
    """The items that differ, as another program would find out: by the JSON document."""
    words = ("diff", "--format", "json", "--progress", "none")
    command = [str(BIN / "envman"), *words]
    told = subprocess.run(command, cwd=at, env=env, stdout=subprocess.PIPE, check=False)
    if told.returncode != 0:
        raise StepFailed(f"envman diff ended with {told.returncode}, not 0")
    return [item for item, diff in json.loads(told.stdout)["diffs"].items() if diff]


# ---- telling


def heading(text: str) -> None:
    """Tells what comes."""
    print(f"\n{BOLD}{GREEN}{text}{PLAIN}", flush=True)


def check(holds: bool, sentence: str) -> None:
    """Tells that a sentence holds.

    Raises:
        StepFailed: it does not.
    """
    if not holds:
        raise StepFailed(f"it does not hold that {sentence}")
    print(f"  {GREEN}✓{PLAIN} {DIM}{sentence}{PLAIN}", flush=True)


def made(folder: Path) -> Path:
    """The folder, which is there from now on."""
    folder.mkdir(parents=True)
    return folder


# ---- a release, and a server for it


@dataclass(frozen=True)
class Releases:
    """A server with the application's releases.

    Attributes:
        url: where they are, with {version} for the version.
        ranges: of each request so far, the first byte that was asked for.
        go_on: transfers wait for it after two thirds, for a Ctrl-C on a slow machine.
    """

    url: str
    ranges: list[int]
    go_on: threading.Event


@contextmanager
def release_server(*, stalls: bool = False) -> Iterator[Releases]:
    """Serves releases on loopback, at a megabyte a second; where it stalls, until it may go on."""
    ranges: list[int] = []
    go_on = threading.Event()
    if not stalls:
        go_on.set()
    handler = type("Handler", (_ReleaseHandler,), {"ranges": ranges, "go_on": go_on})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_address[1]}"
        yield Releases(f"{base}/web_app-{{version}}.tar", ranges, go_on)
    finally:
        server.shutdown()
        server.server_close()


class _ReleaseHandler(http.server.BaseHTTPRequestHandler):
    """Sends a release, or the rest of it."""

    ranges: list[int]
    go_on: threading.Event
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(0)

    def do_GET(self) -> None:
        start, content = 0, self.content()
        if (asked := self.headers.get("Range", "")).startswith("bytes="):
            start = int(asked.removeprefix("bytes=").partition("-")[0])
        self.ranges.append(start)
        self.answer(start)
        try:
            for place in range(start, len(content), CHUNK):
                if place > len(content) * 2 / 3:
                    self.go_on.wait()
                self.wfile.write(content[place : place + CHUNK])
                LOOK_AGAIN.wait(0.05)  # A line of a megabyte a second.
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, start: int) -> None:
        size = len(self.content())
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(size - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{self.path}"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()

    def content(self) -> bytes:
        return release(self.path)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the demonstration shows what its commands say."""


@functools.cache
def release(name: str) -> bytes:
    """The content of a release's file."""
    return random.Random(name).randbytes(RELEASE_SIZE)  # noqa: S311 - not a secret


if __name__ == "__main__":
    sys.exit(main())
