"""The files by which a process is known: its socket, its lock."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from peaceful._errors.running import FileInaccessible
from peaceful._executions.liveness import (
    PROC,
    Answer,
    Liveness,
    SurvivingChild,
    Witness,
    liveness,
    started_at,
    surviving_children,
    this_process,
)
from peaceful._executions.records import ExecutionRecord, ProcessIdentity, lost
from peaceful._executions.store import ExecutionFilter, ExecutionStore
from peaceful._model.clock import Clock
from peaceful._model.execution import ExecutionState
from peaceful._model.field_types import ExecutionId, ProfileName

if TYPE_CHECKING:
    from peaceful._storage.workspace import Workspace


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


_LOG = logging.getLogger("peaceful.executions")

_LATELY: Final = 20
"""How many of the newest lost executions are looked through for children that survived."""

LockHolders: TypeAlias = Callable[[ProfileName], ExecutionId | None]
"""Tells which execution holds the lock of a profile; none where nobody does, empty where not known.

To be trusted where executions hold the lock from before they are registered until they have ended.
"""

_here: Final[set[ExecutionId]] = set()
"""The executions that this process runs: a fact of the process, like its number, whoever asks."""


def arrive(execution_id: ExecutionId) -> None:
    """This process runs the execution from now on."""
    _here.add(execution_id)


def leave(execution_id: ExecutionId) -> None:
    """This process does not run the execution any more."""
    _here.discard(execution_id)


class Presence:
    """Looks after the executions of one register.

    Args:
        store: the register.
        sockets: where executions listen.
        clock: tells the time.
        lock_holders: tells who holds a profile's lock; none where executions do not.
        proc: where the system tells of processes.
    """

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

    def of(self, record: ExecutionRecord) -> Liveness:
        """Whether the process that runs an execution is there, and still runs it."""
        process = record.process
        if process == self.process:
            return Liveness.ALIVE if record.id in _here else Liveness.GONE
        here = self.process.machine
        witness = Witness(here, lambda pid: started_at(pid, self._proc), self.sockets.answer)
        found = liveness(process, record.address, witness)
        if found is Liveness.UNKNOWN and self._lock_holders and process.machine.host == here.host:
            holder = self._lock_holders(record.info.profile)
            return Liveness.UNKNOWN if holder in {"", record.id} else Liveness.GONE
        return found

    def settled(self, record: ExecutionRecord) -> ExecutionRecord:
        """The record as it is now; marked as lost where its process was found gone."""
        if record.state.ended or self.of(record) is not Liveness.GONE:
            return record
        try:
            after = self.store.mark_lost(record.id, self.clock.now())
        except FileInaccessible as error:
            # Who may only read can still be told.
            _LOG.debug("a lost execution was not marked: %s", error)
            return lost(record, self.clock.now())
        if record.address is not None:
            self.sockets.remove(record.address)
        return after

    def settle(self) -> None:
        """Marks every execution as lost whose process is gone."""
        for record in self.store.unended():
            self.settled(record)

    def sweep(self) -> None:
        """Removes sockets that killed processes left behind."""
        names = self.sockets.names()
        # Asked after the names, so that one that starts meanwhile is not taken for an old one. The
        # sockets of those that have not ended are left: by them, others may see that they are gone.
        unended = {record.id for record in self.store.unended()}
        self.sockets.sweep([name for name in names if name not in unended])

    def survivors(self, profile: ProfileName | None) -> list[SurvivingChild]:
        """The child processes of executions that were found lost lately."""
        self.settle()
        wanted = ExecutionFilter(profile=profile, states=(ExecutionState.LOST,))
        records = self.store.page(wanted, limit=_LATELY).records
        return surviving_children(*(record.id for record in records), proc=self._proc)


def lock_holders_of(workspace: Workspace) -> LockHolders:
    """Tells which execution holds the lock of a profile, from the workspace's files.

    Args:
        workspace: where the locks are.
    """

    def holder_of(profile: ProfileName) -> ExecutionId | None:
        from peaceful._storage.lock import ProfileLock  # it loads PyYAML

        lock = ProfileLock(workspace.lock_file(profile))
        if not lock.is_locked():
            return None
        holder = lock.holder()
        # It may just have been taken, and nothing written yet.
        return "" if holder is None else holder.execution_id

    return holder_of
