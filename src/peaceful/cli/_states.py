"""Stored states, as they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from peaceful.cli._lines import Line, Style, line
from peaceful.cli._page import Page
from peaceful.cli._result import Result
from peaceful.commands import KnownState, StatusCmd
from peaceful.model import ItemId, JsonValue, to_json
from peaceful.present import count, display_width, fitted, moment, one_line, padded, shortened
from peaceful.storage import StateKind

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation


def status(invocation: Invocation) -> Result:
    """The stored current states."""
    return _states(invocation, StateKind.CURRENT)


def goal(invocation: Invocation) -> Result:
    """The stored goal states."""
    return _states(invocation, StateKind.GOAL)


def _states(invocation: Invocation, kind: StateKind) -> Result:
    ctx = invocation.contexts().cmd_ctx(invocation.options.profile, invocation.options.flow)
    invocation.profile, invocation.flow = ctx.profile, ctx.flow.id
    known = StatusCmd.exec(ctx, kind)
    hint = invocation.line("discover")
    title = f"{ctx.app} · {ctx.profile} · {ctx.flow.id} · {kind} states"
    return Result(states_document(known), lambda page: states_lines(title, known, hint, page))


def states_document(known: Mapping[ItemId, KnownState]) -> dict[str, JsonValue]:
    """Stored states for programs.

    Returns:
        `states`: by item its state, none where it is not known; `in_progress_since`: by item, since
        when its state may be out of date; `not_in_flow`: the items that the flow no longer has.
    """
    return {
        "states": {item: _state(each) for item, each in known.items()},
        "in_progress_since": {
            item: to_json(each.stored.in_progress_since)
            for item, each in known.items()
            if each.stored is not None and each.stored.in_progress_since is not None
        },
        "not_in_flow": [item for item, each in known.items() if not each.in_flow],
    }


def states_lines(
    title: str, known: Mapping[ItemId, KnownState], discover: str, page: Page
) -> Sequence[Line]:
    """Stored states for people.

    Args:
        title: whose they are.
        known: the states.
        discover: what to type to find them.
        page: where they are shown.
    """
    lines = [line((shortened(title, page.room), Style.STRONG)), line("")]
    width = min(max((display_width(item) for item in known), default=0), page.room // 2)
    for item, each in known.items():
        name = padded(fitted(item, width), width)
        words = _words(each, page)
        room = page.room - width - 4
        style = Style.PLAIN if each.stored is not None and each.in_flow else Style.FAINT
        lines.append(line(f"  {name}  ", (fitted(words, room), style)))
    missing = sum(each.stored is None for each in known.values())
    if not known:
        lines.append(line("  The flow has no items."))
    if missing:
        verb = "is" if missing == 1 else "are"
        said = f"{count(missing, 'state')} {verb} not known. Find out with: {discover}"
        lines += [line(""), line(f"  {said}")]
    return lines


def _state(known: KnownState) -> JsonValue:
    return None if known.stored is None else known.stored.state


def _words(known: KnownState, page: Page) -> str:
    shown = one_line(known.shown)
    if known.stored is not None and known.stored.in_progress_since is not None:
        since = moment(known.stored.in_progress_since, page.zone, page.now)
        shown = f"in progress since {since}, not known what it is now"
    return shown if known.in_flow else f"{shown} (no longer in the flow)"
