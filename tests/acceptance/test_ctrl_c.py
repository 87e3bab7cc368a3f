"""Ctrl-C on a real terminal: what is in progress finishes, nothing new starts, it carries on."""

from __future__ import annotations

import time
from datetime import datetime

from keyboard import Keyboard
from shell import Ended
from slow_files_shell import SlowFiles

ITEMS = 40
AT_ONCE = ("--max-concurrency", "4")
SECONDS = 0.25

PARTS_OF_THE_DOCUMENT = [
    "execution_id",
    "app",
    "profile",
    "flow",
    "command",
    "dry_run",
    "outcome",
    "interrupt",
    "items",
    "errors",
    "started_at",
    "ended_at",
    "warnings",
    "approvals",
    "by_plan",
]


def in_progress_when_interrupted(ended: Ended) -> list[str]:
    """The items that were in progress when the interrupt came; afterwards none may start."""
    request = ended.told("interrupt_requested")[0]
    after = ended.events[ended.events.index(request) :]
    assert not [event for event in after if event["event"] == "item_started"]
    items: list[str] = request["in_progress"]
    return items


def test_safe_stop(slow: SlowFiles, keyboard: Keyboard) -> None:
    """Ctrl-C: what is in progress finishes, nothing new starts, and the document says it all."""
    slow.init(ITEMS, SECONDS)
    running = slow.start("ensure", *AT_ONCE, terminal=keyboard.terminal)
    running.until("item_ended", 6)
    keyboard.ctrl_c()
    pressed = time.monotonic()
    ended = running.end(expect=130)
    took = time.monotonic() - pressed

    finishing = in_progress_when_interrupted(ended)
    # Those of which only the state is on its way to the disk have given their place to others.
    assert len(finishing) >= 4
    statuses = ended.statuses()
    assert {statuses[item] for item in finishing} == {"done"}
    done = {item for item, status in statuses.items() if status == "done"}
    assert done == slow.files().keys() == set(ended.items("item_ended"))
    assert {status for item, status in statuses.items() if item not in done} == {"not_started"}
    assert len(statuses) == ITEMS
    assert took < SECONDS + 2, "it leaves when the last of them has finished"

    document = ended.document
    assert list(document) == PARTS_OF_THE_DOCUMENT
    assert (document["app"], document["flow"]) == ("slow_files", "slow_files")
    assert (document["profile"], document["command"]) == ("default", "ensure")
    assert (document["outcome"], document["errors"]) == ("block_interrupted", {})
    assert document["interrupt"].pop("requested_at") > document["started_at"]
    assert document["interrupt"] == {"level": "stop", "source": "SIGINT", "reason": None}
    assert document["items"]["file_01"]["state"] == {"content": "file_01", "chunks": None}
    assert document["items"]["file_40"] == {
        "status": "not_started",
        "state": None,
        "message": "interrupted before it started",
    }
    times = [datetime.fromisoformat(document[name]) for name in ("started_at", "ended_at")]
    assert times == sorted(times)
    assert not running.processes()


def test_carrying_on(slow: SlowFiles, keyboard: Keyboard) -> None:
    """The same command carries on and repeats nothing; once all is done, it changes nothing."""
    slow.init(ITEMS, 0.1)
    first = slow.start("ensure", *AT_ONCE, terminal=keyboard.terminal)
    first.until("item_ended", 10)
    keyboard.ctrl_c()
    first.end(expect=130)
    before = slow.files()
    assert 10 <= len(before) < ITEMS

    resumed = slow.start("ensure", *AT_ONCE).end(expect=0)
    after = slow.files()
    assert len(after) == ITEMS
    assert {item: after[item] for item in before} == before
    statuses = resumed.statuses()
    assert {item for item, status in statuses.items() if status == "unchanged"} == before.keys()
    assert {statuses[item] for item in after.keys() - before.keys()} == {"done"}
    assert (resumed.document["outcome"], resumed.document["interrupt"]) == ("complete", None)

    for _ in range(2):
        assert set(slow.statuses("ensure").values()) == {"unchanged"}
        assert slow.files() == after


def test_outcome_for_people(slow: SlowFiles, keyboard: Keyboard) -> None:
    """After Ctrl-C a person reads what is done, what is not, and how to carry on: in 12 lines."""
    slow.init(ITEMS, SECONDS)
    progress = ("--progress", "json", "--format", "text")
    running = slow.shell.start(
        "slow_files", "ensure", *AT_ONCE, *progress, terminal=keyboard.terminal
    )
    running.until("item_ended", 4)
    keyboard.ctrl_c()
    out = running.end(expect=130).out
    assert len(out.splitlines()) <= 12
    lines = [line for line in out.splitlines() if line[2:14].strip()]
    rows = {line[:14].strip(): line[14:].split()[0] for line in lines}
    done = len(slow.files())
    assert (rows["done"], rows["not started"]) == (str(done), str(ITEMS - done))
    assert "interrupted" in out
    assert "Carry on with: slow_files ensure" in out
