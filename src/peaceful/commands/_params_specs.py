"""Remembering how each item's parameters were given."""

from __future__ import annotations

from peaceful._aio import run_in_thread
from peaceful.item import specs_of
from peaceful.model import JsonValue
from peaceful.params import stored_form
from peaceful.runtime import BlockResult, BlockRun, BuiltFlow, CmdBlock


class ParamsSpecsBlock(CmdBlock[None]):
    """Writes down how each item's parameters are given, where that has changed. Has no items."""

    async def run(self, run: BlockRun) -> BlockResult[None]:
        """Writes them down."""
        specs = params_specs(run.ctx.flow)
        await run_in_thread(lambda: run.ctx.store.save_params_specs(specs))
        return BlockResult(None)


def params_specs(flow: BuiltFlow) -> dict[str, JsonValue]:
    """By item and field, how the value is given, in the form in which it is stored."""
    return {
        item_id: {name: stored_form(spec) for name, spec in specs_of(flow_item.item).items()}
        for item_id, flow_item in flow.items.items()
    }
