"""The table of commands."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from types import SimpleNamespace

import click
import pytest
from command_lines import invocation_of, leaves, of_app, problem

from peaceful import App, Flow
from peaceful._cli.commands import table
from peaceful._cli.program.group import Command, Group, answer_help
from peaceful._cli.program.options import TAKEN_BY, GlobalOption, GlobalOptions, is_taken
from peaceful._runtime.ctx import MAX_CONCURRENCY
from peaceful.errors import UsageError


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
    invocation = invocation_of(app)
    found = dict(leaves(table.command_line(invocation)))
    for name, command in found.items():
        assert command.callback is not None
        invocation.command = name
        command.callback(**{each.name: None for each in command.params if each.expose_value})

    assert {"ensure", "diff", "key new", "executions show"} <= found.keys()
    assert len(called) == len(found)


APP = App("tool", ensure_name="deploy")


@APP.flow("only")
def only(flow: Flow, url: str, into: str = "here") -> None:
    """A flow with parameters."""


def contexts() -> Iterator[tuple[str, click.Context]]:
    """Every command, groups too, in the context that it is parsed in."""
    invocation = invocation_of(APP)
    root = click.Context(table.command_line(invocation), info_name="tool")
    yield "", root
    groups: list[click.Context] = [root]
    for parent in groups:
        assert isinstance(parent.command, click.Group)
        for name in parent.command.list_commands(parent):
            command = parent.command.get_command(parent, name)
            assert command is not None
            context = click.Context(command, info_name=name, parent=parent)
            typed = context.command_path.removeprefix("tool ")
            invocation.command = typed.replace("deploy", "ensure")
            yield typed, context
            if isinstance(command, click.Group):
                groups.append(context)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_help_fits(width: int) -> None:
    """Help is no wider than the terminal, or than people can read; commands to type are whole."""
    for name, context in contexts():
        text = answer_help(context, width).document["help"]
        assert isinstance(text, str)
        shown, _, examples = text.partition("\nExamples:\n")
        lines = [*shown.splitlines(), *(e for e in examples.splitlines() if e.startswith("    "))]
        assert max(map(len, lines)) <= min(width, 80), name
        assert "\n\n\n" not in text


def test_examples() -> None:
    """The examples of a command's help are of that command, and can be typed as they stand."""
    with_examples = set[str]()
    for name, context in contexts():
        command = context.command
        assert isinstance(command, Command | Group)
        for words in command.examples:
            line = invocation_of(APP).line(*words.split())
            assert problem(APP, line) == ""
            assert not name or words.replace("ensure", "deploy").startswith(name)
            with_examples.add(name)
    assert {"", "plan", "deploy", "clean", "diff", "interrupt"} <= with_examples


def test_defaults_are_told() -> None:
    """Help says what holds without an option; and by which other name a command is known."""
    group = of_app(APP)
    context = click.Context(group, info_name="tool")
    text = " ".join(str(answer_help(context, 80).document["help"]).split())
    for default in ("text", "auto", str(MAX_CONCURRENCY), "25"):
        assert f"[default: {default}]" in text
    found = group.get_command(context, "deploy")
    assert found is not None
    assert "`ensure` is another name of it" in (found.help or "")


def test_each_common_option_is_decided_on() -> None:
    """Of an option of all commands it is known which take it, or that it is how they all talk."""
    every = {each.name for each in fields(GlobalOptions)}
    assert every - TAKEN_BY.keys() == {"format", "progress", "color", "yes", "debug"}
    names = {name for name, context in contexts() if not isinstance(context.command, click.Group)}
    # Two forms of a command that execute nothing, and take less than it.
    names |= {"diff --stored", "diff of two profiles"}
    for option, commands in TAKEN_BY.items():
        assert {each.replace("ensure", "deploy") for each in commands} <= names, option


@pytest.mark.parametrize(
    ("option", "value"),
    {
        "workspace": "DIR",
        "profile": "p",
        "flow": "only",
        "max_concurrency": "3",
        "stop_timeout": "3",
    }.items(),
)
def test_each_command_takes_an_option_or_refuses_it(option: str, value: str) -> None:
    """An option that says what to work on, or how much, is heeded or refused, and never ignored."""
    for name, context in contexts():
        command = context.command
        if isinstance(command, click.Group):
            continue
        own = name.replace("deploy", "ensure")
        shown = [each.field for each in command.params if isinstance(each, GlobalOption)]
        assert option in shown
        words = [each.human_readable_name for each in command.params if each.required]
        words = ["bash"] if name == "completion" else words
        line = ["tool", f"--{option.replace('_', '-')}", value, *name.split(), *words]
        said = problem(APP, " ".join(line))
        assert said == "", "it is parsed everywhere"
        invocation = invocation_of(APP)
        setattr(invocation.options, option, value)
        if is_taken(option, own):
            invocation.options.refuse_others(own)
        else:
            with pytest.raises(UsageError, match=f"{own} takes no --"):
                invocation.options.refuse_others(own)
        told = str(answer_help(context, 80).document["help"]).partition("Common options")[2]
        assert (f"--{option.replace('_', '-')}" in told) == is_taken(option, own)
