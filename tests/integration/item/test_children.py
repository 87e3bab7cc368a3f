"""Items run child processes, and nothing is left of them."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from item_contexts import Bench

from peaceful._item import child as child_module
from peaceful._item.child import CAPTURED
from peaceful._item.child_process import InputPipe, OutputPipe, Tail
from peaceful._model.execution import EXECUTION_VARIABLE
from peaceful.errors import ChildFailed, ItemFailure

PYTHON = sys.executable


def _python(code: str, *arguments: str) -> tuple[str, ...]:
    return (PYTHON, "-c", code, *arguments)


async def test_output_is_captured(bench: Bench) -> None:
    """Both kinds, apart from each other; as bytes, and as text."""
    result = await bench.ctx.run("sh", "-c", "echo out; echo err >&2; printf '\\377'")

    assert result.command == ("sh", "-c", "echo out; echo err >&2; printf '\\377'")
    assert (result.exit_status, result.truncated) == (0, False)
    assert (result.stdout, result.stderr) == (b"out\n\xff", b"err\n")
    assert result.text == "out\n�"
    assert result.tail == "err"


async def test_paths_can_be_given(bench: Bench, tmp_path: Path) -> None:
    """As the program, and as arguments; and the folder is the one that was asked for."""
    program = tmp_path / "prog"
    program.write_text("#!/bin/sh\npwd\nprintf '%s\\n' \"$@\"\n")
    program.chmod(0o755)

    result = await bench.ctx.run(program, tmp_path / "a b", cwd=tmp_path)

    assert result.text.splitlines() == [str(tmp_path), str(tmp_path / "a b")]


async def test_open_files_are_passed_on_where_asked(bench: Bench, tmp_path: Path) -> None:
    """Those that are named, and no others."""
    (tmp_path / "given").write_text("given")
    with (tmp_path / "given").open() as given, (tmp_path / "kept").open("w") as kept:
        script = f"cat <&{given.fileno()}; test ! -e /dev/fd/{kept.fileno()}"

        result = await bench.ctx.run("bash", "-c", script, pass_fds=(given.fileno(),))

    assert result.text == "given"


async def test_the_environment_is_the_present_one_or_the_given_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either way, the execution's ID is in it, by which the child is found after a crash."""
    monkeypatch.setenv("HERE", "yes")
    mark = f"{EXECUTION_VARIABLE}={bench.ctx.execution_id}"

    present = await bench.ctx.run("env")
    given = await bench.ctx.run("/usr/bin/env", env={"ONLY": "this"})

    assert "HERE=yes" in present.text.splitlines()
    assert mark in present.text.splitlines()
    assert sorted(given.text.splitlines()) == ["ONLY=this", mark]


async def test_it_reads_nothing_or_what_is_given(bench: Bench) -> None:
    """Also more than fits into a pipe; that it does not want all of it is no error."""
    data = b"0123456789" * 100_000

    assert (await bench.ctx.run("cat")).stdout == b""
    assert (await bench.ctx.run("cat", stdin=b"")).stdout == b""
    assert (await bench.ctx.run("wc", "-c", stdin=data)).text.strip() == "1000000"
    assert (await bench.ctx.run("head", "-c", "3", stdin=data)).stdout == b"012"
    assert (await bench.ctx.run("true", stdin=data)).exit_status == 0


async def test_an_error_is_raised_with_the_last_output(bench: Bench) -> None:
    """The exit code, and the last lines; the error output first."""
    with pytest.raises(ChildFailed) as failed:
        await bench.ctx.run("sh", "-c", "echo out; seq 100 >&2; exit 3")

    assert failed.value.exit_status == 3
    assert "ended with exit code 3" in failed.value.message
    assert failed.value.details == (("its last output", "\n".join(map(str, range(89, 101)))),)


async def test_errors_may_be_asked_for(bench: Bench) -> None:
    """Without raising; a signal is a negative number."""
    assert (await bench.ctx.run("false", check=False)).exit_status == 1
    assert (await bench.ctx.run("sh", "-c", "kill -9 $$", check=False)).exit_status == -9
    with pytest.raises(ChildFailed, match="ended with signal 15") as failed:
        await bench.ctx.run("sh", "-c", "kill $$")
    assert failed.value.details == ()


async def test_lines_are_told_as_they_come(bench: Bench, tmp_path: Path) -> None:
    """Each line, also the last one without an end, and those that a carriage return ends."""
    told: list[str] = []
    first = asyncio.Event()

    def tell(line: str) -> None:
        told.append(line)
        first.set()

    code = (
        "import os, time\n"
        "print('on', end='', flush=True); print('e\\n', flush=True)\n"
        "while not os.path.exists('go'): time.sleep(0.01)\n"
        "print('two\\rthree', end='')\n"
    )
    running = asyncio.create_task(
        bench.ctx.run(*_python(code), cwd=tmp_path, on_line=tell, env={"PYTHONUTF8": "1"})
    )
    await first.wait()
    assert told == ["one"]
    (tmp_path / "go").touch()
    await running

    assert told == ["one", "two", "three"]


async def test_output_without_an_end_is_not_kept_whole(bench: Bench) -> None:
    """Of a line that is very long, the last part is told."""
    told: list[str] = []

    await bench.ctx.run(*_python("print('x' * 1_000_000 + 'end')"), on_line=told.append)

    [line] = told
    assert line.endswith("xend")
    assert len(line) <= 4096


async def test_an_error_of_whoever_is_told_ends_the_child(bench: Bench, tmp_path: Path) -> None:
    """It is raised where the child is waited for."""

    def refuse(line: str) -> None:
        raise KeyError(line)

    with pytest.raises(KeyError, match="begun"):
        await bench.ctx.run(
            "sh", "-c", "echo begun; echo begun >&2; sleep 1000; touch it", cwd=tmp_path,
            on_line=refuse,
        )  # fmt: skip
    assert not (tmp_path / "it").exists()
    assert await bench.children.all_gone(0)


async def test_much_output_needs_little_memory(bench: Bench) -> None:
    """Of a hundred megabytes the last ones are kept."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    result = await bench.ctx.run(
        *_python(
            "import sys\n"
            "for number in range(100): sys.stdout.buffer.write(bytes([number]) * 1_000_000)"
        )
    )

    assert result.truncated
    assert len(result.stdout) == CAPTURED
    assert result.stdout.endswith(bytes([99]) * 1_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # In kilobytes.


async def test_how_much_is_kept_can_be_said(bench: Bench) -> None:
    """In bytes, of each output."""
    result = await bench.ctx.run("sh", "-c", "echo 12345; echo 6 >&2", capture=3)
    nothing = await bench.ctx.run("echo", "1", capture=0)

    assert (result.stdout, result.stderr, result.truncated) == (b"45\n", b"6\n", True)
    assert (nothing.stdout, nothing.truncated) == (b"", True)


@pytest.mark.parametrize(
    ("command", "options", "reason"),
    [
        (
            ("no-such-program",),
            {},
            "no-such-program could not be started: there is no such program.",
        ),
        (("/etc/passwd",), {}, "/etc/passwd could not be started: Permission denied."),
        (("true",), {"cwd": Path("/no/such")}, "its folder /no/such is not there."),
        (("true",), {"cwd": Path("/etc/passwd")}, "its folder /etc/passwd is not there."),
        (("echo", "x" * 10_000_000), {}, "echo could not be started: Argument list too long."),
        (("echo", "a\0b"), {}, "echo could not be started: embedded null byte."),
    ],
    ids=["missing", "forbidden", "no folder", "a file", "too long", "null"],
)
async def test_a_child_that_cannot_be_started_is_explained(
    command: tuple[str, ...], options: dict[str, Any], reason: str, bench: Bench
) -> None:
    """With what was wrong, and what to do."""
    with pytest.raises(ItemFailure) as failure:
        await bench.ctx.run(*command, **options)

    assert failure.value.message.endswith(reason)
    assert not isinstance(failure.value, ChildFailed)
    assert failure.value.help
    assert len(str(failure.value)) < 2000
    assert await bench.children.all_gone(0)


async def test_a_file_that_is_no_program_is_explained(bench: Bench, tmp_path: Path) -> None:
    """What the system says of it."""
    program = tmp_path / "prog"
    program.write_bytes(b"\x7fELF")
    program.chmod(stat.S_IRWXU)

    with pytest.raises(ItemFailure, match=os.strerror(errno.ENOEXEC)):
        await bench.ctx.run(program)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ((), {}),
        (("true",), {"capture": -1}),
        (("true",), {"terminal": True, "stdin": b"x"}),
        (("true",), {"terminal": True, "on_line": print}),
    ],
)
async def test_what_makes_no_sense_is_refused(
    command: tuple[str, ...], options: dict[str, Any], bench: Bench
) -> None:
    """Before anything is started."""
    with pytest.raises(ValueError, match=r"no program|negative|terminal"):
        await bench.ctx.run(*command, **options)


async def test_where_there_are_no_process_groups_there_are_no_children(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says so."""
    monkeypatch.setattr(os, "name", "nt")
    try:
        with pytest.raises(ItemFailure, match="this system has no process groups"):
            await bench.ctx.run("true")
    finally:
        monkeypatch.undo()


async def test_it_leads_a_group_of_its_own(bench: Bench) -> None:
    """So that the terminal's Ctrl-C does not reach it."""
    result = await bench.ctx.run(*_python("import os; print(os.getpgrp() == os.getpid())"))

    assert result.text == "True"


async def test_what_it_started_is_waited_for(bench: Bench, tmp_path: Path) -> None:
    """Also where that neither reads nor writes, and the child itself has ended."""
    code = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.close(0); os.close(1); os.close(2)\n"
        "    while not os.path.exists('go'): time.sleep(0.01)\n"
        "    open('late', 'w').close()\n"
    )
    running = asyncio.create_task(bench.ctx.run(*_python(code), cwd=tmp_path))
    await bench.until(lambda: any("left running" in said for said in bench.messages))
    assert not running.done()

    (tmp_path / "go").touch()
    await running

    assert (tmp_path / "late").exists()


async def test_output_may_end_before_the_child(bench: Bench) -> None:
    """A child that closes what it writes to lives on, and is waited for."""
    code = (
        "import os, sys\n"
        "os.close(1); os.close(2)\n"
        "data = sys.stdin.buffer.read()\n"
        "sys.exit(len(data) % 256)\n"
    )

    result = await bench.ctx.run(*_python(code), stdin=b"x" * 500_000, check=False)

    assert result.exit_status == 500_000 % 256


async def test_a_daemon_is_left_to_itself(bench: Bench, tmp_path: Path) -> None:
    """What leaves the group is not waited for, though it holds on to the output; nor ended."""
    code = (
        "import os, sys, time\n"
        "print('child', flush=True)\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    print('daemon', flush=True)\n"
        "    open('pid', 'w').write(str(os.getpid()))\n"
        "    os.rename('pid', 'daemon')\n"
        "    while not os.path.exists('end'): time.sleep(0.01)\n"
        "while not os.path.exists('daemon'): time.sleep(0.01)\n"
    )
    result = await bench.ctx.run(*_python(code), cwd=tmp_path)

    daemon = os.pidfd_open(int((tmp_path / "daemon").read_text()))
    try:
        assert result.text.splitlines() == ["child", "daemon"]
        signal.pidfd_send_signal(daemon, 0)
    finally:
        (tmp_path / "end").touch()
        os.close(daemon)


async def test_pipes_are_patient() -> None:
    """The kernel may say that there is something to read, or room to write, where there is none."""
    for_reading, far_end = os.pipe()
    full, for_writing = os.pipe()
    tail = Tail(100, None)
    with (
        os.fdopen(for_reading, "rb", buffering=0) as read,
        os.fdopen(far_end, "wb", buffering=0) as write,
        os.fdopen(full, "rb", buffering=0) as unread,
        os.fdopen(for_writing, "wb", buffering=0) as filled,
    ):
        output, given = OutputPipe(read, tail), InputPipe(filled, b"x" * 10_000_000)
        output._read()
        for _ in range(200):
            given._write()
        write.write(b"it")
        output._read()
        assert tail.data == b"it"
        assert len(unread.read(10_000_000)) < 10_000_000
        output.close()
        given.close()
    assert output.ended.cancelled()


async def test_many_children_at_once(bench: Bench) -> None:
    """Each has its own output."""
    results = await asyncio.gather(*(bench.ctx.run("echo", str(each)) for each in range(60)))

    assert [result.text for result in results] == [str(each) for each in range(60)]
    assert await bench.children.all_gone(0)


async def test_a_stopped_child_is_told_of(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As by reading from a terminal that it does not have; else nobody would know."""
    monkeypatch.setattr(child_module, "_LOOK_EVERY", 0.02)
    running = asyncio.create_task(
        bench.ctx.run("sh", "-c", "echo $$ > pid; kill -STOP $$", cwd=tmp_path)
    )

    await bench.until(lambda: any("is stopped" in said for said in bench.messages))

    assert bench.messages[-1] == "sh is stopped: it may want the terminal (terminal=True)"
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGCONT)
    await running


@pytest.fixture
def without_pidfd(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the kernel one that cannot tell of the end of a process."""
    return lambda: monkeypatch.delattr(os, "pidfd_open")


async def test_kernels_that_cannot_tell_are_asked(
    bench: Bench, without_pidfd: Callable[[], None]
) -> None:
    """Systems other than Linux, and old ones."""
    without_pidfd()

    assert (await bench.ctx.run("sh", "-c", "sleep 0.05; echo it")).text == "it"


async def test_an_exit_status_that_others_took_is_an_error(bench: Bench) -> None:
    """Where the program ignores SIGCHLD, the kernel keeps no exit status: that is no success."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(ChildFailed, match="exit code 255"):
            await bench.ctx.run("true")
    finally:
        signal.signal(signal.SIGCHLD, before)
