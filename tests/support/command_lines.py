"""Command lines of an application, parsed as they would be if somebody pasted them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import click

from peaceful import App
from peaceful._cli.commands.table import command_line
from peaceful._cli.program.group import Answered
from peaceful._cli.program.invocation import Invocation
from peaceful._process_signals import ProcessSignals
from peaceful.errors import PeacefulError

_PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*")


def invocation_of(app: App) -> Invocation:
    """A run of an application's command line, called by the application's name."""
    invocation = Invocation.of(app, [], ProcessSignals(), ExitStack())
    invocation.program = [app.name]
    return invocation


def of_app(app: App) -> click.Group:
    """The command line of an application."""
    return command_line(invocation_of(app))


def leaves(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """The commands without subcommands, by what is typed."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, f"{path} {name}".strip())


def problem(app: App, line: str) -> str:
    """What is wrong with a command line of an application; empty if nothing is."""
    program, *words = shlex.split(line)
    if program != app.name:
        return f"{program!r} is not the program"
    if any(word.startswith("--") and " " in word for word in words):
        return "an option and its value are one word"
    return _parsed(of_app(app), app.name, words)


def _parsed(
    group: click.Group, name: str, words: Sequence[str], parent: click.Context | None = None
) -> str:
    try:
        with group.make_context(name, [*words], parent=parent) as context:
            rest = [*context._protected_args, *context.args]
            if not rest:
                return "no command is named"
            found, command, rest = group.resolve_command(context, rest)
            assert command is not None
            if isinstance(command, click.Group):
                return _parsed(command, found or "", rest, context)
            command.make_context(found or "", rest, parent=context)
    except Answered:
        return ""
    except (click.ClickException, PeacefulError) as error:
        return str(error)
    return ""
