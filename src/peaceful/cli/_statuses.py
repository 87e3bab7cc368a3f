"""The colour of each ending, beside its word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from peaceful.cli._lines import Style
from peaceful.model import ItemStatus

STATUS_STYLES: Final[Mapping[ItemStatus, Style]] = {
    ItemStatus.DONE: Style.GOOD,
    ItemStatus.UNCHANGED: Style.FAINT,
    ItemStatus.FAILED: Style.BAD,
    ItemStatus.ABANDONED: Style.CUT,
    ItemStatus.NOT_STARTED: Style.FAINT,
}
"""The colour of each ending, which says no more than its word."""
