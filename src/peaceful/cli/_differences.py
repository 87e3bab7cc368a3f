"""What differs from the goal, or between two profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from peaceful.cli._answer import answer
from peaceful.cli._applying import run
from peaceful.cli._lines import Line, Style, line
from peaceful.cli._page import Page
from peaceful.cli._result import Result
from peaceful.cli._wrapping import wrapped
from peaceful.commands import DiffCmd, DiffProfilesCmd
from peaceful.errors import UsageError
from peaceful.model import Complete, JsonValue
from peaceful.present import one_line, shortened
from peaceful.runtime import StateDiffs

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation


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
