"""Groups of commands, and the options that every command takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import click

from peaceful._cli.program.invocation import Invocation
from peaceful._cli.program.options import GlobalOption, wait_filled
from peaceful._cli.program.result import Result, text_answer
from peaceful._errors.usage import UsageError, nearest


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
    name: str = ""
    """The command's name in documents, if it is another one."""


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


class NamesOption(click.Option):
    """An option that takes all words up to the next option: `--only a b`, `--only a,b`."""


def _spread(words: Sequence[str], params: Iterable[click.Parameter]) -> list[str]:
    """Return words as click takes them: `--only a --only b` for `--only a b`."""
    many = {name for each in params if isinstance(each, NamesOption) for name in each.opts}
    spread: list[str] = []
    option, is_first = "", False
    for place, word in enumerate(words):
        if word == "--":
            return [*spread, *words[place:]]
        if word.startswith("-"):
            name = word.partition("=")[0]
            option, is_first = name if name in many else "", name == word
        elif option and not is_first:
            spread.append(option)
        else:
            is_first = False
        spread.append(word)
    return spread


class Command(_Sections, click.Command):
    """A command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words after its name."""
        return super().parse_args(ctx, _spread(wait_filled(args), self.params))


_ACTS: Final = frozenset(
    {
        *("init", "switch", "key", "interrupt"),
        *("profile delete", "profile rename", "profile copy", "states backup", "states restore"),
    }
)
"""Commands that may have done something at any moment, without a history that says so."""


class Group(_Sections, click.Group):
    """Commands by name, made when they are asked for; the invocation is told which one it is."""

    def __init__(
        self,
        help: str,
        entries: Mapping[str, Entry],
        params: list[click.Parameter],
        invocation: Invocation,
    ) -> None:
        super().__init__(
            params=params,
            help=help,
            add_help_option=False,
            invoke_without_command=True,
            subcommand_metavar="COMMAND ...",
            callback=self._without_command,
        )
        self._entries = entries
        self._invocation = invocation

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, entry in self._entries.items() if entry.listed]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        command = entry.make()
        command.name = entry.name or cmd_name
        command.short_help = entry.help  # Shells show it beside the name, and click would cut it.
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words before the name of a command."""
        return super().parse_args(ctx, wait_filled(args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the next word names, or raise an error with similar ones."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            raise _unknown_command(name, self.list_commands(ctx), ctx.command_path)
        if command is not None:
            names = [self.name, command.name] if ctx.parent else [command.name]
            self._invocation.command = " ".join(name for name in names if name)
            if self._invocation.command in _ACTS:
                self._invocation.signals.changes_nothing = False
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
    from peaceful._present.text import fitted

    near = nearest(name, known)
    details = (("did you mean", ", ".join(near)),) if near else ()
    return UsageError(
        f"There is no command {fitted(name, 60)!r}.",
        details=details,
        help=f"{path} --help lists the commands",
    )


def answer_help(context: click.Context) -> Result:
    text = context.get_help()
    return text_answer({"help": text}, text)


def asked(*names: str, help: str, answer: Callable[[click.Context], Result]) -> GlobalOption:
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
