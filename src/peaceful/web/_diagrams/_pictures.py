"""The two diagrams of a flow as SVG, in one call each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from peaceful.commands import StatusCmd
from peaceful.runtime import BuiltFlow, CmdCtx
from peaceful.web._diagrams._layout import drawn
from peaceful.web._diagrams._model import Plan
from peaceful.web._diagrams._outcome import outcome_plan
from peaceful.web._diagrams._progress import progress_plan
from peaceful.web._diagrams._svg import Style, svg
from peaceful.web._diagrams._touches import Touches, touches_of

PROGRESS: Final = Style(name="progress", boxes="node-")
OUTCOME: Final = Style(name="outcome", boxes="outcome-")
_IN_PAGE: Final[Mapping[str, Style]] = {
    each.name: replace(each, rows="#row-", alone=False) for each in (PROGRESS, OUTCOME)
}


def progress_drawing(flow: BuiltFlow, statuses: Mapping[str, str], *, in_page: bool = True) -> str:
    """The items of a flow, and what waits for what, as SVG.

    Args:
        flow: the flow.
        statuses: by item, how it stands, in words of `STATUSES`; those not named are pending.
        in_page: whether it is for a page, whose style sheet says how it looks, with links to
            `#row-ITEM`; else it is a file of its own.

    Raises:
        DiagramTooLarge: the flow has more items than anyone could take in.
    """
    return _written(progress_plan(flow), statuses, PROGRESS, in_page=in_page)


def outcome_drawing(
    flow: str, touches: tuple[Touches, ...], statuses: Mapping[str, str], *, in_page: bool = True
) -> str:
    """The places that a flow touches, and the items that act on them, as SVG.

    Args:
        flow: the flow's name.
        touches: what its items touch: see `outcome_of`.
        statuses: as for `progress_drawing`.
        in_page: likewise.

    Raises:
        DiagramTooLarge: there are more places and items than anyone could take in.
    """
    return _written(outcome_plan(flow, touches), statuses, OUTCOME, in_page=in_page)


def outcome_of(ctx: CmdCtx) -> tuple[Touches, ...]:
    """What the items of a flow touch, by what is stored of them. Reads files, runs code of items.

    Raises:
        StorageError: what is stored cannot be read.
    """
    return touches_of(ctx.flow, StatusCmd.states(ctx))


def _written(plan: Plan, statuses: Mapping[str, str], style: Style, *, in_page: bool) -> str:
    return svg(drawn(plan), statuses, _IN_PAGE[style.name] if in_page else style)
