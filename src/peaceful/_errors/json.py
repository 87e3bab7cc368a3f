"""An error as data: what documents and events carry of it."""

from __future__ import annotations

import msgspec


class ErrorJson(msgspec.Struct, frozen=True):
    """An error in a JSON document.

    Attributes:
        code: stable, upper case.
        message: what happened and why it is wrong, with its details.
        help: what to do now; empty only where nothing can be done.
    """

    code: str
    message: str
    help: str
