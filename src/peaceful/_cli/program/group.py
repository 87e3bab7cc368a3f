"""Groups of commands, and the options that every command takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Final

import click

from peaceful._cli.program.invocation import Invocation
from peaceful._cli.program.options import GlobalOption, is_taken, wait_filled
from peaceful._cli.program.result import Result, text_answer
from peaceful._errors.usage import UsageError

_WIDEST: Final = 80
"""Columns of help: longer lines are hard to read."""


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


class Command(click.Command):
    """A command. Its help names the common options that it takes; others, it refuses.

    Args:
        examples: what may be typed, as people would, and what that does.
    """

    def __init__(
        self,
        invocation: Invocation,
        help: str,
        params: list[click.Parameter],
        run: Callable[..., Result],
        examples: Mapping[str, str],
    ) -> None:
        super().__init__(None, params=params, callback=self._run, help=help, add_help_option=False)
        self._invocation = invocation
        self._does = run
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [each for each in self.params if isinstance(each, click.Option)]
        common = [each for each in options if isinstance(each, GlobalOption)]
        _write_rows(ctx, formatter, "Options", [each for each in options if each not in common])
        command = self._invocation.command
        taken = [each.opts[-1] for each in common if is_taken(each.field, command)]
        with formatter.section(f"Common options, told by {ctx.find_root().command_path} --help"):
            indent = " " * formatter.current_indent
            formatter.write(
                fill(
                    ", ".join(taken),
                    formatter.width,
                    initial_indent=indent,
                    subsequent_indent=indent,
                    break_on_hyphens=False,
                )
            )
            formatter.write("\n")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_examples(self._invocation, formatter, self.examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words after its name."""
        return super().parse_args(ctx, _spread(wait_filled(args), self.params))

    def _run(self, **typed: object) -> Result:
        self._invocation.options.refuse_others(self._invocation.command)
        return self._does(**typed)


def _write_rows(
    ctx: click.Context,
    formatter: click.HelpFormatter,
    title: str,
    params: Iterable[click.Parameter],
) -> None:
    rows = [row for each in params if (row := each.get_help_record(ctx)) is not None]
    if rows:
        with formatter.section(title):
            _write_list(formatter, rows)


def _write_list(formatter: click.HelpFormatter, rows: Sequence[tuple[str, str]]) -> None:
    """Write rows of two columns, of which the first is narrow where there is little room."""
    formatter.write_dl(rows, col_max=min(30, formatter.width * 3 // 8))


def _write_examples(
    invocation: Invocation, formatter: click.HelpFormatter, examples: Mapping[str, str]
) -> None:
    if examples:
        with formatter.section("Examples"):
            for words, does in examples.items():
                formatter.write(
                    f"{' ' * formatter.current_indent}{invocation.line(*words.split())}\n"
                )
                with formatter.indentation():
                    formatter.write_text(does)


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


_ACTS: Final = frozenset(
    {
        *("init", "switch", "key", "interrupt", "approve"),
        *("profile delete", "profile rename", "profile copy", "states backup", "states restore"),
    }
)
"""Commands that may have done something at any moment, without a history that says so."""


class Group(click.Group):
    """Commands by name, made when they are asked for; the invocation is told which one it is."""

    def __init__(
        self,
        help: str,
        entries: Mapping[str, Entry],
        params: list[click.Parameter],
        invocation: Invocation,
        examples: Mapping[str, str],
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
        self.examples = examples

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
            raise self._unknown(ctx, args)
        if command is not None:
            names = [self.name, command.name] if ctx.parent else [command.name]
            self._invocation.command = " ".join(name for name in names if name)
            if self._invocation.command in _ACTS:
                self._invocation.signals.changes_nothing = False
        return name, command, args[1:]

    def _unknown(self, ctx: click.Context, words: Sequence[str]) -> UsageError:
        from peaceful._cli.program.unknown import unknown_command

        def known(group: str) -> list[str]:
            found = self.get_command(ctx, group) if group and not ctx.parent else self
            return found.list_commands(ctx) if isinstance(found, Group) else []

        def typed(line: str) -> str:
            return self._invocation.line(*line.split())

        name = (self.name or "") if ctx.parent else ""
        return unknown_command(words, name, known, typed, self._invocation.app.ensure_name)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands first, without making them: they are what people look for."""
        with formatter.section("Commands"):
            _write_list(formatter, [(n, self._entries[n].help) for n in self.list_commands(ctx)])
        if ctx.parent is None:
            _write_rows(ctx, formatter, "Common options", self.params)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_examples(self._invocation, formatter, self.examples)

    def _without_command(self) -> None:
        context = click.get_current_context()
        if context.invoked_subcommand is None:
            raise UsageError(
                f"Say what {context.command_path} is to do.",
                details=(("commands", ", ".join(self.list_commands(context))),),
                help=f"{context.command_path} --help says what each does",
            )


def answer_help(context: click.Context, width: int) -> Result:
    """Return the help of a command, in lines of at most so many columns."""
    formatter = click.HelpFormatter(width=min(width, _WIDEST))
    context.command.format_help(context, formatter)
    text = formatter.getvalue().rstrip("\n")
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
