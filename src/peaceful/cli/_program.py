"""What this program is called: the words that a person would type to run it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePath


def program_words(app_name: str, argv: Sequence[str], orig_argv: Sequence[str]) -> list[str]:
    """The words before the command's name.

    An installed script is called by its name. A file that was given to Python, or a module, is not
    a command by itself: then Python's own words belong to it.

    Args:
        app_name: the application's name, for where nothing better is known.
        argv: as `sys.argv`.
        orig_argv: as `sys.orig_argv`.
    """
    started = PurePath(argv[0]) if argv and argv[0] else None
    if started is None:
        return [app_name]
    if started.name == "__main__.py" and "-m" in orig_argv[:-1]:
        module = orig_argv[orig_argv.index("-m") + 1]
        return ["python", "-m", module]
    if started.suffix == ".py":
        return ["python", str(started)]
    return [app_name if started.stem == app_name else started.name]


def typed(words: Sequence[str]) -> str:
    """Words as one types them in a shell."""
    return shlex.join(words)
