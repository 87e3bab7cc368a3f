"""Running: flows, contexts, blocks, executions, passes over items, and events on their way out."""

from peaceful.runtime._block import BlockResult, BlockRun, CmdBlock
from peaceful.runtime._calls import ItemCalls, StateDiffs, States, diff_of, needs_apply
from peaceful.runtime._ctx import (
    MAX_CONCURRENCY,
    CmdCtx,
    ExecutionSettings,
    ProfileCtx,
    ProfilesCtx,
    ProfilesFlowCtx,
    WorkspaceCtx,
)
from peaceful.runtime._escalation import LadderTimes
from peaceful.runtime._execution import AnyBlock, CmdExecution
from peaceful.runtime._flow import BuiltFlow, Flow, FlowItem, Handle
from peaceful.runtime._hub import SINK_INTERVAL, OutputSink, ProgressHub, Subscription
from peaceful.runtime._item_pass import BlockFailed, ItemPass, ItemWork
from peaceful.runtime._register import Register, Registered, Starting

__all__ = [
    "MAX_CONCURRENCY",
    "SINK_INTERVAL",
    "AnyBlock",
    "BlockFailed",
    "BlockResult",
    "BlockRun",
    "BuiltFlow",
    "CmdBlock",
    "CmdCtx",
    "CmdExecution",
    "ExecutionSettings",
    "Flow",
    "FlowItem",
    "Handle",
    "ItemCalls",
    "ItemPass",
    "ItemWork",
    "LadderTimes",
    "OutputSink",
    "ProfileCtx",
    "ProfilesCtx",
    "ProfilesFlowCtx",
    "ProgressHub",
    "Register",
    "Registered",
    "Starting",
    "StateDiffs",
    "States",
    "Subscription",
    "WorkspaceCtx",
    "diff_of",
    "needs_apply",
]
