"""The control sockets of executions, and the monitor that marks lost ones."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from peaceful._errors.running import (
    AlreadyEnded,
    ExecutionUnknown,
    FileInaccessible,
    StorageError,
)
from peaceful._executions.liveness import (
    PROC,
    Liveness,
    ProcessProbe,
    liveness,
    started_at,
    this_process,
)
from peaceful._executions.records import (
    ExecutionRecord,
    ExecutionStore,
    ProcessIdentity,
    mark_lost,
)
from peaceful._executions.running import KeptEndings, executions_in
from peaceful._model.clock import Clock
from peaceful._model.codec import ExecutionId, ProfileName

if TYPE_CHECKING:
    from peaceful._storage.workspace import Workspace

_LOG = logging.getLogger("peaceful.executions")

LockHolders: TypeAlias = Callable[[ProfileName], ExecutionId | None]
"""Returns the execution that holds a profile's lock: None if nobody does, empty if not known.

It is trusted where executions hold the lock from before they are registered until they have ended.
"""

RUNNING_HERE: Final[set[ExecutionId]] = set()
"""The executions that this process runs: a fact of the process, like its PID."""

_LONGEST: Final = 100
"""Bytes of a path that fit a socket's address everywhere: Linux takes 107, others 103."""

_BACKLOG: Final = 128
_SUFFIX: Final = ".sock"
_SCHEME: Final = "unix:"
_TEMPORARY: Final = "peaceful-"


class ControlSockets:
    """The control sockets of one workspace, in a folder that the first one creates (mode 0700).

    An address is `unix:` and a name in the folder, so that it holds wherever the workspace is
    mounted; or, if no socket can be created there, `unix:` and a path in a temporary folder.
    """

    def __init__(self, folder: Path, proc: Path = PROC) -> None:
        self.folder: Final = folder.absolute()
        self._proc = proc

    def listen(self, execution_id: ExecutionId) -> tuple[socket.socket, str]:
        """Return a listening socket for an execution, and its address. Raises `OSError`."""
        name = f"{execution_id}{_SUFFIX}"
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.folder.chmod(0o700)
            return self._listening(self.folder / name), f"{_SCHEME}{name}"
        except OSError:
            # Not every file system holds sockets, and not every system shortens a path.
            elsewhere = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        try:
            return self._listening(elsewhere / "s"), f"{_SCHEME}{elsewhere / 's'}"
        except OSError:
            elsewhere.rmdir()
            raise

    def connect(self, address: str, timeout: float) -> socket.socket:
        """Return a socket connected to an address; it waits `timeout` seconds at most.

        Raises `OSError`.
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

    def answer(self, address: str) -> Liveness:
        """Return whether somebody listens on an address.

        The socket of a process that is gone is refused by the system. Where there is none, or it
        cannot be connected to, nothing is known.
        """
        try:
            self.connect(address, 1.0).close()
        except (BlockingIOError, TimeoutError):
            # So many wait to be heard that one more may not: the socket is in use.
            return Liveness.ALIVE
        except ConnectionRefusedError:
            return Liveness.GONE
        except OSError:
            return Liveness.UNKNOWN
        return Liveness.ALIVE

    def remove(self, address: str) -> None:
        """Remove a socket that nobody listens on any more."""
        path = self._path(address)
        # It is in nobody's way, so what cannot be removed stays.
        with suppress(OSError):
            path.unlink()
        if path.parent.name.startswith(_TEMPORARY):
            with suppress(OSError):
                path.parent.rmdir()

    def names(self) -> list[ExecutionId]:
        """Return the executions that have a socket in the folder, alive or not."""
        return executions_in(self.folder, _SUFFIX)

    def sweep(self, names: Collection[ExecutionId]) -> None:
        """Remove those of the sockets that nobody listens on."""
        for name in names:
            address = f"{_SCHEME}{name}{_SUFFIX}"
            if self.answer(address) is Liveness.GONE:
                self.remove(address)

    def _path(self, address: str) -> Path:
        return self.folder / address.removeprefix(_SCHEME)

    def _listening(self, path: Path) -> socket.socket:
        """Bind under another name until it listens: then a socket that refuses is a dead one's."""
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
        """Yield a name of the path that fits a socket's address."""
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


class LivenessMonitor:
    """Marks executions of one register as lost whose process is gone."""

    def __init__(
        self,
        store: ExecutionStore,
        sockets: ControlSockets,
        clock: Clock,
        lock_holders: LockHolders | None = None,
        proc: Path = PROC,
    ) -> None:
        self.store = store
        self.sockets = sockets
        self.endings = KeptEndings(sockets.folder)
        self.clock = clock
        self._lock_holders = lock_holders
        self._proc = proc
        self._process: ProcessIdentity | None = None

    @property
    def process(self) -> ProcessIdentity:
        """This process; another one after a fork."""
        if self._process is None or self._process.pid != os.getpid():
            self._process = this_process(self._proc)
        return self._process

    def liveness_of(self, record: ExecutionRecord) -> Liveness:
        """Return whether the process of an execution is there, and still runs it."""
        process = record.process
        if process == self.process:
            return Liveness.ALIVE if record.id in RUNNING_HERE else Liveness.GONE
        here = self.process.machine
        probe = ProcessProbe(here, lambda pid: started_at(pid, self._proc), self.sockets.answer)
        found = liveness(process, record.address, probe)
        if found is Liveness.UNKNOWN and self._lock_holders and process.machine.host == here.host:
            holder = self._lock_holders(record.info.profile)
            return Liveness.UNKNOWN if holder in {"", record.id} else Liveness.GONE
        return found

    def mark_if_lost(self, record: ExecutionRecord) -> ExecutionRecord:
        """Return the record as it is now; mark it as lost if its process left without an ending."""
        if record.state.ended:
            return record
        kept = self.endings.get(record.id)
        if kept is not None:
            self._enter(kept)
            return kept
        if self.liveness_of(record) is not Liveness.GONE:
            return record
        try:
            after = self.store.mark_lost(record.id, self.clock.now())
        except FileInaccessible as error:
            # The register is read-only: the answer is right all the same.
            _LOG.debug("a lost execution was not marked: %s", error)
            return mark_lost(record, self.clock.now())
        if record.address is not None:
            self.sockets.remove(record.address)
        return after

    def enter_endings(self) -> None:
        """Enter the endings in the register that were kept beside it."""
        for record in self.endings.all():
            self._enter(record)

    def _enter(self, record: ExecutionRecord) -> None:
        assert record.outcome is not None
        try:
            try:
                self.store.finish(record.id, record.outcome)
            except ExecutionUnknown:
                # In a register that has begun anew since.
                if self.store.insert(record).id != record.id:
                    return
            except AlreadyEnded:
                pass
            self.endings.drop(record.id)
        except (StorageError, OSError) as error:
            _LOG.debug("a kept ending was not entered in the register: %s", error)

    def mark_all_lost(self) -> None:
        """Mark every execution as lost whose process left without an ending."""
        self.enter_endings()
        for record in self.store.unended():
            self.mark_if_lost(record)

    def sweep(self) -> None:
        """Remove sockets that killed processes left behind."""
        names = self.sockets.names()
        # Asked after the names, so that one that starts meanwhile is not taken for an old one. The
        # sockets of those that have not ended are left: by them, others may see that they are gone.
        unended = {record.id for record in self.store.unended()}
        self.sockets.sweep([name for name in names if name not in unended])


def lock_holders_of(workspace: Workspace) -> LockHolders:
    """Return a function that reads who holds a profile's lock from the workspace's files."""

    def holder_of(profile: ProfileName) -> ExecutionId | None:
        from peaceful._storage.lock import FileLock  # few executions need it

        lock = FileLock(workspace.lock_file(profile))
        if not lock.is_locked():
            return None
        holder = lock.holder()
        # It may just have been taken, and nothing written yet.
        return "" if holder is None else holder.execution_id

    return holder_of
