"""What these tests share: a shell, a keyboard, and the practice ground for interruption."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from keyboard import Keyboard
from shell import Shell
from slow import SlowFiles


@pytest.fixture
def shell(tmp_path: Path, unmeasured_environment: dict[str, str]) -> Iterator[Shell]:
    """A shell in an empty folder. What is started in it is gone afterwards."""
    shell = Shell(tmp_path / "work", unmeasured_environment)
    yield shell
    shell.close()


@pytest.fixture
def slow(shell: Shell, tmp_path: Path) -> SlowFiles:
    """Slow files, not set up yet."""
    return SlowFiles(shell, tmp_path / "dest")


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    """The keyboard of a terminal that nobody uses yet."""
    with Keyboard.of_new_terminal() as keyboard:
        yield keyboard
