"""`stored()`: a parameter that takes the value that was stored for it before."""

from __future__ import annotations

import enum
from typing import Any, Final


class _Stored(enum.Enum):
    """Stands in a flow for a value that was stored before; an enum, so that copies are itself."""

    STORED = enum.auto()

    def __repr__(self) -> str:
        return "stored()"

    __str__ = __repr__


STORED: Final = _Stored.STORED


def stored() -> Any:  # noqa: ANN401 - it stands in for a value of whatever type the field has
    """Says of a field: take the value that was stored for it before.

    The first command that gives the field a value stores it; later ones may say `stored()`. Secrets
    are never stored.
    """
    return STORED
