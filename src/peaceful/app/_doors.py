"""Opening doors by name.

The terminal and the web lie above this floor: they know the application, and it does not know them.
A door is looked up when somebody opens it, so that neither its code nor its dependencies are needed
before.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from peaceful.errors import ExtraMissing


@dataclass(frozen=True, slots=True)
class _Door:
    """A door.

    Attributes:
        module: where the function is that opens it.
        function: its name.
        extra: the extra of the package that it needs.
        feature: what it is called.
    """

    module: str
    function: str
    extra: str
    feature: str


_DOORS: Final = {
    "cli": _Door("peaceful.cli", "run", "cli", "The command line"),
    "asgi": _Door("peaceful.web", "asgi", "web", "The web server"),
    "serve": _Door("peaceful.web", "serve", "web", "The web server"),
}


def door(name: str) -> Callable[..., object]:
    """The function that opens a door.

    Args:
        name: the door's.

    Raises:
        ExtraMissing: the packages that it needs are not installed.
    """
    found = _DOORS[name]
    try:
        module = importlib.import_module(found.module)
        opener: Callable[..., object] = getattr(module, found.function)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "peaceful":
            raise
        raise ExtraMissing(found.feature, found.extra, error.name) from error
    return opener
