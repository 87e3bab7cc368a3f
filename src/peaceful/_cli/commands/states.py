"""The commands that show stored states, and what differs: from the goal, or between profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from peaceful._cli.program.result import Result, document_text, left_flows_document
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._cli.terminal.wrapping import notice_lines, wrapped
from peaceful._commands.diff import DiffCmd
from peaceful._commands.ownership import changes_told, load_owned
from peaceful._commands.status import KnownState, StatusCmd, in_progress_words
from peaceful._errors.usage import NameUnknown, UsageError
from peaceful._item.diff import Change, changes_document
from peaceful._model.codec import ItemId, JsonValue, to_json
from peaceful._model.outcome import Complete
from peaceful._present.numbers import moment
from peaceful._present.text import count, display_width, fitted, one_line, padded, shortened
from peaceful._runtime.block import StateDiffs
from peaceful._runtime.ctx import CmdCtx
from peaceful._storage.stored_state import StateKind, facts_of

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation
    from peaceful._commands.run_request import EditName


def states(invocation: Invocation, kind: str) -> Result:
    """Show the stored states of a kind: `current` or `goal`."""
    ctx, contexts = _flow_ctx(invocation, by_stored=True), invocation.contexts()
    known = StatusCmd.exec(ctx, StateKind(kind))
    left = contexts.left_flows(ctx.profile)
    notices = (*ctx.notices, *contexts.left_notices(ctx.profile))
    hint = invocation.line("discover")
    title = f"{ctx.app} · {ctx.profile} · {ctx.flow.id} · {kind} states"
    document: dict[str, JsonValue] = {
        **states_document(known),
        "tags": {item: [*sorted(each.tags)] for item, each in ctx.flow.items.items() if each.tags},
        "left_flows": left_flows_document(left),
        "warnings": [*notices],
    }
    return Result(
        document,
        lambda page: [
            *states_lines(title, known, hint, page, is_built=ctx.flow.problem is None),
            *notice_lines(notices, page),
        ],
    )


def states_document(known: Mapping[ItemId, KnownState]) -> dict[str, JsonValue]:
    """Return stored states for programs: null if not known; since when one was in progress."""
    stored = {item: each.stored for item, each in known.items() if each.stored is not None}
    return {
        "states": {item: stored[item].state if item in stored else None for item in known},
        "in_progress_since": {
            item: to_json(each.in_progress_since)
            for item, each in stored.items()
            if each.in_progress_since is not None
        },
        "stopped": [item for item, each in stored.items() if each.stopped],
        "not_in_flow": [item for item, each in known.items() if not each.in_flow],
        "notes": {item: each.note for item, each in known.items() if each.note},
    }


def states_lines(
    title: str,
    known: Mapping[ItemId, KnownState],
    discover: str,
    page: Page,
    *,
    is_built: bool = True,
) -> Sequence[Line]:
    """Return stored states for people; `discover` is the command that finds unknown ones.

    Unless the flow `is_built`, it is not known what has left it.
    """
    lines = [line((shortened(title, page.room), Style.STRONG)), line("")]
    width = min(max((display_width(item) for item in known), default=0), page.room // 2)
    for item, each in known.items():
        name = padded(fitted(item, width), width)
        words = _words(each, page, is_built=is_built)
        style = Style.PLAIN if each.stored is not None and each.in_flow else Style.FAINT
        lines.append(line(f"  {name}  ", (fitted(words, page.room - width - 4), style)))
    missing = sum(each.stored is None for each in known.values())
    if not known:
        lines.append(line("  The flow has no items." if is_built else "  Nothing is stored."))
    if missing:
        verb = "is" if missing == 1 else "are"
        said = f"{count(missing, 'state')} {verb} not known. Find out with: {discover}"
        lines += [line(""), line(f"  {said}")]
    return lines


def _flow_ctx(invocation: Invocation, *, by_stored: bool = False) -> CmdCtx:
    """Return the context of the flow and profile that the invocation names."""
    options = invocation.options
    ctx = invocation.contexts().cmd_ctx(options.profile, options.flow, by_stored=by_stored)
    invocation.profile, invocation.flow = ctx.profile, ctx.flow.id
    return ctx


def _words(known: KnownState, page: Page, *, is_built: bool) -> str:
    shown = one_line(known.shown)
    if known.stored is not None and known.stored.in_progress_since is not None:
        since = moment(known.stored.in_progress_since, page.zone, page.now)
        shown = in_progress_words(since, one_line(known.stopped_at))
    return f"{shown} (no longer in the flow)" if is_built and not known.in_flow else shown


def entries_list(invocation: Invocation) -> Result:
    """List what is stored: which thing each is, whether it was made or found, its state."""
    ctx = _flow_ctx(invocation, by_stored=True)
    known = StatusCmd.exec(ctx)
    stored = {item: each for item, each in known.items() if each.stored is not None}
    title = f"{ctx.app} · {ctx.profile} · {ctx.flow.id} · {count(len(stored), 'thing')} known"
    return Result(
        {
            "states": {item: _entry_document(each) for item, each in stored.items()},
            "warnings": [*ctx.notices],
        },
        lambda page: [
            *entries_lines(title, stored, page, is_built=ctx.flow.problem is None),
            *notice_lines(ctx.notices, page),
        ],
    )


def _entry_document(known: KnownState) -> dict[str, JsonValue]:
    assert known.stored is not None
    return {
        "identity": known.stored.identity,
        "origin": known.stored.origin.value if known.stored.known else None,
        "shown": known.shown,
        "in_flow": known.in_flow,
    }


def entries_lines(
    title: str, stored: Mapping[ItemId, KnownState], page: Page, *, is_built: bool
) -> Sequence[Line]:
    """Return entries for people: name and origin, the state in a few words; the thing below."""
    lines = [line((shortened(title, page.room), Style.STRONG)), line("")]
    width = min(max((display_width(item) for item in stored), default=0), page.room // 2)
    for item, each in stored.items():
        assert each.stored is not None
        origin = each.stored.origin.value if each.stored.known else "?"
        words = fitted(_words(each, page, is_built=is_built), page.room - width - 12)
        style = Style.PLAIN if each.in_flow else Style.FAINT
        name = padded(fitted(item, width), width)
        lines.append(line(f"  {name}  ", (f"{padded(origin, 6)}  {words}", style)))
        if each.stored.identity is not None:
            identity = fitted(one_line(each.stored.identity), page.room - width - 12)
            lines.append(line((f"  {' ' * width}          {identity}", Style.FAINT)))
    return lines


def entries_show(invocation: Invocation, item: ItemId) -> Result:
    """Show all that is stored of an item."""
    ctx = _flow_ctx(invocation, by_stored=True)
    states = load_owned(ctx.flow, ctx.store).states
    entries = {kind: states[kind].get(item) for kind in StateKind}
    if not any(entries.values()):
        raise NameUnknown("stored item", item, states[StateKind.CURRENT])
    document: dict[str, JsonValue] = {
        "item": item,
        "in_flow": item in ctx.flow.items,
        **{
            kind.value: None if each is None else to_json(facts_of(each))
            for kind, each in entries.items()
        },
    }
    return Result(
        document,
        lambda _: [line(each) for each in document_text(document, "yaml").splitlines()],
    )


def entries_forget(invocation: Invocation, items: Sequence[ItemId], *, dry_run: bool) -> Result:
    """Drop what is stored of items."""
    return _edited(invocation, "states forget", items, dry_run=dry_run)


def entries_move(invocation: Invocation, old: ItemId, new: ItemId, *, dry_run: bool) -> Result:
    """Store what is stored of an item under another name."""
    return _edited(invocation, "states move", (old, new), dry_run=dry_run)


def entries_adopt(invocation: Invocation, items: Sequence[ItemId], *, dry_run: bool) -> Result:
    """Let what was found count as made."""
    return _edited(invocation, "states adopt", items, dry_run=dry_run)


def _edited(
    invocation: Invocation, command: EditName, items: Sequence[ItemId], *, dry_run: bool
) -> Result:
    from peaceful._cli.commands.execute import edit

    return edit(invocation, command, tuple(items), dry_run=dry_run)


def diff(invocation: Invocation, profiles: Sequence[str], *, stored: bool) -> Result:
    """Show what differs from the goal (stored states only, if `stored`), or between profiles."""
    if len(profiles) not in {0, 2}:
        raise UsageError(
            f"diff compares two profiles, not {len(profiles)}.",
            help=f"{invocation.line('diff', 'PROFILE_A', 'PROFILE_B')}; "
            "or without profiles, to compare with the goal",
        )
    if profiles:
        # What only an execution heeds would be believed.
        invocation.options.refuse_others("diff of two profiles")
        both = invocation.contexts().profiles_flow_ctx(profiles, invocation.options.flow)
        diffs = DiffCmd.profiles(both)
        title = f"{both.app} diff · {profiles[0]} → {profiles[1]} · {diffs.headline}"
        return _diffs(title, diffs, both.notices)
    if stored:
        invocation.options.refuse_others("diff --stored")
        ctx = _flow_ctx(invocation)
        diffs = DiffCmd.stored(ctx)
        return _diffs(f"{ctx.app} diff --stored · {ctx.profile} · {diffs.headline}", diffs)
    return _discovered(invocation)


def _discovered(invocation: Invocation) -> Result:
    # What runs commands is loaded only here: to look at stored states needs none of it.
    from peaceful._cli.commands.execute import run
    from peaceful._cli.progress.ending import answer

    request, execution = run(invocation, "diff")
    outcome = execution.outcome
    if not isinstance(outcome, Complete):
        return answer(execution, invocation, request, {"diffs": {}})
    diffs = outcome.value
    assert isinstance(diffs, StateDiffs)
    title = f"{execution.title} · {diffs.headline}"
    result = answer(execution, invocation, request, diffs_document(diffs))
    return replace(result, lines=_diffs(title, diffs).lines)


def _diffs(title: str, diffs: StateDiffs, notices: Sequence[str] = ()) -> Result:
    return Result(
        {**diffs_document(diffs), **({"warnings": [*notices]} if notices else {})},
        lambda page: [*diffs_lines(title, diffs, page), *notice_lines(notices, page)],
    )


def diffs_document(diffs: StateDiffs) -> dict[str, JsonValue]:
    """Return differences for programs: by item the difference or null, and why some are unknown.

    Those of parameters are there where two profiles were compared.
    """
    params = {} if diffs.params is None else {"params": changes_document(diffs.params)}
    return {
        "diffs": {
            item: None if each is None else each.to_json() for item, each in diffs.diffs.items()
        },
        "unknown": dict(diffs.unknown),
        "left": [*diffs.left],
        "taken_over": dict(diffs.taken_over),
        "replaced": dict(diffs.replaced),
        **params,
    }


def change_lines(change: Change, page: Page) -> Iterator[Line]:
    """Yield a change, below what it is of."""
    first, *others = wrapped(one_line(str(change)), page.room - 6)
    before, after = change.words
    style = Style.PLAIN if before and after else Style.BAD if before else Style.GOOD
    yield line("    ", (first, style))
    for part in others:
        yield line(f"      {part}")


def diffs_lines(title: str, diffs: StateDiffs, page: Page) -> Sequence[Line]:
    """Return differences for people: items with each change; and those that cannot be compared."""
    lines = [line((shortened(title, page.room), Style.STRONG))]
    changed = [(item, each.changes) for item, each in diffs.diffs.items() if each is not None]
    params = [("parameters:", diffs.params)] if diffs.params else []
    for of, changes in [*changed, *params]:
        lines += [line(""), line("  ", (of, Style.STRONG))]
        for change in changes:
            lines += change_lines(change, page)
    former = {*diffs.replaced.values()}
    remarks = [
        *(f"{item}: {reason}" for item, reason in diffs.unknown.items()),
        *changes_told(diffs),
        *(f"{n} has left the flow, and is still there" for n in diffs.left if n not in former),
    ]
    lines += [line("")] if remarks else []
    for remark in remarks:
        lines += [
            line((f"  {part}", Style.FAINT)) for part in wrapped(one_line(remark), page.room - 2)
        ]
    return lines
