"""One moment of a picture: how much room there is, what time it is, what it is about."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from peaceful.model import ItemStatus
from peaceful.present import status_symbol

_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_SPINNER: Final = "|/-\\"


class Frame(msgspec.Struct, frozen=True):
    """One moment of a picture.

    Attributes:
        width: columns that there are.
        height: lines that there are.
        now: UTC.
        tick: counts the frames, which moves what shows that something moves.
        title: what is executed, in words: `envman deploy · internal_dev_a · 0193a5c2`.
        main_block: the block that needs no name, because it is what the command is about.
        ctrl_c: whether Ctrl-C interrupts.
        closing: whether the ending is told by the picture, and not by what is printed after it.
        ascii_only: whether the terminal has ASCII only.
    """

    width: int
    height: int
    now: datetime
    tick: int
    title: str
    main_block: str = ""
    ctrl_c: bool = True
    closing: bool = False
    ascii_only: bool = False

    @property
    def spinner(self) -> str:
        """One column that moves from frame to frame."""
        signs = _ASCII_SPINNER if self.ascii_only else _SPINNER
        return signs[self.tick % len(signs)]

    @property
    def dot(self) -> str:
        """One column for what has not started."""
        return status_symbol(ItemStatus.NOT_STARTED, ascii_only=self.ascii_only)
