"""The commands that show what differs: from the goal, or between profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from peaceful._cli.commands.execute import run
from peaceful._cli.commands.states import flow_ctx
from peaceful._cli.program.result import Result
from peaceful._cli.progress.ending import answer
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._cli.terminal.wrapping import wrapped
from peaceful._commands.diff import DiffCmd, DiffProfilesCmd
from peaceful._errors.usage import UsageError
from peaceful._model.codec import JsonValue
from peaceful._model.outcome import Complete
from peaceful._present.text import one_line, shortened
from peaceful._runtime.block import StateDiffs

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation


def diff(invocation: Invocation, profiles: Sequence[str], *, stored: bool) -> Result:
    """Show what differs from the goal (stored states only, if `stored`), or between profiles."""
    if len(profiles) not in {0, 2}:
        raise UsageError(
            f"diff compares two profiles, not {len(profiles)}.",
            help=f"{invocation.line('diff', 'PROFILE_A', 'PROFILE_B')}; "
            "or without profiles, to compare with the goal",
        )
    if profiles:
        both = invocation.contexts().profiles_flow_ctx(profiles, invocation.options.flow)
        diffs = DiffProfilesCmd.exec(both)
        title = f"{both.app} diff · {profiles[0]} → {profiles[1]} · {diffs.headline}"
        return _diffs(title, diffs)
    if stored:
        ctx = flow_ctx(invocation)
        diffs = DiffCmd.stored(ctx)
        return _diffs(f"{ctx.app} diff --stored · {ctx.profile} · {diffs.headline}", diffs)
    return _discovered(invocation)


def _discovered(invocation: Invocation) -> Result:
    request, execution = run(invocation, "diff")
    outcome = execution.outcome
    if not isinstance(outcome, Complete):
        return answer(execution, invocation, request, {"diffs": {}})
    diffs = outcome.value
    assert isinstance(diffs, StateDiffs)
    title = f"{execution.title} · {diffs.headline}"
    result = answer(execution, invocation, request, diffs_document(diffs))
    return replace(result, lines=_diffs(title, diffs).lines)


def _diffs(title: str, diffs: StateDiffs) -> Result:
    return Result(diffs_document(diffs), lambda page: diffs_lines(title, diffs, page))


def diffs_document(diffs: StateDiffs) -> dict[str, JsonValue]:
    """Return differences for programs: by item the difference or null, and why some are unknown."""
    return {
        "diffs": {
            item: None if each is None else each.to_json() for item, each in diffs.diffs.items()
        },
        "unknown": dict(diffs.unknown),
    }


def diffs_lines(title: str, diffs: StateDiffs, page: Page) -> Sequence[Line]:
    """Return differences for people: items with each change; and those that cannot be compared."""
    lines = [line((shortened(title, page.room), Style.STRONG))]
    for item, each in diffs.diffs.items():
        if each is None:
            continue
        lines += [line(""), line("  ", (item, Style.STRONG))]
        for change in each.changes:
            parts = wrapped(one_line(str(change)), page.room - 6)
            added, removed = change.before is None, change.after is None
            style = Style.GOOD if added else Style.BAD if removed else Style.PLAIN
            lines.append(line("    ", (parts[0], style)))
            lines += [line(f"      {part}") for part in parts[1:]]
    lines += [line("")] if diffs.unknown else []
    for item, reason in diffs.unknown.items():
        text = shortened(f"  {item}: {one_line(reason)}", page.room)
        lines.append(line((text, Style.FAINT)))
    return lines
