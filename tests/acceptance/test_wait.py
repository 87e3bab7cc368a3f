"""`--wait`: a command on a busy profile begins when that is free, and can be given up meanwhile."""

from __future__ import annotations

import signal
from itertools import pairwise

import pytest
from shell import Running
from slow_files_shell import SlowFiles


def busy(slow: SlowFiles, seconds: float = 60) -> Running:
    """An execution in which an item is in progress."""
    slow.init(2, seconds, "--chunks", "100", layers=2)
    running = slow.start("ensure")
    running.until("change_started")
    return running


def waiting(slow: SlowFiles, *words: str) -> Running:
    """A command that waits, and has said so."""
    started = slow.start(*words)
    told = started.until("output")["text"]
    assert told.startswith("default is running ensure since ")
    assert "until it is free" in told
    return started


def test_one_after_the_other(slow: SlowFiles) -> None:
    """Whoever waits gets the profile, each alone; what was stored meanwhile counts."""
    running = busy(slow)
    others = [
        waiting(slow, "--wait", "ensure"),
        waiting(slow, "clean", "--wait=600"),
        waiting(slow, "diff", "--wait", "600"),
    ]
    slow.run("init", "--seconds", "0")
    running.send(signal.SIGTERM)
    running.end(expect=143)
    for other in others:
        ended = other.end(expect=0)
        assert ended.document["execution_id"]
    listed = slow.json("executions", "list")["executions"]
    assert {each["command"] for each in listed} == {"ensure", "clean", "diff"}
    times = sorted((each["started_at"], each["ended_at"]) for each in listed)
    assert all(before[1] <= after[0] for before, after in pairwise(times))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_giving_up(slow: SlowFiles, number: signal.Signals, code: int) -> None:
    """A signal ends the waiting at once; nothing was started, and nobody else is disturbed."""
    running = busy(slow)
    other = waiting(slow, "ensure", "--wait")
    other.send(number)
    ended = other.end(expect=code, within=5)
    assert ended.document["execution_id"] is None
    assert ended.document["outcome"] == "execution_interrupted"
    words = ("states", "forget", "file_1", "--wait", "--progress", "json")
    told = slow.shell.start("slow_files", *words)
    told.until("output")
    told.send(number)
    assert "nothing was started" in told.end(expect=code, within=5).out
    (listed,) = slow.json("executions", "list")["executions"]
    assert listed["id"] == running.until("execution_started")["execution"]["id"]
    assert listed["state"] == "running"


@pytest.mark.parametrize(
    "words",
    [
        ("ensure",),
        ("plan",),
        ("discover",),
        ("states", "forget", "file_1"),
        ("states", "backup", "file"),
        ("profile", "delete", "default", "--yes"),
        ("profile", "rename", "default", "other"),
    ],
)
def test_too_long(slow: SlowFiles, words: tuple[str, ...]) -> None:
    """After so many seconds, the command ends as it does without waiting."""
    busy(slow)
    document = slow.json(*words, "--wait", "0.2", expect=3)
    assert document["errors"][""]["code"] == "BUSY"


def test_what_is_done_to_a_profile(slow: SlowFiles) -> None:
    """Waits, too: as a whole, it is one of those that are one after the other."""
    running = busy(slow)
    others = [
        waiting(slow, "states", "backup", "file", "--wait"),
        waiting(slow, "profile", "rename", "default", "other", "--wait"),
    ]
    running.send(signal.SIGTERM)
    running.end(expect=143)
    codes = [other.end().code for other in others]
    # Renamed first, there is no such profile to be backed up any more.
    assert codes in ([0, 0], [2, 0])
    assert slow.json("profile", "list")["profiles"] == ["other"]


def test_a_free_profile(slow: SlowFiles) -> None:
    """There is nothing to wait for, and nothing said; the lock is let go before the end is told."""
    slow.init(2, 0)
    ended = slow.start("ensure", "--wait").end(expect=0)
    assert not ended.told("output")
    assert set(slow.statuses("ensure", "--wait", "0").values()) == {"unchanged"}


@pytest.mark.parametrize("text", ["soon", "-1", "nan", ""])
def test_no_seconds(slow: SlowFiles, text: str) -> None:
    """What is no number of seconds is refused."""
    slow.init(1, 0)
    error = slow.run("ensure", f"--wait={text}", expect=2).err
    assert f"--wait is {text!r}" in error
