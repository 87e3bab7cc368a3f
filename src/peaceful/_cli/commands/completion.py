"""Shell completion: the script that asks for words, and the answers."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import click

from peaceful._cli.commands.table import command_line
from peaceful._cli.program.result import Result, text_answer

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation


def completion(invocation: Invocation, shell: str) -> Result:
    """Return the script that makes a shell ask this program how to complete words."""
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    name, variable = _name_and_variable(invocation)
    complete = kind(click.Command(name), {}, name, variable)
    # Not the shell's own `source`: it runs that shell to ask for its version.
    script = ShellComplete.source(complete)
    return text_answer({"shell": shell, "script": script}, script)


def complete_words(invocation: Invocation) -> None:
    """Answer a shell that asks how to complete a word, and exit; return if none asks."""
    name, variable = _name_and_variable(invocation)
    instruction = os.environ.get(variable)
    if instruction:
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(command_line(invocation), {}, name, variable, instruction))


def _name_and_variable(invocation: Invocation) -> tuple[str, str]:
    """Return the program as a shell knows it, a single word; and the variable by which it asks."""
    name = invocation.program[-1] if len(invocation.program) == 1 else invocation.app.name
    return name, f"_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}_COMPLETE"
