"""The command `plan`."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from peaceful._cli.commands.execute import run
from peaceful._cli.program.result import Result
from peaceful._cli.progress.ending import answer
from peaceful._cli.terminal.text import Line, Page, line
from peaceful._cli.terminal.wrapping import wrapped
from peaceful._commands.plan import Plan
from peaceful._model.outcome import Complete, ItemStatus
from peaceful._present.summary import counts_in_words, status_word
from peaceful._present.text import name_list, one_line

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation
    from peaceful._model.codec import JsonValue

DIFFERS: Final = 4
"""The exit code of `plan --exit-code` where something would be done."""

_NAMED: Final = 10


def plan(
    invocation: Invocation,
    *,
    out: Path | None,
    exit_code: bool,
    markdown: bool,
    **typed: Any,  # noqa: ANN401  the options of the plan, as click has read them
) -> Result:
    """Say what `ensure` would do, and keep that if it is wanted."""
    request, execution = run(invocation, "plan", **typed)
    outcome = execution.outcome
    made = outcome.value if isinstance(outcome, Complete) else None
    if not isinstance(made, Plan):
        return answer(execution, invocation, request)
    file = None if out is None else Path.cwd() / out
    if file is not None:
        made.save(file)
    kept = made.execution_id if out is None else str(out)
    apply = invocation.line(invocation.app.ensure_name, "--plan", kept) if made.differs else ""
    more: dict[str, JsonValue] = {
        "differs": made.differs,
        "remarks": list(made.remarks),
        "left": list(made.left),
        "plan": None if file is None else str(file),
    }
    result = answer(execution, invocation, request, more)
    code = DIFFERS if exit_code and made.differs else result.exit_code

    def lines(page: Page) -> Sequence[Line]:
        if markdown:
            return [line(each) for each in _markdown(made)]
        return [*result.lines(page), *_lines(made, apply, page)]

    return dataclasses.replace(result, lines=lines, exit_code=code)


def _markdown(plan: Plan) -> Iterator[str]:
    """Yield the lines of a plan in Markdown, as for a comment on a change request."""
    counts = counts_in_words(Counter(each.status for each in plan.items.values()))
    yield f"**{plan.app} · {plan.profile} · {plan.flow}**: {counts or 'nothing'}"
    said = [
        f"| {status_word(each.status)} | `{item}` | {_escaped(each.message)} |"
        for item, each in plan.items.items()
        if each.status is not ItemStatus.UNCHANGED
    ]
    if said:
        yield from ("", "| | item | what |", "|---|---|---|", *said)
    for remark in _remarks(plan):
        yield from ("", _escaped(remark))


def _escaped(text: str) -> str:
    return "".join(f"\\{each}" if each in "\\`*_[]<>|~" else each for each in one_line(text))


def _remarks(plan: Plan) -> Iterator[str]:
    yield from plan.remarks
    if plan.left:
        yield f"left, and not removed without --prune: {name_list(plan.left, _NAMED)}"
    if not plan.differs:
        yield "Nothing would be done."


def _lines(plan: Plan, apply: str, page: Page) -> Sequence[Line]:
    """Return what people should know besides what is said of each item."""
    said = [*_remarks(plan)]
    if apply:
        said.append(f"To do just this: {apply}")
    if not said:
        return []
    parts = [part for text in said for part in wrapped(text, page.room - 2)]
    return [line(""), *(line(f"  {part}") for part in parts)]
