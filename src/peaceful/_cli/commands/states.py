"""Stored states, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from peaceful._cli.commands.execute import run
from peaceful._cli.program.result import Result
from peaceful._cli.progress.ending import answer
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._cli.terminal.wrapping import wrapped
from peaceful._commands.diff import DiffCmd, DiffProfilesCmd, KnownState, StatusCmd
from peaceful._errors.usage import UsageError
from peaceful._model.codec import JsonValue, to_json
from peaceful._model.field_types import ItemId
from peaceful._model.outcome import Complete
from peaceful._present.numbers import moment
from peaceful._present.text import count, display_width, fitted, one_line, padded, shortened
from peaceful._runtime.calls import StateDiffs
from peaceful._storage.stored_state import StateKind

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation


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


def diff(invocation: Invocation, profiles: Sequence[str], *, stored: bool) -> Result:
    """Shows what differs.

    Args:
        invocation: the run of the command line.
        profiles: two profiles to compare, or none to compare what is with what should be.
        stored: whether to compare what is stored, without looking at what is there.

    Raises:
        UsageError: there is one profile, or more than two.
    """
    if len(profiles) not in {0, 2}:
        raise UsageError(
            f"diff compares two profiles, not {len(profiles)}.",
            help=f"{invocation.line('diff', 'PROFILE_A', 'PROFILE_B')}; "
            "or without profiles, to compare with the goal",
        )
    if profiles:
        return _between(invocation, profiles)
    return _stored(invocation) if stored else _discovered(invocation)


def _discovered(invocation: Invocation) -> Result:
    request, execution = run(invocation, "diff")
    outcome = execution.outcome
    if not isinstance(outcome, Complete):
        return answer(execution, invocation, request, {"diffs": {}})
    diffs = outcome.value
    assert isinstance(diffs, StateDiffs)
    title = f"{execution.title} · {diffs.headline}"
    told = answer(execution, invocation, request, diffs_document(diffs))

    def lines(page: Page) -> Sequence[Line]:
        return diffs_lines(title, diffs, page)

    return replace(told, lines=lines)


def _stored(invocation: Invocation) -> Result:
    ctx = invocation.contexts().cmd_ctx(invocation.options.profile, invocation.options.flow)
    invocation.profile, invocation.flow = ctx.profile, ctx.flow.id
    diffs = DiffCmd.stored(ctx)
    title = f"{ctx.app} diff --stored · {ctx.profile} · {diffs.headline}"
    return Result(diffs_document(diffs), lambda page: diffs_lines(title, diffs, page))


def _between(invocation: Invocation, profiles: Sequence[str]) -> Result:
    ctx = invocation.contexts().profiles_flow_ctx(profiles, invocation.options.flow)
    diffs = DiffProfilesCmd.exec(ctx)
    title = f"{ctx.app} diff · {profiles[0]} → {profiles[1]} · {diffs.headline}"
    return Result(diffs_document(diffs), lambda page: diffs_lines(title, diffs, page))


def diffs_document(diffs: StateDiffs) -> dict[str, JsonValue]:
    """Differences for programs.

    Returns:
        `diffs`: by item, what differs, none where nothing does; `unknown`: by item, why it is not
        known.
    """
    return {
        "diffs": {
            item: None if each is None else each.to_json() for item, each in diffs.diffs.items()
        },
        "unknown": dict(diffs.unknown),
    }


def diffs_lines(title: str, diffs: StateDiffs, page: Page) -> Sequence[Line]:
    """Differences for people: items with each change; and those that cannot be compared."""
    lines = [line((shortened(title, page.room), Style.STRONG))]
    for item, each in diffs.diffs.items():
        if each is None:
            continue
        lines += [line(""), line("  ", (item, Style.STRONG))]
        for change in each.changes:
            parts = wrapped(one_line(str(change)), page.room - 6)
            lines.append(line("    ", (parts[0], _style(change.before, change.after))))
            lines += [line(f"      {part}") for part in parts[1:]]
    if diffs.unknown:
        lines.append(line(""))
        lines += [
            line((shortened(f"  {item}: {one_line(reason)}", page.room), Style.FAINT))
            for item, reason in diffs.unknown.items()
        ]
    return lines


def _style(before: JsonValue, after: JsonValue) -> Style:
    if before is None:
        return Style.GOOD
    return Style.BAD if after is None else Style.PLAIN
