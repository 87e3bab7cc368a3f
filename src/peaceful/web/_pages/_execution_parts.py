"""The parts of an execution's page that change while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from markupsafe import Markup

from peaceful.web._pages._rows import ItemRow
from peaceful.web._pages._site import Site, piece
from peaceful.web._pages._view import ExecutionView

_TEMPLATE: Final = "execution_parts.html"

LIVE_ROWS: Final = 500
"""Of how many items each row is kept up to date; of more, only those that matter now."""


def execution_parts(site: Site, view: ExecutionView) -> Mapping[str, Markup]:
    """By the ID of its element, each part but the rows."""
    parts = {
        "head": piece(_TEMPLATE, "head", site, view),
        "meter": piece(_TEMPLATE, "meter", site, view),
        "note": piece(_TEMPLATE, "note", site, view),
        "failures": piece(_TEMPLATE, "failures", site, view),
    }
    if len(view.rows) > LIVE_ROWS:
        parts["matters"] = piece(_TEMPLATE, "matters", view.mattering)
    return parts


def row_parts(rows: Iterable[ItemRow], number: int) -> Mapping[str, Markup]:
    """By the ID of its element, each row; none where there are too many in the whole.

    Args:
        rows: the rows.
        number: how many there are in the whole.
    """
    if number > LIVE_ROWS:
        return {}
    return {f"row-{row.item}": piece(_TEMPLATE, "row", row) for row in rows}
