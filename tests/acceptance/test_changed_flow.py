"""A flow that changes between an interrupt and its resumption: more, fewer, elsewhere, other."""

from __future__ import annotations

import signal
from collections.abc import Mapping

import pytest
from slow_files_shell import SlowFiles


def interrupted(slow: SlowFiles, items: int, done_first: int) -> set[str]:
    """Interrupts a first run of the flow, once so many items are done.

    Returns:
        The items that are done.
    """
    slow.init(items, 0.05)
    running = slow.start("ensure", "--max-concurrency", "4")
    running.until("item_ended", done_first)
    running.send(signal.SIGINT)
    done = with_status(running.end(expect=130).statuses(), "done")
    assert done_first <= len(done) < items
    slow.run("init", "--seconds", "0")
    return done


def with_status(statuses: Mapping[str, str], wanted: str) -> set[str]:
    """The items that ended in that way."""
    return {item for item, how in statuses.items() if how == wanted}


def test_fewer_items(slow: SlowFiles) -> None:
    """Items that left the flow stay known: shown, left alone by `ensure`, cleaned with the rest."""
    done = interrupted(slow, 40, 26)
    slow.run("init", "--items", "20", "--layers", "2")
    wanted = {f"file_{number:02}" for number in range(1, 21)}
    left = done - wanted
    assert left, "an item that is done has left the flow"
    files = slow.files()

    ended = slow.statuses("ensure")
    assert ended.keys() == wanted
    assert with_status(ended, "unchanged") == done & wanted
    assert {item: slow.files()[item] for item in done} == files
    shown = slow.json("status")
    known = set(shown["not_in_flow"])
    assert left <= known
    # What was being looked at when the interrupt came is known, too: as what is not there.
    assert all(shown["states"][item]["content"] is None for item in known - left)
    contents = {item: shown["states"][item]["content"] for item in left}
    assert contents == {item: item for item in left}
    assert f"{min(left)}  holds '{min(left)}' (no longer in the flow)" in slow.run("status").out

    cleaned = slow.statuses("clean")
    assert with_status(cleaned, "done") == wanted | left
    assert not slow.files()
    after = slow.json("status")
    assert after["states"].keys() == wanted
    assert after["not_in_flow"] == []


def test_more_items(slow: SlowFiles) -> None:
    """Items that are new are done with those that were left."""
    done = interrupted(slow, 12, 3)
    slow.run("init", "--items", "16")
    ended = slow.statuses("ensure")
    assert with_status(ended, "unchanged") == done
    assert len(with_status(ended, "done")) == 16 - len(done)


def test_other_numbering(slow: SlowFiles) -> None:
    """Items that got other names are other items; the old ones are known until they are cleaned."""
    slow.init(9, 0)
    slow.run("ensure")
    slow.run("init", "--items", "10")
    assert len(with_status(slow.statuses("ensure"), "done")) == 10
    assert len(slow.json("status")["not_in_flow"]) == 9
    assert len(slow.files()) == 19
    slow.run("clean")
    assert not slow.files()


@pytest.mark.parametrize("looks_first", [False, True])
def test_other_dest(slow: SlowFiles, looks_first: bool) -> None:
    """With another folder everything is done there, and what was made at the old place is removed.

    What is there of others stays.
    """
    done = interrupted(slow, 12, 3)
    assert done == slow.files().keys()
    (slow.dest / "notes.txt").write_text("of others")
    elsewhere = SlowFiles(slow.shell, slow.dest.with_name("elsewhere"), slow.loaded)
    elsewhere.run("init", "--dest", str(elsewhere.dest))
    if looks_first:
        assert all(elsewhere.json("diff")["diffs"].values())
    planned = elsewhere.statuses("ensure", "--dry-run")
    assert with_status(planned, "would_remove") == {f"{item}__before" for item in done}
    ended = elsewhere.statuses("ensure")
    assert len(with_status(ended, "done")) == 12 + len(done)
    assert len(elsewhere.files()) == 12
    assert [each.name for each in slow.dest.iterdir()] == ["notes.txt"]
    assert elsewhere.json("status")["states"].keys() == elsewhere.files().keys()


def test_other_order(slow: SlowFiles) -> None:
    """With other edges, what is done stays done, whatever waits for what now."""
    done = interrupted(slow, 12, 3)
    files = slow.files()
    for layers in ("12", "1"):
        slow.run("init", "--layers", layers)
        ended = slow.statuses("ensure")
        assert done <= with_status(ended, "unchanged")
        assert {item: slow.files()[item] for item in done} == files
    assert len(slow.files()) == 12


def test_other_parameters_of_items_in_parts(slow: SlowFiles) -> None:
    """Parts that are done count also after the number of parts has changed."""
    slow.init(2, 2, "--chunks", "20", layers=1)
    running = slow.start("ensure")
    running.until("item_progressed", 8)
    running.send(signal.SIGINT)
    running.end(expect=130)
    slow.run("init", "--chunks", "2", "--seconds", "0")
    assert with_status(slow.statuses("ensure"), "done") == {"file_1", "file_2"}
    assert len(slow.files()) == 2


def test_changed_while_cleaning(slow: SlowFiles) -> None:
    """An interrupted `clean` carries on with what is left, and with what has left the flow."""
    slow.init(12, 0)
    slow.run("ensure")
    running = slow.start("clean", "--max-concurrency", "1")
    running.until("block_started", block="Clean")
    running.until("item_ended", 12 + 2)
    running.send(signal.SIGINT)
    ended = running.end()
    assert ended.code in {0, 130}
    slow.run("init", "--items", "4")
    slow.run("clean")
    assert not slow.files()
    assert slow.json("status")["not_in_flow"] == []
