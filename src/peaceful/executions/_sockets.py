"""Sockets that executions listen on: Unix sockets in a private folder, however long its path is."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from peaceful.executions._liveness import Answer
from peaceful.executions._proc import PROC
from peaceful.model import ExecutionId

_LONGEST: Final = 100
"""How many bytes of a path surely fit a socket's address: Linux takes 107, others 103."""

_BACKLOG: Final = 128
_SUFFIX: Final = ".sock"
_SCHEME: Final = "unix:"
_TEMPORARY: Final = "peaceful-"


class ControlSockets:
    """The sockets of one workspace.

    An address is `unix:` and a name in the workspace's folder, so that it holds wherever the
    workspace is mounted; or, where no socket can be made there, `unix:` and a path in a folder for
    temporary files.

    Args:
        folder: the folder; made, with mode 0700, when first needed.
        proc: where the system tells of processes; through it, long paths have short names.
    """

    def __init__(self, folder: Path, proc: Path = PROC) -> None:
        self._folder = folder.absolute()
        self._proc = proc

    def listen(self, execution_id: ExecutionId) -> tuple[socket.socket, str]:
        """A listening socket for an execution, and its address.

        Raises:
            OSError: the system has no such sockets, or refused to make one.
        """
        name = f"{execution_id}{_SUFFIX}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            return self._listening(self._folder / name), f"{_SCHEME}{name}"
        except OSError:
            # Not every file system holds sockets, and not every system shortens a path.
            elsewhere = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        try:
            return self._listening(elsewhere / "s"), f"{_SCHEME}{elsewhere / 's'}"
        except OSError:
            elsewhere.rmdir()
            raise

    def connect(self, address: str, timeout: float) -> socket.socket:
        """A socket that is connected to an address.

        Args:
            address: from the register.
            timeout: seconds that the socket will wait for anything.

        Raises:
            OSError: nobody listens there, or the system refused.
        """
        connection = _unix_socket()
        try:
            connection.settimeout(timeout)
            with self._fitting(self._path(address)) as short:
                connection.connect(short)
        except BaseException:  # whatever it is goes on to the caller
            connection.close()
            raise
        return connection

    def answer(self, address: str) -> Answer:
        """Whether somebody listens at an address."""
        try:
            self.connect(address, 1.0).close()
        except (BlockingIOError, TimeoutError):
            # So many wait to be heard that one more may not: the socket is in use.
            return Answer.LISTENING
        except ConnectionRefusedError:
            return Answer.REFUSED
        except OSError:
            return Answer.NOTHING
        return Answer.LISTENING

    def remove(self, address: str) -> None:
        """Removes what is left of a socket that nobody listens on any more."""
        path = self._path(address)
        # It is in nobody's way, so what cannot be removed stays.
        with suppress(OSError):
            path.unlink()
        if path.parent.name.startswith(_TEMPORARY):
            with suppress(OSError):
                path.parent.rmdir()

    def names(self) -> list[ExecutionId]:
        """The executions that have a socket in the folder, living or not."""
        try:
            paths = list(self._folder.iterdir())
        except OSError:
            return []
        return [path.name.removesuffix(_SUFFIX) for path in paths if path.suffix == _SUFFIX]

    def sweep(self, names: Collection[ExecutionId]) -> None:
        """Removes those of the sockets that nobody listens on."""
        for name in names:
            address = f"{_SCHEME}{name}{_SUFFIX}"
            if self.answer(address) is Answer.REFUSED:
                self.remove(address)

    def _path(self, address: str) -> Path:
        return self._folder / address.removeprefix(_SCHEME)

    def _listening(self, path: Path) -> socket.socket:
        """It gets its name once it listens: one of that name that refuses is a dead one's."""
        unborn = path.with_name(f"{path.name}.new")
        listening = _unix_socket()
        try:
            listening.setblocking(False)
            with self._fitting(unborn) as short:
                listening.bind(short)
            unborn.chmod(0o600)
            listening.listen(_BACKLOG)
            unborn.rename(path)
        except BaseException:  # whatever it is goes on to the caller
            listening.close()
            unborn.unlink(missing_ok=True)
            raise
        return listening

    @contextmanager
    def _fitting(self, path: Path) -> Generator[str]:
        """A name of the path that fits the address of a socket."""
        if len(os.fsencode(path)) <= _LONGEST:
            yield str(path)
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            yield str(self._proc / "self/fd" / str(folder) / path.name)
        finally:
            os.close(folder)


def _unix_socket() -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("this system has no Unix sockets")
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
