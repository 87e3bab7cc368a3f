"""Two people, two processes: one execution at a time for a profile, and each can interrupt it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pytest
from processes import eventually
from shell import Running
from slow_files_shell import SlowFiles


def busy(slow: SlowFiles, seconds: float = 60) -> Running:
    """An execution in which two items are in progress."""
    slow.init(8, seconds, "--chunks", "1000", layers=4)
    running = slow.start("ensure")
    running.until("change_started", 2)
    return running


def id_of(running: Running) -> str:
    """The ID of its execution."""
    found = running.until("execution_started")["execution"]["id"]
    assert isinstance(found, str)
    return found


def test_busy(slow: SlowFiles) -> None:
    """A second command on the same profile is refused, and told of the first and how to stop it."""
    running = busy(slow)
    execution = id_of(running)
    said = " ".join(slow.shell.run("slow_files", "ensure", expect=3).err.split())
    assert said.startswith("Error BUSY: default is running ensure since ")
    assert f"(pid {running.pid})" in said
    assert f"execution {execution}." in said
    assert f"slow_files interrupt {execution}" in said
    assert f"slow_files executions show {execution}" in said
    for command in ("ensure", "clean", "discover", "diff"):
        document = slow.json(command, expect=3)
        assert (document["outcome"], document["command"]) == ("error", command)
        assert document["errors"][""]["code"] == "BUSY"
        assert execution in document["errors"][""]["message"]


def test_looking_while_busy(slow: SlowFiles) -> None:
    """What only looks is not refused while something runs."""
    running = busy(slow)
    execution = id_of(running)
    assert set(slow.json("status")["states"]) == {f"file_{number}" for number in range(1, 9)}
    (listed,) = slow.json("executions", "list")["executions"]
    assert (listed["id"], listed["state"]) == (execution, "running")
    shown = slow.json("executions", "show", execution[:-4])
    assert shown["can_interrupt"]
    assert set(shown["progress"]["running"]) == {"file_1", "file_2"}
    assert "Stop it with: slow_files interrupt" in slow.run("executions", "show", execution).out


def test_other_profile(slow: SlowFiles) -> None:
    """Executions of different profiles run at the same time, and are interrupted apart."""
    first = busy(slow)
    slow.run("switch", "other", "--create", "--dest", str(slow.dest / "other"))
    slow.run("init", "--seconds", "60", "--chunks", "1000", "--items", "8")
    second = slow.start("ensure")
    second.until("change_started", 2)
    running = slow.json("executions", "list")["executions"]
    assert [(each["profile"], each["state"]) for each in running] == [
        ("other", "running"),
        ("default", "running"),
    ]
    error = slow.run("interrupt", expect=2).err
    assert "2 executions are running; say which one" in " ".join(error.split())
    assert id_of(first) in error
    assert id_of(second) in error
    slow.run("interrupt", id_of(first))
    first.end(expect=130)
    slow.run("interrupt")
    second.end(expect=130)
    assert not {**first.processes(), **second.processes()}


def test_free_after_kill(slow: SlowFiles) -> None:
    """After `kill -9` the profile is free at once; before, it is not."""
    running = busy(slow)
    slow.run("ensure", expect=3)
    running.kill()
    slow.init(8, 0, "--chunks", "1")
    assert set(slow.statuses("ensure").values()) == {"done"}


@pytest.mark.parametrize("by_id", [True, False])
def test_interrupt(slow: SlowFiles, by_id: bool) -> None:
    """Another process interrupts an execution, with its reason; again changes nothing."""
    running = busy(slow, 3)
    words = [id_of(running)] if by_id else []
    receipt = slow.json("interrupt", *words, "--reason", "wrong Zürich 🚌")
    assert receipt["execution_id"] == id_of(running)
    assert (receipt["level"], receipt["changed"]) == ("stop", True)
    ended = running.end(expect=130)
    interrupt = ended.document["interrupt"]
    assert datetime.fromisoformat(interrupt.pop("requested_at")) == datetime.fromisoformat(
        receipt["requested_at"]
    )
    assert interrupt == {"level": "stop", "source": "command", "reason": "wrong Zürich 🚌"}
    shown = slow.run("executions", "show", id_of(running)).out
    assert "wrong Zürich 🚌" in shown

    too_late = slow.json("interrupt", id_of(running), expect=1)
    assert too_late["errors"][""]["code"] == "EXECUTION-ENDED"
    nothing = slow.json("interrupt", expect=1)
    assert nothing["errors"][""]["code"] == "NOTHING-RUNNING"
    unknown = slow.json("interrupt", "0000", expect=2)
    assert unknown["errors"][""]["code"] == "EXECUTION-UNKNOWN"


def test_interrupt_again(slow: SlowFiles) -> None:
    """A repeated interrupt changes nothing; only a level that is asked for by name is higher."""
    slow.init(2, 60, "--child", layers=1)
    running = slow.start("ensure")
    running.until("change_started", 2)
    first = slow.json("interrupt")
    again = slow.json("interrupt")
    assert (first["changed"], again["changed"]) == (True, False)
    assert again == {**first, "changed": False}
    (listed,) = slow.json("executions", "list")["executions"]
    assert listed["state"] == "interrupting"
    assert slow.json("interrupt", "--level", "kill")["level"] == "kill"
    ended = running.end(expect=130)
    assert not running.processes()
    assert ended.document["interrupt"]["level"] == "kill"
    assert set(ended.statuses().values()) == {"abandoned"}


def test_cancel_by_name(slow: SlowFiles) -> None:
    """CANCEL can be asked for at once; of items that work in parts, the finished parts count."""
    slow.init(2, 9, "--child", "--chunks", "3", layers=1)
    running = slow.start("ensure")

    def both_are_at_the_second_part() -> bool:
        return len(slow.parts_done()) == 2 and sum("sleep" in each for each in children()) == 4

    def children() -> Iterable[str]:
        return running.processes().values()

    # Between two parts, they would stop there.
    assert eventually(both_are_at_the_second_part)
    assert slow.json("interrupt", "--level", "cancel")["level"] == "cancel"
    assert set(running.end(expect=130).statuses().values()) == {"abandoned"}
    assert not running.processes()
    done = slow.parts_done()
    assert done.keys() == {"file_1", "file_2"}

    slow.run("init", "--seconds", "0")
    resumed = slow.start("ensure").end(expect=0)
    assert set(resumed.statuses().values()) == {"done"}
    for event in resumed.told("item_progressed"):
        # At 0 before it knows what is done already.
        assert event["progress"]["done"] == 0 or event["progress"]["done"] >= done[event["item"]]
