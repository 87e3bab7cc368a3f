"""What these tests share: programs on terminals of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from shell import Shell
from slow_files_shell import SlowFiles
from terminal_program import OnTerminal


@pytest.fixture
def on_terminal(shell: Shell) -> Iterator[Callable[..., OnTerminal]]:
    """Starts a program on a terminal, in the shell's folder. It is gone afterwards."""
    started: list[OnTerminal] = []

    def start(*words: str, columns: int = 80, height: int = 24) -> OnTerminal:
        program = OnTerminal(
            *words,
            folder=shell.folder,
            environment=shell.environment,
            columns=columns,
            height=height,
        )
        started.append(program)
        return program

    yield start
    for program in started:
        program.close()


@pytest.fixture
def ensure(slow: SlowFiles, on_terminal: Callable[..., OnTerminal]) -> Callable[..., OnTerminal]:
    """Starts `slow_files ensure` on a terminal, with some items of some seconds."""

    def start(
        items: int,
        seconds: float,
        *words: str,
        layers: int = 1,
        columns: int = 80,
        height: int = 24,
    ) -> OnTerminal:
        slow.init(items, seconds, layers=layers)
        return on_terminal("slow_files", "ensure", *words, columns=columns, height=height)

    return start
