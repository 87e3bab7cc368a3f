"""Completing words in a shell: the script that asks for it, and the answers."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from peaceful.cli._lines import line
from peaceful.cli._result import Result

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation


def completion(invocation: Invocation, shell: str) -> Result:
    """The script that makes a shell ask this program how to complete words.

    Args:
        invocation: the run of the command line.
        shell: `bash`, `zsh` or `fish`.
    """
    from click.shell_completion import ShellComplete, get_completion_class

    from peaceful.cli._commands import command_line

    kind = get_completion_class(shell)
    assert kind is not None
    name = _name(invocation)
    complete = kind(command_line(invocation), {}, name, _variable(name))
    # Not the shell's own `source`: it runs that shell to ask for its version.
    script = ShellComplete.source(complete)
    return Result(
        {"shell": shell, "script": script}, lambda _: [line(each) for each in script.split("\n")]
    )


def complete_words(invocation: Invocation) -> None:
    """Answers a shell that asks how to complete a word, and ends the process; returns where none asks.

    Raises:
        SystemExit: a shell has asked.
    """
    name = _name(invocation)
    instruction = os.environ.get(_variable(name))
    if not instruction:
        return
    from click.shell_completion import shell_complete

    from peaceful.cli._commands import command_line

    sys.exit(shell_complete(command_line(invocation), {}, name, _variable(name), instruction))


def _name(invocation: Invocation) -> str:
    """The program as a shell knows it: a single word."""
    return invocation.program[-1] if len(invocation.program) == 1 else invocation.app.name


def _variable(name: str) -> str:
    return f"_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}_COMPLETE"
