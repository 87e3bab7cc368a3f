"""Somebody at a shell: runs the installed programs in a folder, watches and interrupts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from preloaded_programs import BIN, PreloadedProcess, can_be_preloaded, preloaded
from processes import MARK, PATIENCE, in_a_shell, kill, processes_with

Json: TypeAlias = dict[str, Any]
"""A JSON object. (Any: a test says itself what it expects in it.)"""


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that has ended.

    Attributes:
        code: its exit code, as a shell tells it: of a signal that it died of, 128 and its number.
        out: what it wrote to stdout.
        err: what it wrote to stderr, without its events.
        events: the events that it told on stderr, in order.
    """

    code: int
    out: str
    err: str
    events: Sequence[Json]

    @property
    def document(self) -> Json:
        """The JSON document on stdout, which holds nothing else."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document

    @property
    def error(self) -> Json:
        """The error of the command itself in the JSON document."""
        error = self.document["errors"][""]
        assert isinstance(error, dict)
        return error

    def told(self, event: str, **fields: object) -> list[Json]:
        """The events of that name with those fields."""
        return [each for each in self.events if _is(each, event, fields)]

    def items(self, event: str, **fields: object) -> list[str]:
        """The items of the events of that name with those fields, in order."""
        return [each["item"] for each in self.told(event, **fields)]

    def block(self, name: str) -> Ended:
        """The same with only the events since the block of that name began: none if it did not."""
        starts = [
            place
            for place, event in enumerate(self.events)
            if _is(event, "block_started", {"block": name})
        ]
        events = self.events[starts[0] :] if starts else []
        return Ended(self.code, self.out, self.err, events)

    def statuses(self) -> dict[str, str]:
        """By item, how it ended, as the document has it."""
        return {item: each["status"] for item, each in self.document["items"].items()}


class Running:
    """A program that runs. What it writes is read all the time, so that it never waits for that."""

    def __init__(
        self, process: subprocess.Popen[bytes] | PreloadedProcess, words: Sequence[str], mark: str
    ) -> None:
        self.process = process
        self._words = words
        self._mark = mark
        self._heard = threading.Condition()
        self._events: list[Json] = []
        self._err: list[str] = []
        self._out = b""
        self._silent = False
        self._readers = [
            threading.Thread(target=read, daemon=True)
            for read, stream in ((self._read_err, process.stderr), (self._read_out, process.stdout))
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()
        if process.stderr is None:
            self._silent = True

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def processes(self) -> dict[int, str]:
        """It and whatever it started, at any level, as far as it runs: numbers, command lines."""
        found = processes_with(self._mark)
        if self.process.poll() is None:
            # What was forked has the environment of its server in its entry.
            found.setdefault(self.pid, " ".join(self._words))
        return found

    @property
    def events(self) -> list[Json]:
        """The events that it has told until now."""
        with self._heard:
            return list(self._events)

    @property
    def out(self) -> bytes:
        """What it has written to stdout until now, in whole lines."""
        return self._out

    @property
    def err(self) -> str:
        """What it has written to stderr until now, in whole lines and without its events."""
        with self._heard:
            return "".join(self._err)

    def until(self, event: str, times: int = 1, **fields: object) -> Json:
        """Waits until it has told of something that often.

        Returns:
            The last of these events.
        """
        found: list[Json] = []
        looked_at = 0

        def there() -> bool:
            nonlocal looked_at
            found.extend(each for each in self._events[looked_at:] if _is(each, event, fields))
            looked_at = len(self._events)
            return len(found) >= times or self._silent

        with self._heard:
            in_time = self._heard.wait_for(there, PATIENCE)
        assert in_time, f"{PATIENCE} s passed without {times} {event} {fields}: {self._said()}"
        assert len(found) >= times, f"it ended without {times} {event} {fields}: {self._said()}"
        return found[times - 1]

    def until_in_progress(self, item: str, done: float) -> None:
        """Waits until it has told that an item is that far."""

        def far_enough() -> bool:
            return self._silent or any(
                _is(each, "item_progressed", {"item": item}) and each["progress"]["done"] >= done
                for each in self._events
            )

        with self._heard:
            in_time = self._heard.wait_for(far_enough, PATIENCE)
        assert in_time, f"{PATIENCE} s passed: {self._said()}"
        assert not self._silent, f"it ended before: {self._said()}"

    def until_told(self, events: int) -> None:
        """Waits until it has told of so many events, or has no more to tell."""
        with self._heard:
            self._heard.wait_for(lambda: len(self._events) >= events or self._silent, PATIENCE)

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal; one that has ended is not there to get it."""
        self.process.send_signal(number)

    def runs_for(self, seconds: float) -> bool:
        """Lets it run for some time.

        Returns:
            Whether it still runs then.
        """
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def kill(self) -> Ended:
        """Ends it by SIGKILL, and nothing else with it."""
        self.process.kill()
        return self.end()

    def end(self, expect: int | None = None, *, within: float = PATIENCE) -> Ended:
        """Waits for its end, at which no traceback may be shown.

        Args:
            expect: the exit code that it must have; none for any.
            within: seconds.
        """
        ended = self.gone(within=within)
        assert "Traceback" not in ended.err + ended.out, self._said()
        words, code = " ".join(self._words), ended.code
        assert expect in {None, code}, f"{words} ended with {code}, not {expect}: {self._said()}"
        return ended

    def gone(self, *, within: float = PATIENCE) -> Ended:
        """Waits for its end, whatever that is.

        Args:
            within: seconds.
        """
        code = in_a_shell(self.process.wait(within))
        for reader in self._readers:
            reader.join(PATIENCE)
            assert not reader.is_alive(), "another process keeps those waiting who read its output"
        return Ended(code, self._out.decode(), "".join(self._err), self.events)

    def _said(self) -> str:
        return f"\n{self._out.decode()}\n{''.join(self._err)}\n{self._events[-3:]}"

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self._out += line

    def _hear(self, line: bytes) -> None:
        event = event_in(line)
        with self._heard:
            if event is None:
                self._err.append(line.decode())
            else:
                self._events.append(event)
            self._heard.notify_all()

    def _read_err(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for line in stream:
                self._hear(line)
        with self._heard:
            self._silent = True
            self._heard.notify_all()


class Loaded:
    """A program, for those commands of which only the ending matters."""

    def __init__(self, shell: Shell, program: str, user: int | None) -> None:
        self._shell = shell
        self._program = program
        self._user = user

    def run(self, *words: str | Path, expect: int | None = 0) -> Ended:
        """Runs it to its end, which must have the given exit code."""
        return self._shell.start(self._program, *words, user=self._user).end(expect)


class Shell:
    """A shell in a folder. What it started is not left running: to be closed.

    Attributes:
        folder: where programs are started.
        environment: what they are started with.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.environment = {
            **{name: value for name, value in environment.items() if name != "PWD"},
            "PATH": f"{BIN}{os.pathsep}{environment.get('PATH', os.defpath)}",
        }
        self._started: list[Running] = []

    def run(self, *words: str | Path, expect: int | None = 0) -> Ended:
        """Runs a program to its end, which must have the given exit code."""
        return self.start(*words).end(expect)

    def start(
        self,
        *words: str | Path,
        terminal: Path | None = None,
        user: int | None = None,
        anew: bool = False,
    ) -> Running:
        """Starts a program in a session of its own.

        Args:
            words: the program and its arguments.
            terminal: what controls the session, as a terminal does; none for nothing.
            user: the number of the user that it runs as, of one that was loaded before; none for
                this one.
            anew: whether its start matters, too: else it may be one that was loaded before.
        """
        command = [os.fspath(word) for word in words]
        mark = str(uuid.uuid4())
        environment = {**self.environment, MARK: mark}
        process: subprocess.Popen[bytes] | PreloadedProcess
        if can_be_preloaded(command, self.environment) and not anew:
            process = preloaded(command[0]).start(
                command,
                folder=self.folder,
                environment=environment,
                terminal=None if terminal is None else str(terminal),
                user=user,
            )
        else:
            assert user is None
            started = command
            if terminal is not None:
                # Whoever leads a session gets the first terminal that it opens.
                started = ["sh", "-c", 'exec 0<>"$0"; exec "$@"', str(terminal), *started]
            process = subprocess.Popen(
                started,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        running = Running(process, command, mark)
        self._started.append(running)
        return running

    def loaded(self, program: str, *, user: int | None = None) -> Loaded:
        """A program here, to be run many times.

        Args:
            program: its name.
            user: the number of the user that it runs as; none for this one.
        """
        return Loaded(self, program, user)

    def close(self) -> None:
        """Ends everything that was started here, with everything that it started."""
        with ExitStack() as stack:
            for running in self._started:
                stack.callback(running.process.wait, PATIENCE)
                for pid in running.processes():
                    stack.callback(kill, pid)


def event_in(line: bytes) -> Json | None:
    """The event that a line tells, if it is one, and whole."""
    # A program that was killed may have told half an event.
    if not line.startswith(b'{"event":') or not line.endswith(b"\n"):
        return None
    event = json.loads(line)
    assert isinstance(event, dict)
    return event


def _is(event: Json, name: str, fields: Mapping[str, object]) -> bool:
    return event["event"] == name and all(event.get(key) == fields[key] for key in fields)
