"""Things that real shells look after: interrupts, messages, secrets, references."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

import pytest
from interrupt_countdown import Countdown
from pydantic import SecretStr, ValidationError
from waiting import until

from peaceful import Flow, ItemStatus, mapped
from peaceful._item.child_process import group_alive
from peaceful.commands import Complete, ExecutionSettings, ItemProgressed, LadderTimes, StateKind
from peaceful.errors import ItemFailure
from peaceful.interrupt import InterruptLevel
from peaceful.items import ScriptFailed, ShCmd, ShCmdState
from peaceful.testing import FlowHarness, ItemHarness, run_item

SLOW = """
trap 'echo term > ended; exit 1' TERM
touch started
while test ! -e go; do sleep 0.05; done
touch it
"""


def slow(folder: Path) -> ItemHarness[ShCmdState]:
    """A harness around an item that waits for the file `go`."""
    item = ShCmd(check="test -e it", apply=SLOW, clean="rm it", cwd=folder)
    settings = ExecutionSettings(ladder=LadderTimes(cancel_grace=30.0))
    return ItemHarness(item, folder, settings=settings)


async def test_a_stop_leaves_a_running_script_alone(tmp_path: Path) -> None:
    """What is in progress finishes."""
    harness = slow(tmp_path)
    running = asyncio.create_task(harness.ensure())
    await until((tmp_path / "started").exists)

    harness.sender.request()
    (tmp_path / "go").touch()
    outcome = await running

    assert isinstance(outcome, Complete)
    assert outcome.interrupt is not None
    assert outcome.items["item"].status is ItemStatus.DONE


async def test_a_cancel_ends_a_running_script(tmp_path: Path) -> None:
    """The script is asked to end, and the item is abandoned: it has not failed."""
    harness = slow(tmp_path)
    running = asyncio.create_task(harness.ensure())
    await until((tmp_path / "started").exists)

    harness.sender.request(InterruptLevel.CANCEL)
    outcome = await running

    assert outcome.items["item"].status is ItemStatus.ABANDONED
    assert "was ended by the interrupt" in outcome.items["item"].message
    assert (tmp_path / "ended").read_text() == "term\n"
    (tmp_path / "go").touch()
    assert isinstance(await harness.ensure(), Complete)


async def test_a_kill_leaves_no_process_behind(tmp_path: Path) -> None:
    """Not even such as do not listen."""
    script = "trap '' TERM; echo $$ > pid; sleep 1000 & sleep 1000"
    item = ShCmd(check="test -e it", apply=script, cwd=tmp_path)
    harness = ItemHarness(item, tmp_path)
    running = asyncio.create_task(harness.ensure())
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")

    harness.sender.request(InterruptLevel.KILL)
    outcome = await running

    assert outcome.items["item"].status is ItemStatus.ABANDONED
    group = int((tmp_path / "pid").read_text())
    await until(lambda: not group_alive(group))


async def test_interrupted_at_every_question_it_ends_as_if_never_interrupted(
    tmp_path: Path, countdown: Countdown
) -> None:
    """A script runs to its end, or is not begun."""
    for number in countdown.numbers():
        folder = tmp_path / str(number)
        folder.mkdir()
        script = "echo run >> log; touch it"
        item = ShCmd(check="test -e it", apply=script, clean="echo clean >> log; rm it", cwd=folder)
        harness = ItemHarness(item, folder)
        countdown.arm(harness.sender, number)
        await harness.ensure()
        await harness.clean()
        countdown.disarm()

        assert isinstance(await harness.ensure(), Complete)
        assert isinstance(await harness.clean(), Complete)
        assert (folder / "log").read_text().split() in (
            ["run", "clean"],
            ["run", "clean", "run", "clean"],
        )


async def test_lines_of_output_become_messages(tmp_path: Path) -> None:
    """Each line that apply prints is shown, made safe for a terminal; others are not."""
    script = "printf '\\033[31mred\\033[0m\\n'; echo 'what is done' >&2; sleep 0.1; touch it"
    item = ShCmd(check="echo checking; test -e it", apply=script, cwd=tmp_path)
    harness = ItemHarness(item, tmp_path)

    result = await harness.result_of("ensure")

    told = {event.progress.message for event in harness.sink.of(ItemProgressed)}
    assert result.message == "what is done"
    assert told <= {"red", "what is done"}


async def test_secrets_are_given_to_scripts_and_stored_nowhere(tmp_path: Path) -> None:
    """A token is in the script's environment, and in nothing that is kept or shown."""
    env: dict[str, str | SecretStr] = {
        "API_TOKEN": "tell-nobody",
        "OTHER": SecretStr("tell-nobody"),
        "PLAIN": "anybody",
    }
    item = ShCmd(
        check="test -e it",
        apply='test "$API_TOKEN" = "$OTHER"; test "${#OTHER}" = 11; touch it; test -e none',
        env=env,
        cwd=tmp_path,
    )
    harness = ItemHarness(item, tmp_path)

    outcome = await harness.ensure()
    await harness.ensure()

    kept = f"{outcome} {harness.events} {[harness.store.load(kind) for kind in StateKind]}"
    assert "tell-nobody" not in kept
    assert "anybody" in kept
    assert isinstance(outcome.items["item"].error, ScriptFailed)
    assert (tmp_path / "it").exists()


LONG = 200_000


@pytest.mark.parametrize("shell", [("/bin/sh", "-eu"), ("/bin/bash", "-euo", "pipefail")])
async def test_a_script_of_any_length_runs_as_a_short_one_does(
    shell: tuple[str, ...], tmp_path: Path
) -> None:
    """With the same name, variables, options, input and place of an error."""
    told = 'printf "%s %s %s %s" "$0" "$#" "${GOAL-}" "$(cat | wc -c)"; read -r _ || printf " -"\n'
    told += "mkdir sub; cd sub; touch ../it; cd ..; nonsense || true; false; touch never\n"
    said: list[tuple[str, str]] = []
    for script in (told, f"{told}# {'x' * LONG}\n", f"# {'x' * LONG}\n{told}"):
        folder = tmp_path / str(len(said))
        folder.mkdir()
        item = ShCmd(current="cat it || true", goal="echo g", apply=script, shell=shell, cwd=folder)
        with pytest.raises(ScriptFailed, match="exit code 1") as failed:
            await ItemHarness(item, folder).result_of("ensure")
        found = [path.name for path in folder.iterdir() if path.name != ".peace"]
        assert sorted(found) == ["it", "sub"]
        tail = dict(failed.value.details)["its last output"]
        place = re.search(r"item: (?:line )?(\d+): |/dev/fd/\d+: line (\d+): ", tail)
        assert place is not None
        said.append((place[1] or place[2], tail.rpartition("nonsense")[2]))

    assert [line for line, _ in said] == ["2", "2", "3"]
    assert len({rest for _, rest in said}) == 1


@pytest.mark.parametrize("name", ["current", "goal", "check", "diff", "apply", "clean"])
async def test_every_script_may_be_long(name: str, tmp_path: Path) -> None:
    """What one prints, says by its exit code, and does is heard."""
    scripts = {
        "current": "cat it 2>/dev/null || true",
        "goal": "echo word",
        "check": 'test "$CURRENT" = word',
        "diff": 'test "$CURRENT" = "$GOAL"',
        "apply": 'printf "%s" word > it',
        "clean": "rm it",
    }
    scripts[name] = f"# {'ü' * LONG}\n{scripts[name]}"
    harness = ItemHarness(ShCmd.model_validate({**scripts, "cwd": tmp_path}), tmp_path)

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (tmp_path / "it").read_text() == "word"
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    assert (await harness.result_of("clean")).status is ItemStatus.DONE


def test_a_long_script_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where it is killed half way: it never has a name."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    item = ShCmd(check="false", apply=f"kill -9 $$ # {'x' * LONG}", cwd=tmp_path)

    with pytest.raises(ScriptFailed, match="signal 9"):
        run_item(item, tmp_path)

    assert list(temporary.iterdir()) == []
    opened = [str(path.resolve()) for path in Path("/proc/self/fd").iterdir()]
    assert not [path for path in opened if "memfd" in path or str(temporary) in path]


async def test_a_variable_that_is_too_long_is_told(tmp_path: Path) -> None:
    """With what to do, since the program itself is there."""
    item = ShCmd(check="false", apply="true", env={"LONG": "x" * LONG}, cwd=tmp_path)

    with pytest.raises(ItemFailure, match="Argument list too long") as failed:
        await ItemHarness(item, tmp_path).result_of("ensure")
    assert "by a file" in failed.value.help


async def test_scripts_may_refer_to_what_others_have_printed(tmp_path: Path) -> None:
    """A reference may stand for a script, or for a variable that it gets."""

    def declare(flow: Flow) -> None:
        one = flow.add("one", ShCmd(check="true", current="echo from one", apply="true"))
        name = mapped("name", str, one.state.stdout)
        script = mapped("touching", touching, one.state.stdout)
        flow.add("two", ShCmd(check='test -e "$NAME"', apply=script, env={"NAME": name}))

    def touching(name: str | None) -> str:
        return f"touch '{name}'"

    harness = FlowHarness(declare, tmp_path)

    assert isinstance(await harness.ensure(), Complete)
    assert (tmp_path / "from one").exists(), "scripts run in the workspace unless told otherwise"


def test_without_a_way_to_tell_whether_there_is_something_to_do_it_is_refused() -> None:
    """A check, or something to compare."""
    with pytest.raises(ValidationError, match="give check, or current and goal"):
        ShCmd(apply="true", current="true")
    with pytest.raises(ValidationError, match="diff compares what current and goal print"):
        ShCmd(apply="true", check="true", diff="true")
    with pytest.raises(ValidationError, match="shell"):
        ShCmd(apply="true", check="true", shell=())
    with pytest.raises(ValidationError, match="timeout"):
        ShCmd(apply="true", check="true", timeout=-1)
    with pytest.raises(ValidationError, match="env"):
        ShCmd(apply="true", check="true", env="none")  # type: ignore[arg-type]  # what is tested


def test_fields_may_be_given_by_their_own_names_too() -> None:
    """As they are stored."""
    assert ShCmd(apply="1", check="2") == ShCmd.model_validate(
        {"apply_script": "1", "check_script": "2"}
    )


async def test_a_thing_that_has_a_name(tmp_path: Path) -> None:
    """It is known under another name of its item; one of another name is made anew."""
    names = ("item", "it")

    def declare(flow: Flow) -> None:
        item, thing = names
        make, clean = "echo made >> log; touch it", "echo gone >> log; rm -f it"
        flow.add(
            item, ShCmd(check="test -e it", apply=make, clean=clean, cwd=tmp_path, thing=thing)
        )

    harness = FlowHarness(declare, tmp_path)
    for names in (("item", ""), ("item", "it"), ("renamed", "it"), ("renamed", "other")):
        assert isinstance(await harness.ensure(), Complete)
        assert (tmp_path / "it").exists()
        remade = names[1] == "other"
        assert (tmp_path / "log").read_text().split() == ["made", *(["gone", "made"] * remade)]
    assert isinstance(await harness.clean(), Complete)
    assert not (tmp_path / "it").exists()
