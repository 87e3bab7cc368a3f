"""Programs whose modules are loaded once, and that are run many times: each time as a process.

Most of what a short command costs is loading Python modules. For each program, a server that has
loaded them waits for requests and forks: the copy gets arguments, environment, folder, terminal and
streams of its own and then does what the installed script does, up to the interpreter's normal
exit. Tests of starting up, of the environment of the interpreter itself, and of what is loaded
start programs anew instead.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

BIN: Final = Path(sys.executable).parent
"""Where the programs are that belong to this Python."""

PROGRAMS: Final = ("slow_files", "download", "envman", "python")
"""What can be preloaded: installed programs, and a Python for applications in files."""

_LEFT_OUT: Final = ("peaceful.items.aws", "peaceful.testing")
"""Packages that most programs do not use."""
_INTERPRETER: Final = ("PYTHON", "LANG", "LC_")
"""How the environment variables begin that the interpreter itself reads when it starts."""
_MORE: Final[Mapping[str, Sequence[str]]] = {
    "envman": ("peaceful.items.aws", "aiobotocore.session", "httpx"),
    "download": ("httpx",),
}
"""By program, what its commands load while they run."""


def can_be_preloaded(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether forking does the same as starting the words in the environment."""

    def read_by_the_interpreter(variables: Mapping[str, str]) -> dict[str, str]:
        return {name: variables[name] for name in variables if name.startswith(_INTERPRETER)}

    return words[0] in PROGRAMS and read_by_the_interpreter(environment) == read_by_the_interpreter(
        os.environ
    )


@functools.cache
def preloaded(program: str) -> Preloaded:
    """Return the preloaded program that all tests of this process share.

    Args:
        program: one of `PROGRAMS`.
    """
    server = Preloaded(program)
    atexit.register(server.close)
    return server


class PreloadedProcess:
    """A process that was forked from a preloaded program, as `subprocess.Popen` would be used.

    Attributes:
        pid: its number.
        stdout: what it writes, where that is a pipe.
        stderr: likewise.
        returncode: how it ended; none until that is known.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._answers = connection.makefile("rb")
        self._connection = connection
        self.pid = int(self._answers.readline())
        self.stdout: BinaryIO | None = None
        self.stderr: BinaryIO | None = None
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, or none while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it still runs after so many seconds.
        """
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._connection, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal; one that has ended is not there to get it."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Preloaded:
    """A program with its modules loaded, from which processes are forked.

    Args:
        program: one of `PROGRAMS`.
        variables: environment variables of what loads it, besides those of the tests.
    """

    def __init__(self, program: str, variables: Mapping[str, str] | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="preloaded-", dir="/tmp")
        self._address = f"{self._folder.name}/socket"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")
        }
        self._server = subprocess.Popen(
            [sys.executable, __file__, program, self._address],
            env={**environment, **(variables or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"

    def start(
        self,
        words: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        terminal: str | None = None,
        piped: bool = True,
        user: int | None = None,
    ) -> PreloadedProcess:
        """Start the program in a session of its own.

        Args:
            words: its name and its arguments.
            folder: where it starts.
            environment: its environment variables.
            terminal: the terminal that controls its session, and is its stdin.
            piped: whether stdout and stderr are pipes; else they are the terminal, too.
            user: the number of the user and the group that it runs as; none for this one.
        """
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        request = {
            "words": list(words),
            "folder": str(folder),
            "environment": dict(environment),
            "terminal": terminal,
            "user": user,
        }
        data = json.dumps(request).encode() + b"\n"
        with ExitStack() as sent, ExitStack() as read:
            theirs = [os.open(terminal or os.devnull, os.O_RDWR | os.O_NOCTTY)]
            sent.callback(os.close, theirs[0])
            ours: list[BinaryIO] = []
            for _ in range(2 if piped else 0):
                reader, writer = os.pipe()
                sent.callback(os.close, writer)
                ours.append(read.enter_context(os.fdopen(reader, "rb")))
                theirs.append(writer)
            socket.send_fds(connection, [data[:1]], theirs if piped else theirs * 3)
            connection.sendall(data[1:])
            process = PreloadedProcess(connection)
            if piped:
                process.stdout, process.stderr = ours
            read.pop_all()
        return process

    def close(self) -> None:
        """End the server. What it has started is left alone."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait()
        self._folder.cleanup()


# ---- the server


def _load(program: str) -> Callable[[], int | None]:
    """Load what a program uses, and return what runs it."""
    import peaceful

    run: Callable[[], int | None] = _run_file
    if program != "python":
        run = importlib.import_module(program).main
        importlib.import_module(f"{program}.tool")
    for module in pkgutil.walk_packages(peaceful.__path__, "peaceful."):
        if not module.name.startswith(_LEFT_OUT):
            importlib.import_module(module.name)
    for name in _MORE.get(program, ()):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    return run


def _run_file() -> None:
    file = sys.argv[0]
    sys.path[0] = str(Path(file).resolve().parent)
    runpy.run_path(file, run_name="__main__")


def _serve(address: str) -> None:
    """Fork for each request. Returns in the copies only; the server itself ends here."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(128)
    ended, wake = socket.socketpair()
    for end in (ended, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    for source in (listener, ended, sys.stdin):
        selector.register(source, selectors.EVENT_READ)
    running: dict[int, socket.socket] = {}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                os._exit(0)
            elif key.fileobj is ended:
                ended.recv(4096)
                _tell_ended(running)
            else:
                connection, _address = listener.accept()
                request, streams = _read(connection)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    selector.close()
                    for each in (listener, ended, wake, connection, *running.values()):
                        each.close()
                    _become(request, streams)
                    return
                for stream in streams:
                    os.close(stream)
                running[pid] = connection
                connection.sendall(b"%d\n" % pid)


def _read(connection: socket.socket) -> tuple[dict[str, object], list[int]]:
    data, streams, _flags, _address = socket.recv_fds(connection, 1, 3)
    while not data.endswith(b"\n"):
        data += connection.recv(1 << 20)
    return json.loads(data), streams


def _tell_ended(running: dict[int, socket.socket]) -> None:
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = found
            with running.pop(pid) as connection, suppress(BrokenPipeError):
                connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(request: dict[str, object], streams: list[int]) -> None:
    """Make this copy what a process that was started with the request would be."""
    words, environment = request["words"], request["environment"]
    terminal, folder = request["terminal"], request["folder"]
    assert isinstance(words, list)
    assert isinstance(environment, dict)
    assert isinstance(folder, str)
    os.setsid()
    if isinstance(terminal, str):
        # Whoever leads a session gets the first terminal that it opens.
        os.close(streams[0])
        streams[0] = os.open(terminal, os.O_RDWR)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    if isinstance(user := request["user"], int):
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.orig_argv[:] = words
    sys.argv[:] = words[1:] if words[0] == "python" else [str(BIN / words[0]), *words[1:]]
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as the interpreter's own, never closed
    sys.stdout = open(1, "w", buffering=1 if os.isatty(1) else -1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115


def _main() -> NoReturn:
    program, address = sys.argv[1:]
    run = _load(program)
    _serve(address)
    sys.exit(run())


if __name__ == "__main__":
    _main()
