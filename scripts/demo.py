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
CHUNK = 64 * 1024
ARCHIVE_SIZE = 6 * 1024 * 1024
DIM, BOLD, PLAIN = ("\x1b[2m", "\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "", "")


class StepFailed(Exception):
    """A step of the demonstration did not do what it should."""


def main() -> int:
    """Runs the demonstration, and tells how to go on."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="peaceful-demo-") as name:
        folder = Path(name)
        try:
            show_slow_files(folder / "files")
            show_download(folder / "release")
        except StepFailed as failure:
            print(f"\n{BOLD}The demonstration failed:{PLAIN} {failure}", file=sys.stderr)
            return 1
    print(f"\nEverything did what it should, in {time.monotonic() - started:.0f} s.")
    print(
        "Try it yourself: .venv/bin/slow_files init --dest /tmp/slow; .venv/bin/slow_files ensure"
    )
    print("Press Ctrl-C while it runs, and run it again.")
    return 0


def show_slow_files(folder: Path) -> None:
    """Twelve files that take their time, four of them at once."""
    heading("Twelve slow files, interrupted half way and resumed")
    workspace, dest = made(folder / "workspace"), folder / "dest"
    size = ("--items", "12", "--seconds", "0.4", "--layers", "3")
    run("slow_files", "init", *size, "--dest", str(dest), at=workspace)
    ensure = ("slow_files", "ensure", "--max-concurrency", "4")
    run(*ensure, at=workspace, interrupt_when=ended_items(4), expect=130)
    written = {path.name: path.stat().st_mtime_ns for path in dest.glob("*.txt")}
    check(0 < len(written) < 12, f"some files are written after the interrupt, not {len(written)}")
    run(*ensure, at=workspace)
    check(len(list(dest.glob("*.txt"))) == 12, "all files are written after resuming")
    check(
        all((dest / name).stat().st_mtime_ns == moment for name, moment in written.items()),
        "resuming repeated nothing",
    )
    shown = run("slow_files", "diff", "--format", "json", at=workspace)
    check(not any(json.loads(shown)["diffs"].values()), "nothing differs any more")
    run("slow_files", "clean", at=workspace)
    check(not list(dest.glob("*.txt")), "all files are removed after cleaning up")


def show_download(folder: Path) -> None:
    """A release over HTTP, interrupted in the middle of the download."""
    heading("A release over HTTP, interrupted in the middle of the download")
    workspace, dest = made(folder / "workspace"), folder / "dest"
    with release_server() as (url, ranges):
        run("download", "init", url, str(dest), at=workspace)
        run("download", "ensure", at=workspace, interrupt_when=half_downloaded, expect=130)
        check(not (dest / "release").exists(), "nothing is extracted before the download is whole")
        run("download", "ensure", at=workspace)
        check(any(start > 0 for start in ranges), "the download carried on where it had stopped")
        files = sorted(path.name for path in (dest / "release").rglob("*") if path.is_file())
        check(files == ["README", "data.bin"], f"the archive is extracted, not {files}")
        shown = run("download", "diff", "--format", "json", at=workspace)
        check(not any(json.loads(shown)["diffs"].values()), "nothing differs any more")
        run("download", "clean", at=workspace)
        left = [path for path in dest.rglob("*") if path.is_file()]
        check(not left, f"nothing is left after cleaning up, not {left}")


# ---- running a command as a person would


def run(
    program: str,
    *arguments: str,
    at: Path,
    interrupt_when: Callable[[dict[str, object]], bool] | None = None,
    expect: int = 0,
) -> str:
    """Runs a command, shows it with its output, and sends it a Ctrl-C at the given event.

    Returns:
        Its standard output.
    """
    print(f"\n{BOLD}$ {shlex.join((program, *arguments))}{PLAIN}", flush=True)
    process = subprocess.Popen(
        [BIN / program, *arguments, "--progress", "json"],
        cwd=at,
        env={**os.environ, "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    noise: list[str] = []
    for line in process.stderr:
        event = event_in(line)
        if event is None:
            noise.append(line)
        elif interrupt_when is not None and interrupt_when(event):
            print(f"{DIM}(Ctrl-C){PLAIN}", flush=True)
            process.send_signal(signal.SIGINT)
            interrupt_when = None
    output = process.stdout.read()
    code = process.wait()
    print(output, end="", flush=True)
    if code != expect:
        raise StepFailed(f"{program} ended with {code}, not {expect}:\n{''.join(noise)}")
    return output


def event_in(line: str) -> dict[str, object] | None:
    """The event that a line of progress tells, or none where the line is something else."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def ended_items(count: int) -> Callable[[dict[str, object]], bool]:
    """True of the event by which the given number of items have ended."""
    ended = 0

    def enough(event: dict[str, object]) -> bool:
        nonlocal ended
        ended += event["event"] == "item_ended"
        return ended >= count

    return enough


def half_downloaded(event: dict[str, object]) -> bool:
    """True of an event that says that a third of a download is done."""
    progress = event.get("progress")
    if not isinstance(progress, dict) or not progress.get("total"):
        return False
    return bool(progress["done"] >= progress["total"] / 3)


# ---- a release, and a server for it


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
                    time.sleep(0.01)  # A line of some megabytes a second.
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
            ("README", b"A release.\n"),
            ("data.bin", random.Random(1).randbytes(ARCHIVE_SIZE)),  # noqa: S311 - not a secret
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def heading(text: str) -> None:
    """Tells what comes."""
    print(f"\n{BOLD}{text}{PLAIN}\n{'─' * len(text)}", flush=True)


def made(folder: Path) -> Path:
    """The folder, which is there from now on."""
    folder.mkdir(parents=True)
    return folder


def check(holds: bool, sentence: str) -> None:
    """Ends the demonstration where a sentence does not hold."""
    if not holds:
        raise StepFailed(f"expected that {sentence}")
    print(f"{DIM}  ✓ {sentence}{PLAIN}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
