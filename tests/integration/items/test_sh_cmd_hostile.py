"""Scripts that mean no good: they print without end, hold on to pipes, and will not go."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from peaceful import Flow, ItemStatus
from peaceful.commands import Complete, ItemProgressed
from peaceful.items import ScriptFailed, ShCmd, ShCmdState
from peaceful.testing import FlowHarness, ItemHarness


def applying(script: str, folder: Path, **more: object) -> ItemHarness[ShCmdState]:
    """A harness around a script that is to make the file `it`."""
    fields: dict[str, object] = {"check": "test -e it", "apply": script, "cwd": folder, **more}
    return ItemHarness(ShCmd.model_validate(fields), folder)


def messages(harness: ItemHarness[ShCmdState]) -> list[str]:
    """What was told of it, in order."""
    told = [event.progress.message for event in harness.sink.of(ItemProgressed)]
    return [message for message in told if message]


@pytest.mark.parametrize(
    "script",
    [
        "seq 1000000 | tail -c 5000000; echo last; touch it",
        "seq 1000000 | tail -c 5000000 >&2; echo last >&2; touch it",
        "seq 1000000 | tr '\\n' '\\r' | tail -c 5000000; printf '\\rlast'; touch it",
    ],
    ids=["stdout", "stderr", "carriage returns"],
)
async def test_a_flood_of_lines_is_told_as_fast_as_one_reads(script: str, tmp_path: Path) -> None:
    """The last line counts; of those that come too fast, only some are told."""
    harness = applying(script, tmp_path)
    began = time.monotonic()

    result = await harness.result_of("ensure")

    assert result.message == "last"
    assert len(messages(harness)) <= 2 + (time.monotonic() - began) / 0.05


@pytest.mark.parametrize("how", ["tr '\\0' x", "cat", "tr '\\0' '\\377'"])
async def test_output_without_lines_is_no_burden(how: str, tmp_path: Path) -> None:
    """A hundred megabytes in one line, of letters or of what is no text."""
    harness = applying(f"head -c 100000000 /dev/zero | {how}; touch it", tmp_path)

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE


async def test_the_end_of_a_flood_is_in_the_error(tmp_path: Path) -> None:
    """However much came before, the last lines of the error output tell what was wrong."""
    harness = applying("seq 300000; seq 300000 >&2; echo why >&2; exit 3", tmp_path)

    with pytest.raises(ScriptFailed, match="exit code 3") as caught:
        await harness.result_of("ensure")
    tail = dict(caught.value.details)["its last output"].split("\n")
    assert tail[-3:] == ["299999", "300000", "why"]
    assert len(tail) <= 12


async def test_what_a_script_leaves_running_is_waited_for(tmp_path: Path) -> None:
    """An item is not done while something of it still runs."""
    harness = applying("(sleep 0.3; touch it) & exit 0", tmp_path)

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE


async def test_what_left_the_group_holds_nothing_up(tmp_path: Path) -> None:
    """A daemon that keeps the pipe open is its own affair."""
    fifo = tmp_path / "end"
    script = f"mkfifo {fifo}; setsid sh -c 'cat {fifo}' & touch it"
    harness = applying(script, tmp_path)

    async with asyncio.timeout(20):
        assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    await asyncio.to_thread(fifo.write_text, "")


@pytest.mark.parametrize(
    ("script", "says"),
    [("kill -9 $$", "signal 9"), ("kill -SEGV $$", "signal 11"), ("exit 126", "exit code 126")],
)
async def test_any_end_but_a_good_one_is_a_failure(script: str, says: str, tmp_path: Path) -> None:
    """By signal too."""
    with pytest.raises(ScriptFailed, match=f"ended with {says}"):
        await applying(script, tmp_path).result_of("ensure")


@pytest.mark.parametrize("name", ["current", "goal", "diff"])
async def test_output_that_is_no_text_is_told(name: str, tmp_path: Path) -> None:
    """Other bytes would pass for the same, once they are replaced; nobody reads what check says."""
    scripts = {"current": "echo a", "goal": "echo b", "diff": "echo c", "apply": "true"}
    scripts[name] = r"printf 'ab\377'"

    with pytest.raises(ScriptFailed, match=r"no UTF-8, from byte 3 on") as failed:
        await ItemHarness(ShCmd.model_validate(scripts), tmp_path).result_of("ensure")
    assert failed.value.script == name
    item = ShCmd(check=r"printf '\377'", apply="false")
    assert (await ItemHarness(item, tmp_path).result_of("ensure")).status is ItemStatus.UNCHANGED


async def test_a_folder_that_an_earlier_item_brings_is_not_missed(tmp_path: Path) -> None:
    """Before it is there, and after it is gone, commands that only look do not fail."""

    def declare(flow: Flow) -> None:
        folder = ShCmd(check="test -d sub", apply="mkdir sub", clean="rm -rf sub", cwd=tmp_path)
        file = ShCmd(check="test -e it", apply="touch it", clean="rm it", cwd=tmp_path / "sub")
        before, after = flow.add("folder", folder), flow.add("file", file)
        flow.edge(before, after)

    harness = FlowHarness(declare, tmp_path)
    for command in ("discover", "diff", "ensure", "diff", "clean", "clean", "diff"):
        assert isinstance(await getattr(harness, command)(), Complete), command
    assert not (tmp_path / "sub").exists()
