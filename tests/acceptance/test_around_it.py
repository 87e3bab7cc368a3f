"""What runs the program, such as shells and `make`, and what ends it, such as `docker stop`."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from keyboard import Keyboard
from processes import eventually
from slow_files_shell import SlowFiles

ENSURE = "slow_files ensure --progress json --format none"

SCRIPTS = {
    "bash -e": ("bash", "set -e\n{ensure}\ntouch went-on\n"),
    "loop of bash": ("bash", "for i in 1 2 3; do {ensure}; done\ntouch went-on\n"),
    "loop of sh": ("sh", "for i in 1 2 3; do {ensure}; done\ntouch went-on\n"),
    "loop of zsh": ("zsh", "for i in 1 2 3; do {ensure}; done\ntouch went-on\n"),
    "xargs": ("sh", "echo 1 2 3 | xargs -n 1 sh -c 'exec {ensure}' && touch went-on\n"),
    "make": ("make", "all: one two\none:\n\t-{ensure}\ntwo: one\n\ttouch went-on\n"),
    "make -k": ("make", "all: one two\none:\n\t{ensure}\ntwo:\n\ttouch went-on\n"),
}
"""By name, a program that runs commands, and what it runs."""


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("last", [False, True], ids=["more to do", "everything in progress"])
def test_a_press_ends_the_script(
    slow: SlowFiles, keyboard: Keyboard, name: str, last: bool
) -> None:
    """Ctrl-C ends whatever runs the program, too, and nothing is started again behind it.

    So it does where the program finished all that there was to do.
    """
    program, text = SCRIPTS[name]
    if shutil.which(program) is None:
        why = f"there is no {program}: `make needs` installs it, or says how to"
        if os.environ.get("TESTS_SKIP_NOTHING") == "1":
            pytest.fail(why)
        pytest.skip(why)
    slow.init(2 if last else 4, 0.5, layers=1 if last else 4)
    script = Path(slow.shell.folder, "script")
    script.write_text(text.format(ensure=ENSURE))
    words: tuple[str | Path, ...] = (*name.split(), "-f", script)
    if program != "make":
        words = (program, script)
    running = slow.shell.start(*words, terminal=keyboard.terminal)
    running.until("change_started", 2 if last else 1)
    keyboard.ctrl_c()
    ended = running.end()
    assert ended.code != 0
    assert not Path(slow.shell.folder, "went-on").exists()
    assert len(slow.json("executions", "list")["executions"]) == 1
    assert len(slow.files()) == (2 if last else 1)


PLATFORMS = {
    "docker stop": [(0.0, signal.SIGTERM)],
    "GitHub Actions": [(0.0, signal.SIGINT), (1.5, signal.SIGTERM)],
    "systemd": [(0.0, signal.SIGTERM), (0.0, signal.SIGHUP)],
    "a supervisor that insists": [(0.0, signal.SIGTERM), (0.7, signal.SIGTERM)],
}
"""By name, the signals that a platform sends before it kills, with the seconds between them.

They are shorter than the platforms' own, as is the time that the program is told to take.
"""


@pytest.mark.parametrize("name", PLATFORMS)
@pytest.mark.parametrize("how", ["variable", "option"])
def test_a_platform_that_kills(slow: SlowFiles, name: str, how: str) -> None:
    """Told how long it may take, the program ends in time, tells its outcome, leaves nothing."""
    slow.init(4, 60, "--child", layers=2)
    if how == "variable":
        slow.shell.environment["PEACEFUL_STOP_TIMEOUT"] = "2"
        running = slow.start("ensure")
    else:
        running = slow.start("ensure", "--stop-timeout", "2")
    assert eventually(lambda: len(running.processes()) == 1 + 2 * 2)
    for pause, number in PLATFORMS[name]:
        if running.runs_for(pause):
            running.send(number)
    ended = running.end()
    assert not running.processes()
    assert ended.code in {129, 130, 143}
    assert ended.document["outcome"] == "block_interrupted"
    assert set(ended.statuses().values()) == {"abandoned", "not_started"}
    levels = [event["signal"]["level"] for event in ended.told("interrupt_requested")]
    assert levels[:2] == ["stop", "cancel"]


def test_only_the_entry_process_is_told(slow: SlowFiles) -> None:
    """A supervisor signals the one process that it has started, which need not be the program.

    With `exec`, it is.
    """
    slow.init(2, 60, "--child", layers=1)
    slow.shell.environment["PEACEFUL_STOP_TIMEOUT"] = "1"
    running = slow.shell.start("sh", "-c", f"true; exec {ENSURE}")
    assert eventually(lambda: len(running.processes()) == 1 + 2 * 2)
    running.send(signal.SIGTERM)
    assert running.end().code == 143
    assert not running.processes()


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "inf"])
def test_no_time_to_stop(slow: SlowFiles, text: str) -> None:
    """What is no number of seconds is refused, with the name of where it was set."""
    slow.init(1, 0)
    slow.shell.environment["PEACEFUL_STOP_TIMEOUT"] = text
    ended = slow.start("ensure").end(expect=2)
    assert ended.error["message"].startswith(f"PEACEFUL_STOP_TIMEOUT is '{text}'")
    ended = slow.start("ensure", "--stop-timeout", text).end(expect=2)
    assert ended.error["message"].startswith(f"--stop-timeout is '{text}'")
