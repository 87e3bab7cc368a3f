"""Opening doors by name.

The terminal and the web lie above this floor: they know the application, and it does not know them.
A door is looked up when somebody opens it, so that neither its code nor its dependencies are needed
before.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Final

from peaceful.errors import ExtraMissing

_DOORS: Final = {"cli": ("peaceful.cli", "run", "The command line")}
"""By extra: the module, its function, and what it is called."""


def door(extra: str) -> Callable[..., object]:
    """The function that opens a door.

    Args:
        extra: the extra of the package that the door needs, which also names it.

    Raises:
        ExtraMissing: the packages that it needs are not installed.
    """
    module, function, feature = _DOORS[extra]
    try:
        opener: Callable[..., object] = getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "peaceful":
            raise
        raise ExtraMissing(feature, extra, error.name) from error
    return opener
