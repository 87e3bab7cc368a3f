"""Finds executions whose process is gone, whenever somebody looks."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from peaceful.errors import FileInaccessible
from peaceful.executions._identity import ProcessIdentity
from peaceful.executions._liveness import Liveness, Witness, liveness
from peaceful.executions._proc import PROC, started_at, this_process
from peaceful.executions._record import ExecutionRecord, lost
from peaceful.executions._sockets import ControlSockets
from peaceful.executions._store import ExecutionFilter, ExecutionStore
from peaceful.executions._surviving import SurvivingChild, surviving_children
from peaceful.model import Clock, ExecutionId, ExecutionState, ProfileName

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
