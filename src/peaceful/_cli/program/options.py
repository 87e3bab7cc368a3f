"""The options of every command, and the completion of words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import click

from peaceful._errors.base import PeacefulError
from peaceful._errors.usage import UsageError
from peaceful._model.interrupt import STOP_TIMEOUT
from peaceful._model.names import checked_name

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from peaceful._app.app import App

_PEACE: Final = ".peace"

_NAME: Final = re.compile(r"(?!\d)\w{1,100}\Z")

_NUMBER: Final = re.compile(r"\d*\.?\d+\Z")

_KEY: Final = re.compile(r"^(\w+):", re.MULTILINE)
"""A top-level key of a YAML file that the framework wrote."""

_NEWEST: Final = 30
"""The number of executions that are offered."""

Completer: TypeAlias = Callable[
    [click.Context, click.Parameter, str], "list[CompletionItem[str]] | list[str]"
]
"""A `shell_complete` function of click."""

_STORED_AS = "global_"
"""The prefix under which click keeps these options, apart from an application's own."""


def offering(find: Callable[[], Iterable[str]]) -> Completer:
    """Return a completer that offers those words that begin with what is typed after a comma."""

    def offer(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
        before, comma, begun = typed.rpartition(",")
        try:
            return [f"{before}{comma}{word}" for word in find() if word.startswith(begun)]
        except (OSError, UnicodeDecodeError, PeacefulError):
            # Somebody presses a key: the command that they are about to run will tell them.
            return []

    return offer


def paths(
    _context: click.Context, _parameter: click.Parameter, typed: str
) -> list[CompletionItem[str]]:
    """Let the shell offer paths."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(typed, type="file")]


def complete_profile(workspace: Path | None, app_name: str) -> list[str]:
    """Return the profiles of a workspace."""
    folders = [each for each in _app_folder(workspace, app_name).iterdir() if each.is_dir()]
    return sorted(each.name for each in folders if _NAME.match(each.name))


def complete_item(
    workspace: Path | None,
    app: App,
    profile: str | None,
    flow: str | None,
    file: str = "params_specs.yaml",
) -> Iterable[str]:
    """Return the items that a file of a flow names; of all flows and profiles for None.

    By default, that is the items of the flow as it was last run.
    """
    pattern = f"{profile or '*'}/{flow or '*'}/{file}"
    files = _app_folder(workspace, app.name).glob(pattern)
    return dict.fromkeys(name for file in files for name in _KEY.findall(file.read_text()))


def complete_tag(
    app: App, workspace: Path | None, profile: str | None, flow: str | None
) -> Iterable[str]:
    """Return the tags of a flow. It is slow: it builds the flow."""
    ctx = app.contexts(workspace).cmd_ctx(profile, flow)
    return sorted({tag for item in ctx.flow.items.values() for tag in item.tags})


def complete_execution(app: App, workspace: Path | None, *, running: bool) -> list[str]:
    """Return the IDs of the newest executions, or of those that run.

    It is slow: it asks the register.
    """
    from peaceful._app.register import register_of, workspace_of
    from peaceful._present.text import short_id

    executions = register_of(workspace_of(app.name, workspace))
    found = executions.running() if running else executions.list(limit=_NEWEST).records
    return [short_id(record.id) for record in found]


def _app_folder(workspace: Path | None, app_name: str) -> Path:
    here = Path.cwd()
    found = (each for each in (here, *here.parents) if (each / _PEACE).is_dir())
    return (workspace or next(found, here)) / _PEACE / app_name


Format: TypeAlias = Literal["text", "yaml", "json", "none"]
"""The format of an outcome on stdout."""

ProgressStyle: TypeAlias = Literal["auto", "bar", "log", "json", "none"]
"""The display of progress on stderr."""

ColorChoice: TypeAlias = Literal["auto", "always", "never"]

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "format": get_args(Format),
    "progress": get_args(ProgressStyle),
    "color": get_args(ColorChoice),
}


_RUN: Final = ("discover", "diff", "plan", "ensure", "clean")

_EDITS: Final = ("states forget", "states move", "states adopt")

_FLOWS: Final = (
    *(*_RUN, *_EDITS, "init", "status", "goal", "states list", "states show"),
    *("executions list", "interrupt", "approve", "diff --stored"),
)

_PROFILES: Final = (*_FLOWS, "states backup", "states restore", "profile show")

TAKEN_BY: Final[Mapping[str, frozenset[str]]] = {
    "workspace": frozenset(
        {
            *(*_PROFILES, "switch", "executions show", "web", "key rotate"),
            *("profile list", "profile delete", "profile rename", "profile copy"),
            "diff of two profiles",
        }
    ),
    "profile": frozenset(_PROFILES),
    "flow": frozenset({*_FLOWS, "switch", "diff of two profiles"}),
    "max_concurrency": frozenset({*_RUN, "web"}),
    "stop_timeout": frozenset({*_RUN, *_EDITS, "web"}),
    "wait": frozenset(
        {
            *(*_RUN, *_EDITS, "states backup", "states restore"),
            *("profile delete", "profile rename", "profile copy"),
        }
    ),
}
"""The commands that take an option which says what to work on, or how much.

Others refuse it: it would be believed. What only says how a command talks, each of them takes.
"""


_COMMANDS: Final = TAKEN_BY["workspace"] | {"key new", "completion", "help"}


def is_taken(option: str, command: str | None) -> bool:
    """Return whether a command takes a common option; None is no command."""
    return command in TAKEN_BY.get(option, (command,))


def command_of(words: Sequence[str]) -> str | None:
    """Return the command that words begin with; None if it is none."""
    names = (" ".join(words[:number]) for number in (2, 1))
    return next((name for name in names if name in _COMMANDS), None)


@dataclass(slots=True)
class GlobalOptions:
    """The values of the options that every command takes, set while words are parsed."""

    workspace: Path | None = None
    profile: str | None = None
    flow: str | None = None
    format: Format = "text"
    progress: ProgressStyle = "auto"
    color: ColorChoice = "auto"
    max_concurrency: int | None = None
    stop_timeout: float | None = None
    wait: float | None = None
    yes: bool = False
    debug: bool = False

    def selection(self, words: Sequence[str]) -> list[str]:
        """Return the options that select the same for a command, except those that it names."""
        command = command_of(words)
        values = {"workspace": self.workspace, "profile": self.profile, "flow": self.flow}
        given = {
            f"--{name}": str(value)
            for name, value in values.items()
            if value is not None and is_taken(name, command)
        }
        return [word for name in given if name not in words for word in (name, given[name])]

    def refuse_others(self, command: str) -> None:
        """Raise `UsageError` if an option is given that a command does not take."""
        for name in TAKEN_BY:
            if getattr(self, name) is not None and not is_taken(name, command):
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{command} takes no {option}.", help="leave it out")

    @classmethod
    def peeked(cls, words: Sequence[str]) -> GlobalOptions:
        """Return the options that matter for showing an error, before the words are parsed."""
        options = cls()
        for word, following in zip(words, [*words[1:], ""], strict=False):
            if word == "--":
                break
            option, equals, value = word.partition("=")
            name = option.removeprefix("--")
            value = value if equals else following
            if word == "--debug":
                options.debug = True
            elif option != name and value in _CHOICES.get(name, ()):
                setattr(options, name, value)
        return options


GLOBAL_NAMES = frozenset({*(each.name for each in fields(GlobalOptions)), "version", "help"})
"""Names that no parameter of an application can have, because every command has the option."""


class GlobalOption(click.Option):
    """An option of all commands."""

    @property
    def field(self) -> str:
        """Its name in `GlobalOptions`, if it is kept there."""
        return (self.name or "").removeprefix(_STORED_AS)


def global_options(options: GlobalOptions, app: App) -> list[click.Parameter]:
    """Return the options, which write into `options` as they are parsed; so the last one wins."""

    def option(
        name: str,
        help: str,
        convert: Callable[[str], object],
        metavar: str | None = None,
        complete: Completer | None = None,
    ) -> click.Option:
        def callback(_context: click.Context, _param: click.Parameter, value: str | None) -> None:
            if value is not None:
                setattr(options, name, convert(value))

        return GlobalOption(
            [f"--{name.replace('_', '-')}", f"{_STORED_AS}{name}"],
            type=click.Choice(_CHOICES[name]) if name in _CHOICES else click.STRING,
            is_flag=convert is bool,
            default=None,
            metavar=metavar,
            help=help,
            expose_value=False,
            callback=callback,
            shell_complete=complete,
        )

    def stop_timeout(text: str) -> float:
        return seconds(text, "--stop-timeout")

    where = "The folder that holds .peace; else the nearest parent that does, else this one."
    which = "The profile to work on; else the one in use."
    flow = "The flow to work on, where there are several."
    longest = app.stop_timeout or STOP_TIMEOUT
    profiles = offering(lambda: complete_profile(options.workspace, app.name))
    return [
        option("workspace", where, _folder, "DIR", paths),
        option("profile", which, partial(checked_name, "a profile"), "PROFILE", profiles),
        option("flow", flow, partial(checked_name, "a flow"), "FLOW", offering(lambda: app.flows)),
        option("format", "How the outcome is printed on stdout.  [default: text]", str),
        option("progress", "How progress is shown on stderr.  [default: auto]", str),
        option(
            "color", "When to use colours; auto heeds NO_COLOR, FORCE_COLOR.  [default: auto]", str
        ),
        option(
            "max_concurrency", "How many items are worked on at once.  [default: 16]", positive, "N"
        ),
        option(
            "stop_timeout",
            f"How long a stop by a signal may take.  [default: {longest:g}]",
            stop_timeout,
            "SECONDS",
        ),
        option("wait", "Wait for a busy profile; without SECONDS, for ever.", _wait, "[SECONDS]"),
        option("yes", "Do not ask: the answer to each question is yes.", bool),
        option("debug", "Show errors with their tracebacks.", bool),
    ]


def file_path(text: str) -> Path:
    """Parse a path; raise `click.BadParameter` if it is empty, or its `~` is the home of nobody."""
    from peaceful._app.parameters.reading import read_path

    if not text:
        # As when a script has an empty variable there.
        raise click.BadParameter("a path is not empty.")
    try:
        return read_path(text)
    except UsageError as error:
        raise click.BadParameter(error.message) from error


def _folder(text: str) -> Path:
    path = file_path(text)
    if path.is_file():
        raise click.BadParameter(f"{text!r} is a file, not a folder.")
    return path


def wait_filled(words: Sequence[str]) -> list[str]:
    """Return words in which each `--wait` has a value: none, as the next word is no number."""
    filled: list[str] = []
    for word, following in zip(words, [*words[1:], "-"], strict=False):
        if word == "--":
            return [*filled, *words[len(filled) :]]
        # An empty word is most likely an empty variable of a script.
        alone = word == "--wait" and following != "" and not _NUMBER.match(following)
        filled.append(f"{word}=inf" if alone else word)
    return filled


def _wait(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number >= 0:
        raise UsageError(
            f"--wait is {text!r}, and not a number of seconds.",
            help="give seconds, such as 600; or nothing, to wait for ever",
        )
    return number


def seconds(text: str, name: str) -> float:
    """Parse seconds; raise `UsageError` if they are none. `name` says where they come from."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise UsageError(
            f"{name} is {text!r}, and not a number of seconds.",
            help="give seconds, such as 8 or 2.5: how long the program may take to stop",
        )
    return number


def positive(text: str) -> int:
    """Parse a number from 1 on; raise `click.BadParameter` if it is none."""
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is not a number from 1 on.")
    return int(text)


def dry_run_option() -> click.Option:
    """Return the option that asks only for what would be done."""
    return flag("--dry-run", "Only say what would be done.")


def flag(name: str, help: str) -> click.Option:
    """Return an option without a value."""
    return click.Option([name], is_flag=True, help=help)


def file_option(name: str, help: str, variable: str | None = None) -> click.Option:
    """Return an option for a file, which an environment variable may name instead."""

    def path(_context: click.Context, _param: click.Parameter, value: str | None) -> Path | None:
        return None if value is None else file_path(value)

    return click.Option(
        [name], envvar=variable, callback=path, metavar="FILE", help=help, shell_complete=paths
    )
