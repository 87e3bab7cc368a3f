"""The table of commands."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from types import SimpleNamespace

import click
import pytest

from peaceful import App, Flow
from peaceful._cli.commands import table
from peaceful._cli.program.invocation import Invocation
from peaceful._process_signals import ProcessSignals


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """The commands without subcommands, by what is typed."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, f"{path} {name}".strip())


def test_each_row_names_a_function_that_takes_what_is_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is there, and its parameters are called like those of the command."""
    app = App("app")

    @app.flow("deploy")
    def deploy(flow: Flow, url: str) -> None:
        pass

    called: list[str] = []

    def load(place: str) -> SimpleNamespace:
        """The functions of a module, which only check what they are called with."""

        def checked(name: str, function: object) -> object:
            assert callable(function)

            def call(*args: object, **kwargs: object) -> None:
                inspect.signature(function).bind(*args, **kwargs)
                called.append(name)

            return call

        module = vars(import_module(place))
        functions = {name: each for name, each in module.items() if inspect.isfunction(each)}
        return SimpleNamespace(**{name: checked(name, each) for name, each in functions.items()})

    monkeypatch.setattr(table, "import_module", load)
    commands = table.command_line(Invocation.of(app, [], ProcessSignals(), ExitStack()))
    found = dict(leaves(commands, ""))
    for command in found.values():
        assert command.callback is not None
        command.callback(**{each.name: None for each in command.params if each.expose_value})

    assert {"ensure", "diff", "key new", "executions show"} <= found.keys()
    assert len(called) == len(found)
