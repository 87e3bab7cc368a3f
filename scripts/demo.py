"""Shows an application's life: run, interrupted by a Ctrl-C, resumed, compared, cleaned up.

Run by `make demo`. Everything happens in a temporary folder and on loopback; nothing stays.
The exit code is 0 only if each step did what it should.
"""

from __future__ import annotations

import http.server
import io
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent
TERMINAL = sys.stdout.isatty()
COLORS = TERMINAL and not os.environ.get("NO_COLOR")
DIM, BOLD, GREEN, PLAIN = ("\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[0m") if COLORS else [""] * 4
FILES = 6
AT_ONCE = 2
IN_PROGRESS = 0.3
"""Seconds after which what was to start next is in progress; each file takes longer."""
ARCHIVE_SIZE = 6 * 1024 * 1024
CHUNK = 64 * 1024
LOOK_AGAIN = threading.Event()
"""Nobody sets it: waiting for it is a pause."""


class StepFailed(Exception):
    """A step of the demonstration did not do what it should."""


def main() -> int:
    """Runs the demonstration, and tells how to go on."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="peaceful-demo-") as name:
        try:
            show_slow_files(made(Path(name, "slow")))
            show_download(made(Path(name, "web")))
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
    return 0


def show_slow_files(at: Path) -> None:
    """Files that take their time, two of them at once."""
    heading("Six slow files, two at a time. Ctrl-C lets what is in progress finish.")
    files = at / "files"
    size = ("--items", str(FILES), "--seconds", "1", "--layers", "3")
    run("slow_files", "init", *size, "--dest", "files", at=at, silent=True)

    def some_written() -> bool:
        return len(written(files)) >= AT_ONCE

    ensure = ("slow_files", "ensure", "--max-concurrency", str(AT_ONCE))
    run(*ensure, at=at, ctrl_c_when=some_written, expect=130)
    before = written(files)
    stopped = AT_ONCE < len(before) < FILES and all(
        (files / name).read_text() == Path(name).stem for name in before
    )
    check(stopped, f"{len(before)} of {FILES} files are there, each of them whole")

    run(*ensure, at=at)
    after = written(files)
    resumed = len(after) == FILES and before.items() <= after.items()
    check(resumed, f"all {FILES} are there, and what was there was not touched")

    run("slow_files", "diff", at=at)
    check(nothing_differs("slow_files", at), "everything is as it should be")


def show_download(at: Path) -> None:
    """A release over HTTP, interrupted in the middle of the download."""
    heading("A release over HTTP. Ctrl-C stops the download at a safe point.")
    dest = at / "app"
    with release_server() as (url, ranges):
        run("download", "init", url, "app", at=at, silent=True)

        def third_there() -> bool:
            part = dest / "release.tar.part"
            return part.exists() and part.stat().st_size > ARCHIVE_SIZE / 3

        run("download", "ensure", at=at, ctrl_c_when=third_there, expect=130)
        check(not (dest / "release").exists(), "half a release is not unpacked")

        run("download", "ensure", at=at)
        whole = (dest / "release/README").read_text() == README and nothing_differs("download", at)
        rest = f"the server was asked for the rest only, from byte {ranges[-1]:,}"
        check(whole and ranges[-1] > 0, rest)

        run("download", "clean", "--progress", "none", at=at)
        check(not any(path.is_file() for path in dest.rglob("*")), "nothing is left")


def written(folder: Path) -> dict[str, int]:
    """By name, when each file was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.txt")}


# ---- running a command as a person would


def run(
    program: str,
    *words: str,
    at: Path,
    ctrl_c_when: Callable[[], bool] | None = None,
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
        env={**os.environ, "COLUMNS": "80"},
        stdout=subprocess.DEVNULL if silent else None,
        stderr=None if TERMINAL else subprocess.STDOUT,
    )
    try:
        while ctrl_c_when is not None and process.poll() is None:
            if ctrl_c_when():
                LOOK_AGAIN.wait(IN_PROGRESS)
                process.send_signal(signal.SIGINT)
                break
            LOOK_AGAIN.wait(0.01)
    finally:
        # Also when the demonstration itself is interrupted: the terminal has told both.
        code = process.wait()
    if code != expect:
        raise StepFailed(f"{program} ended with {code}, not {expect}")


def nothing_differs(program: str, at: Path) -> bool:
    """Whether nothing differs, as another program would find out: by the JSON document."""
    asked = subprocess.run(
        [BIN / program, "diff", "--format", "json", "--progress", "none"],
        cwd=at,
        stdout=subprocess.PIPE,
        check=False,
    )
    return asked.returncode == 0 and not any(json.loads(asked.stdout)["diffs"].values())


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

README = "A release.\n"


@contextmanager
def release_server() -> Iterator[tuple[str, list[int]]]:
    """Serves a release on loopback, at some megabytes a second.

    Yields:
        Its URL, and the first byte of each request's range.
    """
    archive, ranges = release(), []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(0)

        def do_GET(self) -> None:
            start = 0
            if (asked := self.headers.get("Range", "")).startswith("bytes="):
                start = int(asked.removeprefix("bytes=").partition("-")[0])
            ranges.append(start)
            self.answer(start)
            try:
                for place in range(start, len(archive), CHUNK):
                    self.wfile.write(archive[place : place + CHUNK])
                    LOOK_AGAIN.wait(0.02)  # A line of some megabytes a second.
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def answer(self, start: int) -> None:
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(archive) - start))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("ETag", '"release-1"')
            if start:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(archive) - 1}/{len(archive)}"
                )
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: the demonstration shows what its commands say."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/release.tar", ranges
    finally:
        server.shutdown()
        server.server_close()


def release() -> bytes:
    """An archive with two files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in (
            ("README", README.encode()),
            ("data.bin", random.Random(1).randbytes(ARCHIVE_SIZE)),  # noqa: S311 - not a secret
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


if __name__ == "__main__":
    sys.exit(main())
