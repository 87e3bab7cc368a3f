"""A plan on the page of its execution: what would change, and the button that does just that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from peaceful._errors.base import PeacefulError
from peaceful._executions.records import ExecutionRecord
from peaceful._item.diff import Change
from peaceful._model.codec import ItemId, JsonObject, JsonValue
from peaceful._model.document import ItemDocument
from peaceful._model.execution import Approval
from peaceful._model.outcome import WOULD, ItemStatus
from peaceful._present.summary import status_word
from peaceful._present.text import one_line
from peaceful._web.context import ServerContext
from peaceful._web.pages.param_fields import PARAM_PREFIX, shown_value
from peaceful._web.pages.rows import ChangeRow, DisplayStatus, changes_cut, changes_shown

if TYPE_CHECKING:
    from peaceful._commands.plan import Plan, PlannedItem

_LONGEST: Final = 300
_MOST_ROWS: Final = 200
_LATER: Final = 10

_REMOVES: Final = frozenset({ItemStatus.WOULD_REMOVE, ItemStatus.WOULD_REPLACE})


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, as it is offered to people.

    Attributes:
        id: the execution that has made it.
        label: what the button says that carries it out; empty if nothing is to be done.
        removes: whether it removes anything.
        params: parameters that are stored once it is carried out, each with the value before and
            after, in words.
        rows: what would be changed, or is not known.
        more: how many rows are not shown.
        remarks: what people should know besides, in sentences.
        left: what has left the flow, and would stay.
        again: the fields of a form that asks for the same plan anew.
        asks: whether the profile's name is to be typed.
        since: an execution after it that may have changed something, if there is one.
        needs_approval: whether it is carried out only once somebody else has approved it.
        approval: what somebody has said about it, if anybody has.
        by: who has made it.
    """

    id: str
    label: str = ""
    removes: bool = False
    params: tuple[tuple[str, str, str], ...] = ()
    rows: tuple[ChangeRow, ...] = ()
    more: int = 0
    remarks: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    again: tuple[tuple[str, str], ...] = ()
    asks: bool = False
    since: ExecutionRecord | None = None
    needs_approval: bool = False
    approval: Approval | None = None
    by: str = ""

    @property
    def may_be_carried_out(self) -> bool:
        """Whether there is anything to do, and nobody has to approve it first."""
        refused = self.approval is not None and not self.approval.approved
        return bool(self.label) and not refused and not self.waits

    @property
    def waits(self) -> bool:
        """Whether somebody has to approve it first."""
        return bool(self.label) and self.needs_approval and self.approval is None

    @property
    def pruning(self) -> tuple[tuple[str, str], ...]:
        """The fields of a form that asks for the same, with what is left removed."""
        return (*self.again, ("prune", "true"))


def offer_of(server: ServerContext, record: ExecutionRecord, verb: str) -> Offer | None:
    """Return the plan that an execution has made, or was held to; None if there is none.

    Of one that was held to a plan, only what it takes to plan the same anew. The `verb` is what the
    application calls to ensure. Raises `StorageError`.
    """
    contexts, outcome, held_to = server.contexts, record.outcome, record.asked.plan
    if held_to is not None:
        return _held_to(server, held_to)
    plan = contexts.plan_by(record)
    if plan is None or outcome is None:
        return None
    counts = Counter(each.status for each in plan.items.values())
    shown = [
        (item, each)
        for item, each in plan.items.items()
        if each.status in WOULD or each.status is ItemStatus.UNKNOWN
    ]
    rows = tuple(_row(item, each, outcome.items.get(item)) for item, each in shown[:_MOST_ROWS])
    return Offer(
        id=record.id,
        label=_label(plan, counts, verb),
        removes=any(counts[each] for each in _REMOVES),
        params=tuple(_params(contexts.stored(plan.profile, plan.flow), plan)),
        rows=rows,
        more=len(shown) - len(rows),
        remarks=plan.remarks,
        left=plan.left,
        again=tuple(_again(plan)),
        asks=contexts.asks_before("ensure", plan.profile),
        since=_since(server, record),
        needs_approval=server.running.needs_approval(plan.profile),
        approval=record.plan_approval,
        by=record.info.started_by.user,
    )


def _row(item: ItemId, planned: PlannedItem, ended: ItemDocument | None) -> ChangeRow:
    changes = [] if ended is None else [*map(Change.of, ended.changes or ())]
    return ChangeRow(
        item,
        DisplayStatus(planned.status.value),
        status_word(planned.status),
        one_line(planned.message, _LONGEST),
        "",
        changes_shown(changes),
        changes_cut(changes) + (0 if ended is None else ended.changes_left_out or 0),
    )


def _held_to(server: ServerContext, plan_id: str) -> Offer | None:
    try:
        plan = server.contexts.plan_by(server.executions.get(plan_id))
    except PeacefulError:
        return None  # It was forgotten meanwhile, or came in a file.
    return None if plan is None else Offer(id=plan_id, again=tuple(_again(plan)))


def _label(plan: Plan, counts: Mapping[ItemStatus, int], verb: str) -> str:
    """Return what is done by the button: `Deploy these 2 changes`."""
    changes = sum(counts.get(each, 0) for each in WOULD)
    unknown = counts.get(ItemStatus.UNKNOWN, 0)
    if not changes and not unknown:
        return f"{verb}: store the parameters" if plan.given or plan.unset else ""
    these = "this change" if changes == 1 else f"these {changes:,} changes"
    then = f"{unknown:,} that {'is' if unknown == 1 else 'are'} known only then"
    if not changes:
        return f"{verb} {then}"
    return f"{verb} {these}, and {then}" if unknown else f"{verb} {these}"


def _params(stored: JsonObject, plan: Plan) -> Iterator[tuple[str, str, str]]:
    for name in (*plan.given, *plan.unset):
        before, after = stored.get(name), plan.given.get(name)
        if before != after:
            yield name, _shown(before), _shown(after)


def _shown(value: JsonValue) -> str:
    return "default" if value is None else one_line(shown_value(value), _LONGEST)


def _again(plan: Plan) -> Iterator[tuple[str, str]]:
    yield from (("profile", plan.profile), ("flow_id", plan.flow))
    yield from (("only", item) for item in plan.only)
    yield from (("replace", item) for item in plan.replace)
    if plan.prune:
        yield "prune", "true"
    yield from ((f"{PARAM_PREFIX}{name}", shown_value(each)) for name, each in plan.given.items())
    yield from ((f"{PARAM_PREFIX}{name}", "") for name in plan.unset)


def _since(server: ServerContext, record: ExecutionRecord) -> ExecutionRecord | None:
    """Return the newest execution after one that may have changed something."""
    page = server.executions.list(profile=record.info.profile, limit=_LATER)
    for each in page.records:
        if each.id == record.id:
            return None
        if not each.info.dry_run and each.info.command not in {"diff", "discover"}:
            return each
    return None
