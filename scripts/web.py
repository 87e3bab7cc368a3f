"""Serves the example application's pages, for trying them out in a browser.

Run by `make web`. The application deploys to a server that speaks like AWS, from a server with its
releases; both run here. Everything happens in a temporary folder and on loopback; nothing stays.
"""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from demo import BIN, BOLD, PLAIN, StepFailed, aws_environment, aws_server, made, release_server

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Ended(BaseException):
    """Whoever started this wants it to end, before there is a server that could be told so."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(words: Sequence[str]) -> int:
    """Sets the stage, serves until Ctrl-C, and tidies up.

    Args:
        words: further words for `envman web`.
    """
    for number in ENDS:
        signal.signal(number, _end)
    with tempfile.TemporaryDirectory(prefix="peaceful-web-") as name:
        try:
            with aws_server(Path(name, "aws.log")) as aws, release_server() as releases:
                at = made(Path(name, "work"))
                env = aws_environment(aws, at)
                set_up(at, env, releases.url)
                return served(at, env, words)
        except StepFailed as failure:
            print(f"{BOLD}The server could not be started:{PLAIN} {failure}", file=sys.stderr)
            return 1
        except _Ended as ended:
            return 128 + ended.number


def set_up(at: Path, env: Mapping[str, str], releases: str) -> None:
    """Stores the parameters of two environments.

    Raises:
        StepFailed: they could not be stored.
    """
    for profile, version in (("demo", "1.0"), ("staging", "1.1")):
        line = f"init {profile} --type development me/web_app {version} --url {releases}"
        command = [str(BIN / "envman"), *shlex.split(line)]
        told = subprocess.run(command, cwd=at, env=env, capture_output=True, text=True, check=False)
        if told.returncode != 0:
            raise StepFailed(told.stderr)


def served(at: Path, env: Mapping[str, str], words: Sequence[str]) -> int:
    """Runs the server, which prints its address first, until it ends.

    Returns:
        Its exit code.
    """
    early: list[int] = []
    for number in ENDS:
        signal.signal(number, lambda number, _frame: early.append(number))
    server = subprocess.Popen(
        [str(BIN / "envman"), "web", *words], cwd=at, env=env, stdout=subprocess.PIPE, text=True
    )
    for number in ENDS:
        # At a terminal, Ctrl-C reaches both: presses that come together count once.
        signal.signal(number, lambda number, _frame: _hand_on(server, number))
    for each in early:
        _hand_on(server, each)
    assert server.stdout is not None
    with server.stdout as stdout:
        if address := stdout.readline():
            print(address, end="", flush=True)
            print(HINTS, end="", file=sys.stderr, flush=True)
        for line in stdout:
            print(line, end="", flush=True)
    code = server.wait()
    return code if code >= 0 else 128 - code


HINTS = f"""
{BOLD}envman in your browser:{PLAIN} two environments, demo and staging, of a web application on a
server that speaks like AWS and runs here. In the address above:

  1. Start env_deploy of demo. Its release comes at a megabyte a second.
  2. Press Interrupt: what is in progress finishes or stops safely, nothing new starts.
  3. Resume: it carries on, and repeats nothing that is done.

Ctrl-C here ends the server and everything that was started with it.

"""


def _end(number: int, _frame: FrameType | None) -> None:
    raise _Ended(number)


def _hand_on(server: subprocess.Popen[str], number: int) -> None:
    if server.poll() is None:
        server.send_signal(number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
