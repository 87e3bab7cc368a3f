"""An error as data, for documents and events."""

from __future__ import annotations

import msgspec


class ErrorJson(msgspec.Struct, frozen=True):
    """An error in a JSON document.

    Attributes:
        code: stable, upper case.
        message: what happened and why it is wrong, with its details.
        help: what to do now; empty only if nothing can be done.
    """

    code: str
    message: str
    help: str
