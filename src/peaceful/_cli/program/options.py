"""Options of every command, and how words are completed."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

import click

from peaceful._errors.base import PeacefulError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from peaceful._app.app import App


_PEACE: Final = ".peace"

_NAME: Final = re.compile(r"(?!\d)\w{1,100}\Z")

_KEY: Final = re.compile(r"^(\w+):", re.MULTILINE)
"""A key at the left edge of a YAML file as the framework writes it."""

_NEWEST: Final = 30
"""How many executions are offered."""


Completer: TypeAlias = Callable[
    [click.Context, click.Parameter, str], "list[CompletionItem[str]] | list[str]"
]
"""What click asks for words."""


def offering(find: Callable[[], Iterable[str]]) -> Completer:
    """Offers those of some words that begin with what is typed already."""

    def offer(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
        return [word for word in find() if word.startswith(typed)]

    return offer


def paths(
    _context: click.Context, _parameter: click.Parameter, typed: str
) -> list[CompletionItem[str]]:
    """Leaves it to the shell to offer paths."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(typed, type="file")]


def complete_profile(workspace: Path | None, app_name: str) -> list[str]:
    """The profiles of a workspace."""
    folder = _app_folder(workspace, app_name)
    return _offered(
        lambda: sorted(
            each.name for each in folder.iterdir() if each.is_dir() and _NAME.match(each.name)
        )
    )


def complete_flow(app: App) -> list[str]:
    """The flows of an application."""
    return list(app.flows)


def complete_item(
    workspace: Path | None, app: App, profile: str | None, flow: str | None
) -> list[str]:
    """The items of a flow as it was last run; of every flow and profile where none is given."""
    pattern = f"{profile or '*'}/{flow or '*'}/params_specs.yaml"
    folder = _app_folder(workspace, app.name)
    return _offered(
        lambda: list(
            dict.fromkeys(
                name for file in folder.glob(pattern) for name in _KEY.findall(file.read_text())
            )
        )
    )


def complete_execution(app: App, workspace: Path | None) -> list[str]:
    """The newest executions. This one is slow: it asks the register."""
    return _offered(
        lambda: [
            record.id for record in app.contexts(workspace).executions.list(limit=_NEWEST).records
        ]
    )


def _app_folder(workspace: Path | None, app_name: str) -> Path:
    here = Path.cwd()
    found = (each for each in (here, *here.parents) if (each / _PEACE).is_dir())
    return (workspace or next(found, here)) / _PEACE / app_name


def _offered(find: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return list(find())
    except (OSError, UnicodeDecodeError, PeacefulError):
        # Somebody presses a key: the command that they are about to run will tell them.
        return []


Chosen = TypeVar("Chosen", bound=enum.StrEnum)


class Format(enum.StrEnum):
    """How an outcome is printed on stdout."""

    TEXT = "text"
    YAML = "yaml"
    JSON = "json"
    NONE = "none"


class ProgressStyle(enum.StrEnum):
    """How progress is shown on stderr."""

    AUTO = "auto"
    BAR = "bar"
    LOG = "log"
    JSON = "json"
    NONE = "none"


class ColorChoice(enum.StrEnum):
    """When colours are used."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(slots=True)
class GlobalOptions:
    """What a person said by options that every command takes; filled in while words are read.

    Attributes:
        workspace: the folder that holds `.peace`, or none to look for it.
        profile: the profile to work on, or none for the one in use.
        flow: the flow to work on, or none where that is clear.
        format: how the outcome is printed.
        progress: how progress is shown.
        color: when colours are used.
        max_concurrency: how many items are in progress at once, or none for the usual number.
        debug: whether errors are shown with their tracebacks.
    """

    workspace: Path | None = None
    profile: str | None = None
    flow: str | None = None
    format: Format = Format.TEXT
    progress: ProgressStyle = ProgressStyle.AUTO
    color: ColorChoice = ColorChoice.AUTO
    max_concurrency: int | None = None
    debug: bool = False

    def selection(self, without: Iterable[str] = ()) -> list[str]:
        """The words that select the same workspace, profile and flow again.

        Args:
            without: words that are typed beside; what they select is left out.
        """
        beside = frozenset(without)
        words: list[str] = []
        for name in ("workspace", "profile", "flow"):
            value = getattr(self, name)
            if value is not None and f"--{name}" not in beside:
                words += [f"--{name}", str(value)]
        return words

    @classmethod
    def peeked(cls, words: Sequence[str]) -> GlobalOptions:
        """What matters for showing an error, found before the words are understood as a whole."""
        options = cls()
        for word, following in zip(words, [*words[1:], ""], strict=False):
            if word == "--":
                break
            name, equals, value = word.partition("=")
            value = value if equals else following
            if name == "--format":
                options.format = _known(Format, value, options.format)
            elif name == "--color":
                options.color = _known(ColorChoice, value, options.color)
            elif word == "--debug":
                options.debug = True
        return options


def _known(kind: type[Chosen], value: str, otherwise: Chosen) -> Chosen:
    return kind(value) if value in list(kind) else otherwise


GLOBAL_NAMES = frozenset(
    {
        "workspace",
        "profile",
        "flow",
        "format",
        "progress",
        "color",
        "max_concurrency",
        "debug",
        "version",
        "help",
    }
)
"""Names that no parameter of an application can have as an option."""

_STORED_AS = "global_"
"""Begins the names under which click keeps these options, apart from an application's own."""


class GlobalOption(click.Option):
    """An option that every command takes."""


def global_options(options: GlobalOptions, app: App) -> list[click.Parameter]:
    """The options, which write into `options` what is said as they are read; so the last one wins.

    Args:
        options: filled in.
        app: the application, whose profiles and flows are offered for completion.
    """

    def option(
        name: str,
        help: str,
        convert: Callable[[str], object],
        *,
        metavar: str | None = None,
        complete: Completer | None = None,
    ) -> click.Option:
        def callback(_context: click.Context, _param: click.Parameter, value: str | None) -> None:
            if value is not None:
                setattr(options, name, convert(value))

        words = isinstance(convert, type) and issubclass(convert, enum.StrEnum)
        return GlobalOption(
            [f"--{name.replace('_', '-')}", f"{_STORED_AS}{name}"],
            type=click.Choice([str(each) for each in cast("Iterable[str]", convert)])
            if words
            else click.STRING,
            metavar=metavar,
            help=help,
            expose_value=False,
            callback=callback,
            shell_complete=complete,
        )

    return [
        option(
            "workspace",
            "The folder that holds .peace; else the nearest parent that does, else this one.",
            _folder,
            metavar="DIR",
            complete=paths,
        ),
        option(
            "profile",
            "The profile to work on; else the one in use.",
            str,
            metavar="PROFILE",
            complete=offering(lambda: complete_profile(options.workspace, app.name)),
        ),
        option(
            "flow",
            "The flow to work on, where there are several.",
            str,
            metavar="FLOW",
            complete=offering(lambda: complete_flow(app)),
        ),
        option("format", "How the outcome is printed on stdout.", Format),
        option("progress", "How progress is shown on stderr.", ProgressStyle),
        option("color", "When to use colours; auto heeds NO_COLOR.", ColorChoice),
        option("max_concurrency", "How many items are worked on at once.", positive, metavar="N"),
        _debug_option(options),
    ]


def _debug_option(options: GlobalOptions) -> click.Option:
    def callback(_context: click.Context, _param: click.Parameter, value: bool) -> None:
        options.debug = options.debug or value

    return GlobalOption(
        ["--debug", f"{_STORED_AS}debug"],
        is_flag=True,
        help="Show errors with their tracebacks.",
        expose_value=False,
        callback=callback,
    )


def _folder(text: str) -> Path:
    if not text:
        raise click.BadParameter("the name of a folder is not empty.")
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise click.BadParameter(f"{text!r} begins with a user whom nobody knows.") from error
    if path.is_file():
        raise click.BadParameter(f"{text!r} is a file, not a folder.")
    return path


def positive(text: str) -> int:
    """A number from 1 on.

    Raises:
        click.BadParameter: it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is not a number from 1 on.")
    return int(text)
