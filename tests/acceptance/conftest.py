"""What these tests share: a shell, a keyboard, and the practice ground for interruption."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from keyboard import Keyboard
from shell import Loaded, Shell
from slow_files_shell import SlowFiles


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
