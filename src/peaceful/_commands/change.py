"""The change of one item, from the question whether it may begin to its record."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from peaceful._commands.item_access import asked, confirm
from peaceful._commands.recording import Observation, StateRecorder
from peaceful._item.diff import StateDiff
from peaceful._item.safe_point import StoppedAtSafePoint
from peaceful._model.codec import ItemId
from peaceful._model.outcome import ItemResult
from peaceful._model.state import State
from peaceful._runtime.block import BlockRun, diff_of


class Change:
    """The change of one item that was looked at; notes in `known` what it then is."""

    def __init__(
        self, run: BlockRun, record: StateRecorder, found: Observation, known: dict[ItemId, State]
    ) -> None:
        self._run = run
        self._record = record
        self._found = found
        self._known = known

    async def make(
        self,
        function: str,
        current: State,
        goal: State,
        diff: StateDiff | None,
        *,
        stored_goal: State | None,
    ) -> ItemResult:
        """Call the item's function, unless an interrupt came; record what it is then.

        The `diff` is what leads from the current state to the goal.
        """
        run, record, found = self._run, self._record, self._found
        ctx, item = found.ctx, found.item
        begun = await record.started(found, current)
        # Between this question and the item's own code, nothing waits.
        if not run.may_change(ctx):
            self._known[ctx.item] = current
            return await record.not_changed(found, current, stored_goal)
        given = [*record.approvals(ctx.item)]
        keep = partial(record.approved, found, current, begun)
        try:
            with run.scope.approvals.allowed(ctx.item, function, given, keep):
                changed = await asked(run, item, function, ctx, current, goal)
        except StoppedAtSafePoint as stop:
            await record.stopped(found, stop, begun)
            raise
        self._known[ctx.item] = changed
        if function == "clean":
            record.gone(ctx.item)
        result = await record.made(found, changed, stored_goal)
        confirm(item, ctx, changed, goal)
        if changed is not goal and changed != goal:
            diff = diff_of(item, ctx.item, current, changed)
        return result if diff is None else replace(result, changes=diff.changes)
