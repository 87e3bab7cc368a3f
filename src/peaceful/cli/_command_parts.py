"""What the commands of every application are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from peaceful.cli._completing import complete_profile, offering
from peaceful.cli._group import Answered, Command, Entry, Group
from peaceful.cli._invocation import Invocation
from peaceful.cli._options import GlobalOption, global_options
from peaceful.cli._result import Result

if TYPE_CHECKING:
    from peaceful.app import App

Do: TypeAlias = Callable[..., Result]
"""Does what a command is for, with its options and words."""


class CommandParts:
    """Makes commands and groups that take the options of every command.

    Args:
        invocation: the run of the command line.
    """

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._app: App = invocation.app
        self._options = invocation.options
        self._profiles = offering(
            lambda: complete_profile(invocation.options.workspace, invocation.app.name)
        )
        self._global: list[click.Parameter] = [
            *global_options(invocation.options, invocation.app),
            self._asked("--version", help="Show the version.", answer=self._version),
            self._asked("-h", "--help", help="Show this help.", answer=_help),
        ]

    def _command(self, name: str, do: Do, help: str, *params: click.Parameter) -> Command:
        return Command(
            name,
            params=[*params, *self._global],
            callback=do,
            help=help,
            add_help_option=False,
        )

    def _group(self, name: str, help: str, entries: Mapping[str, Entry], *, prefix: str) -> Group:
        def chosen(command: str) -> None:
            self._invocation.command = f"{prefix}{command}"

        return Group(name, entries=entries, params=self._global, help=help, chosen=chosen)

    def _asked(
        self, *names: str, help: str, answer: Callable[[click.Context], Result]
    ) -> GlobalOption:
        def callback(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
            if value and not context.resilient_parsing:
                raise Answered(answer(context))

        return GlobalOption(
            [*names, f"asked_{names[-1].strip('-')}"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            help=help,
            callback=callback,
        )

    def _version(self, _context: click.Context) -> Result:
        from peaceful.cli._lines import line

        app = self._app
        shown = f"{app.name} {app.version}".strip()
        return Result({"app": app.name, "version": app.version}, lambda _: [line(shown)])


def _help(context: click.Context) -> Result:
    text = context.get_help()

    def lines(_page: object) -> list[Any]:  # Any: lines, whose module is not needed before
        from peaceful.cli._lines import line

        return [line(each) for each in text.split("\n")]

    return Result({"help": text}, lines)
