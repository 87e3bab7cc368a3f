"""What the tests of process signals share: a child process that says what it receives."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import pytest

_PATIENCE: Final = 30.0
"""Seconds that a line or an end is waited for, on a busy machine."""

_PREAMBLE: Final = """
import asyncio, os, signal, sys, threading
from peaceful.interrupt import *
from peaceful.interrupt.os_signals import interrupt_on_signals

def say(*words):
    os.write(1, (" ".join(str(word) for word in words) + "\\n").encode())

def on_press(signal, result):
    say(signal.source, signal.level, result.value)

sender, receiver = interrupt_channel()
"""


class Child:
    """A Python program that runs, and the lines that it writes."""

    def __init__(self, program: str, ignored: tuple[signal.Signals, ...]) -> None:
        # A shell passes on what it ignores to what it becomes.
        command = [sys.executable, "-c", _PREAMBLE + textwrap.dedent(program)]
        if ignored:
            names = " ".join(number.name.removeprefix("SIG") for number in ignored)
            command = ["sh", "-c", f'trap \'\' {names}; exec "$0" "$@"', *command]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line(self) -> str:
        """The next line that it writes."""
        return self._lines.get(timeout=_PATIENCE)

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        os.kill(self.process.pid, number)

    def end(self) -> tuple[int, list[str], str]:
        """Waits for its end: how it ended, the lines not yet taken, and what it said of errors."""
        code = self.process.wait(_PATIENCE)
        self._reader.join(_PATIENCE)
        rest: list[str] = []
        while not self._lines.empty():
            rest.append(self._lines.get())
        assert self.process.stderr is not None
        return code, rest, self.process.stderr.read()

    def close(self) -> None:
        """Leaves nothing running."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(_PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


Run: TypeAlias = Callable[..., Child]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts a program; it may use `say`, `on_press`, `sender`, `receiver`."""
    children: list[Child] = []

    def start(program: str, *ignored: signal.Signals) -> Child:
        children.append(Child(program, ignored))
        return children[-1]

    yield start
    for child in children:
        child.close()
