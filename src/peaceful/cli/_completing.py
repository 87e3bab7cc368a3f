"""What a shell can offer while a person types: read from files, because a key press cannot wait.

Nothing here fails: where something cannot be read, nothing is offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import click

from peaceful.errors import PeacefulError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from peaceful.app import App

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
