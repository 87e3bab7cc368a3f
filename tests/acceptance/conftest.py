"""What these tests share: a shell, a keyboard, and the practice ground for interruption."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from keyboard import Keyboard
from shell import Loaded, Shell
from slow import SlowFiles


@pytest.fixture(scope="session", autouse=True)
def signals_as_at_a_terminal() -> Iterator[None]:
    """What `nohup` or `&` has told to be ignored is heeded again by what tests start."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    ignored = [number for number, handler in before.items() if handler is signal.SIG_IGN]
    for number in ignored:
        # What is handled here, and not ignored, is as usual in a program that is started.
        signal.signal(number, lambda _number, _frame: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def shell(tmp_path: Path, unmeasured_environment: dict[str, str]) -> Iterator[Shell]:
    """A shell in an empty folder. What is started in it is gone afterwards."""
    shell = Shell(tmp_path / "work", unmeasured_environment)
    yield shell
    shell.close()


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """Slow files, loaded once for all tests that run it often."""
    with closing(Shell(tmp_path_factory.mktemp("loaded"), os.environ)) as shell:
        yield shell.loaded("slow_files")


@pytest.fixture
def slow(shell: Shell, tmp_path: Path, loaded: Loaded) -> SlowFiles:
    """Slow files, not set up yet."""
    return SlowFiles(shell, tmp_path / "dest", loaded)


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    """The keyboard of a terminal that nobody uses yet."""
    with Keyboard.of_new_terminal() as keyboard:
        yield keyboard
