"""Which process runs an execution: a number that is given again tells too little."""

from __future__ import annotations

import msgspec


class Machine(msgspec.Struct, frozen=True):
    """A running system, as far as one process of it can tell it from others.

    Attributes:
        host: its network name.
        machine_id: stays the same when the machine starts anew; none where there is no such ID.
        boot_id: another one each time the machine starts; none where the system does not tell.
        pid_namespace: where process IDs have their meaning: containers of one machine share a boot
            but not this; none where there is no such thing.
    """

    host: str
    machine_id: str | None = None
    boot_id: str | None = None
    pid_namespace: str | None = None


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process that is told from a later one with the same number.

    Attributes:
        pid: its number.
        started: when it was started, in clock ticks since the machine was; none where not known.
        machine: where it runs.
    """

    pid: int
    started: int | None
    machine: Machine
