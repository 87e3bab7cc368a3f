"""Whether the process that runs an execution is still there. Where it cannot be known, no guess."""

from __future__ import annotations

import enum
from collections.abc import Callable

import msgspec

from peaceful.executions._identity import Machine, ProcessIdentity
from peaceful.executions._proc import Unseen


class Liveness(enum.Enum):
    """What is known of a process that runs an execution."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


class Answer(enum.Enum):
    """What comes back where a process said that it listens."""

    LISTENING = "listening"
    REFUSED = "refused"
    """The socket is there, and the process that listened is not."""
    NOTHING = "nothing"
    """No socket is there, or it cannot be asked."""


class Witness(msgspec.Struct, frozen=True):
    """How one process sees others.

    Attributes:
        machine: where it runs.
        started_at: when a process of this machine was started, as `ProcessIdentity.started`.
        answer: what comes back from an address of the register.
    """

    machine: Machine
    started_at: Callable[[int], int | Unseen]
    answer: Callable[[str], Answer]


def liveness(process: ProcessIdentity, address: str | None, witness: Witness) -> Liveness:
    """Whether the process is still there.

    A process of this machine and boot is looked up by its number and the time when it was started.
    In another container its number means nothing here; then the socket that it listens on tells,
    which the kernel closes with it. When the machine has been started anew since, the process is
    gone. Another machine's processes cannot be judged.

    Args:
        process: what the register holds of it.
        address: where it listens, or none.
        witness: who looks.
    """
    was, here = process.machine, witness.machine
    if was.boot_id is not None and was.boot_id == here.boot_id:
        if was.pid_namespace == here.pid_namespace:
            return _by_number(process, address, witness)
        return _by_socket(address, witness)
    if was.host != here.host or _differ(was.machine_id, here.machine_id):
        return Liveness.UNKNOWN
    if _differ(was.boot_id, here.boot_id):
        return Liveness.GONE
    return _by_number(process, address, witness)


def _by_number(process: ProcessIdentity, address: str | None, witness: Witness) -> Liveness:
    started = witness.started_at(process.pid)
    if started is Unseen.GONE:
        return Liveness.GONE
    if isinstance(started, int) and process.started is not None:
        return Liveness.ALIVE if started == process.started else Liveness.GONE
    return _by_socket(address, witness)


def _by_socket(address: str | None, witness: Witness) -> Liveness:
    if address is None:
        return Liveness.UNKNOWN
    match witness.answer(address):
        case Answer.LISTENING:
            return Liveness.ALIVE
        case Answer.REFUSED:
            return Liveness.GONE
        case Answer.NOTHING:
            return Liveness.UNKNOWN


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other
