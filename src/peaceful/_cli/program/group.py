"""Groups of commands, and the options that every command takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

from peaceful._cli.program.invocation import Invocation
from peaceful._cli.program.options import GlobalOption, complete_profile, global_options, offering
from peaceful._cli.program.result import Result
from peaceful._errors.usage import UsageError

if TYPE_CHECKING:
    from peaceful._app.app import App

Do: TypeAlias = Callable[..., Result]
"""A function that runs a command with its options and words."""


class Answered(Exception):
    """The answer is known while words are still being parsed: help, or the version."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


@dataclass(frozen=True, slots=True)
class Entry:
    """A command in a list of commands; a second name of the same command is not listed."""

    help: str
    make: Callable[[], click.Command]
    listed: bool = True


class _Sections:
    """Shows options of every command apart from a command's own."""

    params: list[click.Parameter]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [each for each in self.params if isinstance(each, click.Option)]
        own = [each for each in options if not isinstance(each, GlobalOption)]
        of_every = [each for each in options if isinstance(each, GlobalOption)]
        for title, params in (("Options", own), ("Options of every command", of_every)):
            rows = [row for each in params if (row := each.get_help_record(ctx)) is not None]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class Command(_Sections, click.Command):
    """A command."""


_ACTS: Final = frozenset({"init", "switch", "key", "interrupt"})
"""Commands that may have done something at any moment, without a history that says so."""


class Group(_Sections, click.Group):
    """Commands by name, made when they are asked for; `chosen` is called with the chosen one."""

    def __init__(
        self,
        name: str,
        *,
        entries: Mapping[str, Entry],
        params: Sequence[click.Parameter],
        help: str,
        chosen: Callable[[str], None],
    ) -> None:
        super().__init__(
            name,
            params=list(params),
            help=help,
            add_help_option=False,
            invoke_without_command=True,
            subcommand_metavar="COMMAND ...",
            callback=self._without_command,
        )
        self._entries = entries
        self._chosen = chosen

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, entry in self._entries.items() if entry.listed]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        command = entry.make()
        command.short_help = entry.help  # Shells show it beside the name, and click would cut it.
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the next word names, or raise an error with similar ones."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            raise _unknown_command(name, self.list_commands(ctx), ctx.command_path)
        if command is not None:
            self._chosen(command.name or name)
        return name, command, args[1:]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands first, without making them: they are what people look for."""
        with formatter.section("Commands"):
            formatter.write_dl([(n, self._entries[n].help) for n in self.list_commands(ctx)])
        _Sections.format_options(self, ctx, formatter)

    def _without_command(self) -> None:
        context = click.get_current_context()
        if context.invoked_subcommand is None:
            raise UsageError(
                f"Say what {context.command_path} is to do.",
                details=(("commands", ", ".join(self.list_commands(context))),),
                help=f"{context.command_path} --help says what each does",
            )


def _unknown_command(name: str, known: Iterable[str], path: str) -> UsageError:
    import difflib  # its loading takes as long as that of all commands

    from peaceful._present.text import fitted

    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    details = (("did you mean", ", ".join(near)),) if near else ()
    return UsageError(
        f"There is no command {fitted(name, 60)!r}.",
        details=details,
        help=f"{path} --help lists the commands",
    )


class CommandParts:
    """Makes commands and groups that take the options of every command."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._app: App = invocation.app
        self._options = invocation.options
        self._complete_profile = offering(
            lambda: complete_profile(invocation.options.workspace, invocation.app.name)
        )
        self._global: list[click.Parameter] = [
            *global_options(invocation.options, invocation.app),
            _asked("--version", help="Show the version.", answer=self._version),
            _asked("-h", "--help", help="Show this help.", answer=_help),
        ]

    def _command(self, name: str, do: Do, help: str, *params: click.Parameter) -> Command:
        options = [*params, *self._global]
        return Command(name, params=options, callback=do, help=help, add_help_option=False)

    def _group(
        self, name: str, help: str, entries: Mapping[str, Entry], prefix: str | None = None
    ) -> Group:
        before = f"{name} " if prefix is None else prefix

        def chosen(command: str) -> None:
            self._invocation.command = f"{before}{command}"
            if command in _ACTS:
                self._invocation.signals.changes_nothing = False

        return Group(name, entries=entries, params=self._global, help=help, chosen=chosen)

    def _entry(
        self, name: str, summary: str, do: Do, help: str, *params: click.Parameter
    ) -> dict[str, Entry]:
        return {name: Entry(summary, lambda: self._command(name, do, help, *params))}

    def _version(self, _context: click.Context) -> Result:
        from peaceful._cli.terminal.text import line

        app = self._app
        shown = f"{app.name} {app.version}".strip()
        return Result({"app": app.name, "version": app.version}, lambda _: [line(shown)])


def _help(context: click.Context) -> Result:
    text = context.get_help()

    def lines(_page: object) -> list[Any]:  # Any: lines, whose module is not needed before
        from peaceful._cli.terminal.text import line

        return [line(each) for each in text.split("\n")]

    return Result({"help": text}, lines)


def _asked(*names: str, help: str, answer: Callable[[click.Context], Result]) -> GlobalOption:
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
