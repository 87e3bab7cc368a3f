"""Whether an execution's process is still there."""

from __future__ import annotations

from typing import TypeAlias

import pytest

from peaceful._executions.liveness import Liveness, ProcessProbe, liveness
from peaceful._executions.records import Machine, ProcessIdentity

HERE = Machine("alpha", machine_id="m1", boot_id="b1", pid_namespace="n1")
RESTARTED = Machine("alpha", machine_id="m1", boot_id="b0", pid_namespace="n1")
CONTAINER = Machine("c0ffee", machine_id=None, boot_id="b1", pid_namespace="n2")
OTHER = Machine("beta", machine_id="m2", boot_id="b2", pid_namespace="n1")
SAME_NAME = Machine("alpha", machine_id="m2", boot_id="b2", pid_namespace="n1")
NO_BOOT_ID = Machine("alpha")
GONE = ProcessLookupError()
Seen: TypeAlias = int | ProcessLookupError | None


def found(
    machine: Machine,
    *,
    started: int | None = 100,
    looked_up: Seen = 100,
    answer: Liveness = Liveness.UNKNOWN,
    address: str | None = "unix:a",
    here: Machine = HERE,
) -> Liveness:
    """What is found of process 7 of a machine."""

    def started_at(pid: int) -> int | None:
        if pid != 7 or isinstance(looked_up, ProcessLookupError):
            raise ProcessLookupError
        return looked_up

    probe = ProcessProbe(here, started_at, lambda _: answer)
    return liveness(ProcessIdentity(7, started, machine), address, probe)


def test_same_number_same_start() -> None:
    """A process with that number, started then, is the one."""
    assert found(HERE) is Liveness.ALIVE


def test_number_given_again() -> None:
    """A process with that number, started at another time, is another one."""
    assert found(HERE, looked_up=101) is Liveness.GONE


def test_no_such_number() -> None:
    """Without a process of that number it is gone, whatever its socket seems to say."""
    assert found(HERE, looked_up=GONE, answer=Liveness.ALIVE) is Liveness.GONE


def test_restarted_machine() -> None:
    """Nothing outlives a restart of the machine."""
    assert found(RESTARTED) is Liveness.GONE


@pytest.mark.parametrize("machine", [OTHER, SAME_NAME])
@pytest.mark.parametrize("looked_up", [100, GONE])
@pytest.mark.parametrize("answer", list(Liveness))
def test_other_machines(machine: Machine, looked_up: Seen, answer: Liveness) -> None:
    """A process of another machine, even one of the same name, is not judged."""
    assert found(machine, looked_up=looked_up, answer=answer) is Liveness.UNKNOWN


@pytest.mark.parametrize("answer", list(Liveness))
def test_other_containers(answer: Liveness) -> None:
    """In another container of the same machine, a number means nothing: the socket tells."""
    assert found(CONTAINER, looked_up=GONE, answer=answer) is answer


@pytest.mark.parametrize("answer", list(Liveness))
def test_hidden_processes(answer: Liveness) -> None:
    """Where the system hides when a process was started, the socket tells."""
    assert found(HERE, looked_up=None, answer=answer) is answer


@pytest.mark.parametrize("answer", list(Liveness))
def test_start_not_recorded(answer: Liveness) -> None:
    """Where it was not recorded when the process was started, the socket tells."""
    assert found(HERE, started=None, answer=answer) is answer


def test_no_socket() -> None:
    """Without a socket that could tell, it is not known."""
    assert found(CONTAINER, address=None) is Liveness.UNKNOWN


def test_no_boot_ids() -> None:
    """Where systems have no boot IDs, the machine's name and the process tell."""
    gone = found(NO_BOOT_ID, here=NO_BOOT_ID, started=None, looked_up=GONE)
    assert gone is Liveness.GONE
    there = found(
        NO_BOOT_ID,
        here=NO_BOOT_ID,
        started=None,
        looked_up=None,
        answer=Liveness.ALIVE,
    )
    assert there is Liveness.ALIVE
