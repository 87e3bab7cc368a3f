"""An interrupt reaches child processes by its level, and nothing is left of them."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from item_contexts import Bench
from waiting import until

from peaceful import ChildResult
from peaceful._item import child as child_module
from peaceful._item.child import Children
from peaceful._item.child_process import (
    RunningChild,
    group_alive,
    group_stopped,
    signal_group,
    signal_process,
)
from peaceful._item.safe_point import StoppedAtSafePoint
from peaceful.errors import ChildFailed
from peaceful.interrupt import InterruptLevel

CANCEL, KILL, STOP = InterruptLevel.CANCEL, InterruptLevel.KILL, InterruptLevel.STOP

FAMILY = "sleep 1000 & sh -c 'sleep 1000 & wait' & echo ready; wait"
"""A shell that starts one process, and another one that starts one."""

DEAF = "trap '' TERM; sh -c \"trap '' TERM; echo ready; while :; do sleep 1000; done\""
"""A shell, and what it started, neither of which heeds SIGTERM."""

POLITE = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
"""A shell that ends well when it is asked to."""


async def _started(bench: Bench, script: str, *, check: bool = True) -> asyncio.Task[ChildResult]:
    """Runs a script in a task of its own, and returns when it says that it is ready."""
    ready = asyncio.Event()
    running = asyncio.create_task(
        bench.ctx.run("sh", "-c", script, on_line=lambda _: ready.set(), check=check)
    )
    await ready.wait()
    return running


async def test_stop_leaves_children_alone(bench: Bench, tmp_path: Path) -> None:
    """What is in progress finishes."""
    script = f"echo ready; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo done"
    running = await _started(bench, script)

    bench.interrupt(STOP)
    bench.children.raise_to(STOP)
    (tmp_path / "go").touch()

    assert (await running).text == "ready\ndone"


@pytest.mark.parametrize("level", [CANCEL, KILL])
async def test_cancel_and_kill_end_the_whole_family(bench: Bench, level: InterruptLevel) -> None:
    """Whatever the child started ends with it; and the item ends as at a safe point."""
    running = await _started(bench, FAMILY)
    await until(lambda: len(bench.processes) == 4)

    bench.children.raise_to(level)

    with pytest.raises(StoppedAtSafePoint) as stopped:
        await running
    assert stopped.value.where == "sh was ended by the interrupt"
    assert bench.processes == {}


@pytest.mark.parametrize("check", [True, False])
async def test_a_child_that_an_interrupt_ended_did_not_fail(bench: Bench, check: bool) -> None:
    """Whether errors are looked at or not, the item does not go on with half of a result."""
    running = await _started(
        bench, "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done", check=check
    )

    bench.children.raise_to(CANCEL)

    with pytest.raises(StoppedAtSafePoint):
        await running


async def test_a_child_may_end_well_when_it_is_asked_to(bench: Bench) -> None:
    """Then the item has its result."""
    running = await _started(bench, POLITE)

    bench.children.raise_to(CANCEL)

    assert (await running).text == "ready\nbye"


async def test_kill_ends_what_does_not_heed_cancel(bench: Bench) -> None:
    """SIGKILL cannot be ignored."""
    running = await _started(bench, DEAF)

    bench.children.raise_to(CANCEL)
    assert len(bench.processes) >= 2
    bench.children.raise_to(KILL)

    with pytest.raises(StoppedAtSafePoint):
        await running
    assert bench.processes == {}


async def test_a_stopped_child_ends_too(bench: Bench) -> None:
    """It is woken to hear of the signal."""
    running = await _started(bench, "echo ready; kill -STOP $$; sleep 1000")

    bench.children.raise_to(CANCEL)

    with pytest.raises(StoppedAtSafePoint):
        await running
    assert bench.processes == {}


async def test_a_level_is_heard_of_once(bench: Bench, tmp_path: Path) -> None:
    """The ladder only goes up: a lower level, or the same again, changes nothing."""
    heard = tmp_path / "heard"
    running = await _started(
        bench, f"trap 'echo x >> {heard}' TERM; echo ready; while [ ! -e {tmp_path}/go ];"
        " do sleep 0.01; done; exit 0"
    )  # fmt: skip

    bench.children.raise_to(CANCEL)
    bench.children.raise_to(CANCEL)
    bench.children.raise_to(STOP)
    (tmp_path / "go").touch()
    await running

    assert heard.read_text() == "x\n"


async def test_children_may_be_started_after_cancel(bench: Bench) -> None:
    """An item may need one to clean up with."""
    bench.children.raise_to(CANCEL)

    assert (await bench.ctx.run("echo", "cleaned")).text == "cleaned"


async def test_no_child_outlives_kill(bench: Bench) -> None:
    """One that is started after it is killed at once."""
    bench.children.kill_all()

    with pytest.raises(StoppedAtSafePoint):
        await bench.ctx.run("sleep", "1000")
    assert bench.processes == {}


async def test_children_hear_of_it_from_any_thread(bench: Bench) -> None:
    """Also while the loop is busy."""
    running = await _started(bench, FAMILY)

    thread = threading.Thread(target=bench.children.raise_to, args=(KILL,))
    thread.start()
    thread.join()

    with pytest.raises(StoppedAtSafePoint):
        await running


async def test_children_hear_of_it_from_a_signal_handler(bench: Bench) -> None:
    """Which may interrupt whatever the program is doing."""
    running = await _started(bench, FAMILY)
    before = signal.signal(signal.SIGUSR1, lambda *_: bench.children.raise_to(CANCEL))
    try:
        signal.raise_signal(signal.SIGUSR1)
        with pytest.raises(StoppedAtSafePoint):
            await running
    finally:
        signal.signal(signal.SIGUSR1, before)


async def test_waiting_for_children_ends_in_time(bench: Bench) -> None:
    """It says whether they are gone."""
    running = await _started(bench, POLITE)

    assert not await bench.children.all_gone(0.05)
    bench.children.kill_all()
    assert await bench.children.all_gone(20)
    with pytest.raises(StoppedAtSafePoint):
        await running
    assert await Children().all_gone(0)


# ---- the waiting task is cancelled


async def test_cancelling_the_item_ends_its_child(bench: Bench) -> None:
    """With whatever that started."""
    running = await _started(bench, FAMILY)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.processes == {}


async def test_a_cancelled_child_has_time_to_end_well(bench: Bench, tmp_path: Path) -> None:
    """It is asked first."""
    script = (
        f"trap 'sleep 0.1; touch {tmp_path}/well; exit 0' TERM; echo ready;"
        " while :; do sleep 0.01; done"
    )
    running = await _started(bench, script)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert (tmp_path / "well").exists()


async def test_a_child_that_does_not_heed_it_is_killed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some seconds."""
    monkeypatch.setattr(child_module, "_AFTER_SIGTERM", 0.1)
    running = await _started(bench, DEAF)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.processes == {}


async def test_cancelling_again_cuts_the_time_short(bench: Bench) -> None:
    """However often it is cancelled, the child is gone when the task has ended."""
    running = await _started(bench, DEAF)
    loop = asyncio.get_running_loop()
    begun = loop.time()

    for delay in (0.0, 0.05, 0.05001, 0.06):
        loop.call_later(delay, running.cancel)

    with pytest.raises(asyncio.CancelledError):
        await running
    assert loop.time() - begun < child_module._AFTER_SIGTERM
    assert bench.processes == {}


async def test_a_timeout_ends_the_child(bench: Bench) -> None:
    """And is a timeout for whoever set it."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await bench.ctx.run("sh", "-c", FAMILY)
    assert bench.processes == {}


async def test_an_error_while_it_is_cancelled_is_a_cancellation(bench: Bench) -> None:
    """So that whoever cancelled the task finds it cancelled."""
    ready = asyncio.Event()

    def refuse(_: str) -> None:
        ready.set()
        raise ValueError("no")

    running = asyncio.create_task(bench.ctx.run("sh", "-c", DEAF, on_line=refuse))
    await ready.wait()
    asyncio.get_running_loop().call_later(0.05, running.cancel)

    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.processes == {}


async def test_what_cannot_be_ended_is_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that waits for a disk does not even heed SIGKILL; the log says so."""
    monkeypatch.setattr(child_module, "_AFTER_SIGTERM", 0.01)
    monkeypatch.setattr(child_module, "_AFTER_SIGKILL", 0.01)
    running = await _started(bench, FAMILY)
    [child] = bench.children._running
    monkeypatch.setattr(RunningChild, "_signal", lambda *_: None)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert "does not even heed SIGKILL" in caplog.text
    monkeypatch.undo()
    child.kill()
    await child.gone()


@pytest.mark.parametrize("seed", range(4))
async def test_cancelled_at_any_moment_nothing_is_left(bench: Bench, seed: int) -> None:
    """From before the child is there until after it has gone, once or several times."""
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    scripts = ("true", "sleep 0.02", FAMILY, "sleep 0.01 & sleep 0.02 & echo", "exec sleep 1000")

    async def one() -> None:
        running = asyncio.create_task(
            bench.ctx.run("sh", "-c", chance.choice(scripts), stdin=b"x" * 100_000)
        )
        for _ in range(chance.randint(1, 3)):
            if chance.random() < 0.2:
                loop.call_soon(running.cancel)
            else:
                loop.call_later(chance.random() * 0.05, running.cancel)
        await asyncio.wait({running})
        if not running.cancelled():
            running.result()

    for _ in range(4):
        await asyncio.gather(*(one() for _ in range(10)))

    assert bench.processes == {}
    assert await bench.children.all_gone(0)


def test_nothing_is_left_when_the_program_ends(tmp_path: Path) -> None:
    """Whoever leaves the loop by an error cancels what runs in it."""
    program = f"""
import asyncio, pathlib, sys
sys.path.insert(0, {str(Path(__file__).parents[2] / "support")!r})
from item_contexts import made_bench

async def main():
    bench = made_bench(pathlib.Path("."))
    print(bench.ctx.execution_id, flush=True)
    ready = asyncio.Event()
    for _ in range(3):
        asyncio.ensure_future(bench.ctx.run("sh", "-c", {FAMILY!r}, on_line=lambda _: ready.set()))
    await ready.wait()
    raise SystemExit(7)

asyncio.run(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 7, ended.stderr
    mark = f"PEACEFUL_EXECUTION_ID={ended.stdout.strip()}"
    listed = subprocess.run(["ps", "axe"], capture_output=True, text=True, check=True)
    assert mark not in listed.stdout


# ---- children that need the terminal


async def test_a_child_may_share_the_terminal(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its streams are those of this process, and so is its group; nothing is captured."""
    code = "import os; print(os.getpgrp())"

    result = await bench.ctx.run(sys.executable, "-c", code, terminal=True)

    assert (result.stdout, result.stderr) == (b"", b"")
    assert capfd.readouterr().out == f"{os.getpgrp()}\n"


@pytest.mark.parametrize("level", [CANCEL, KILL])
async def test_interrupts_reach_a_child_with_the_terminal(
    bench: Bench, level: InterruptLevel, tmp_path: Path
) -> None:
    """It alone is signalled, and not everything else that shares the group."""
    running = asyncio.create_task(_with_terminal(bench, tmp_path))
    await _until_there(tmp_path / "ready")

    bench.children.raise_to(level)

    with pytest.raises(StoppedAtSafePoint):
        await running
    assert bench.processes == {}


async def test_cancelling_ends_a_child_with_the_terminal(bench: Bench, tmp_path: Path) -> None:
    """As any other."""
    running = asyncio.create_task(_with_terminal(bench, tmp_path))
    await _until_there(tmp_path / "ready")

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.processes == {}


async def test_ctrl_c_in_the_terminal_is_no_failure_of_the_child(
    bench: Bench, tmp_path: Path
) -> None:
    """It reaches the child as well as this process; alone, it is one."""
    running = asyncio.create_task(_with_terminal(bench, tmp_path))
    await _until_there(tmp_path / "ready")
    [pid] = bench.processes
    bench.interrupt(STOP)
    os.kill(pid, signal.SIGINT)
    with pytest.raises(StoppedAtSafePoint, match="was ended by the interrupt"):
        await running


async def test_a_child_with_the_terminal_may_fail(bench: Bench) -> None:
    """As any other; also by a SIGINT that is nobody's interrupt."""
    for script, status in (("exit 130", 130), ("exit 4", 4), ("kill -INT $$", -2)):
        with pytest.raises(ChildFailed) as failed:
            await bench.ctx.run("sh", "-c", script, terminal=True)
        assert failed.value.exit_status == status


async def _with_terminal(bench: Bench, folder: Path) -> ChildResult:
    code = (
        "import signal, time, pathlib\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        f"pathlib.Path({str(folder / 'ready')!r}).touch()\n"
        "time.sleep(1000)\n"
    )
    return await bench.ctx.run(sys.executable, "-c", code, terminal=True)


async def _until_there(path: Path) -> None:
    await until(path.exists)


# ---- what the system tells of groups


def test_zombies_do_not_run() -> None:
    """Even where nobody takes their exit status, as in many containers."""
    pid = os.posix_spawn("/bin/true", ["true"], {}, setpgroup=0)
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert not group_alive(pid)
        assert not group_stopped(pid)
    finally:
        os.waitpid(pid, 0)
    assert not group_alive(pid)


def test_groups_that_are_gone_are_no_error() -> None:
    """Neither is a process that is."""
    pid = os.posix_spawn("/bin/true", ["true"], {}, setpgroup=0)
    os.waitpid(pid, 0)

    signal_group(pid, signal.SIGTERM)
    signal_process(pid, signal.SIGTERM)
    assert not group_alive(pid)


def test_a_group_may_belong_to_somebody_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It cannot be signalled, and it is there."""

    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "killpg", refuse)

    signal_group(os.getpgrp(), signal.SIGTERM)
    assert group_alive(os.getpgrp())
    assert group_alive(os.getpgrp(), proc=tmp_path)


def test_where_the_system_does_not_tell_the_group_counts(tmp_path: Path) -> None:
    """A group that can be signalled is there; whether it is stopped is not known."""
    assert group_alive(os.getpgrp(), proc=tmp_path)
    assert not group_stopped(os.getpgrp(), proc=tmp_path)


def test_processes_with_odd_names_are_seen(tmp_path: Path) -> None:
    """A name may hold parentheses and spaces; a process may end while one looks."""
    (tmp_path / "self").mkdir()
    (tmp_path / "self/stat").touch()
    for pid, state in ((5, "S"), (6, "T")):
        (tmp_path / f"{pid}").mkdir()
        (tmp_path / f"{pid}/stat").write_text(f"{pid} (a) R 1 (b c) {state} 1 {os.getpgrp()} 7 0")
    (tmp_path / "8").mkdir()
    (tmp_path / "version").touch()

    assert group_alive(os.getpgrp(), proc=tmp_path)
    assert group_stopped(os.getpgrp(), proc=tmp_path)
