"""Commands for programs: run them, watch them, add blocks to them, keep states elsewhere.

A command is a list of blocks; each block is one pass over the items of a flow. `CmdExecution` runs
a command in a `CmdCtx`, sends events to sinks, and returns an outcome.
"""

from peaceful._app.contexts import Contexts, ExecutionOptions
from peaceful._commands.clean import CleanCmd
from peaceful._commands.diff import DiffCmd, SyncCheck
from peaceful._commands.discover import DiscoverCmd
from peaceful._commands.ensure_cmd import EnsureCmd
from peaceful._commands.plan import Plan
from peaceful._commands.run_request import RunRequest
from peaceful._commands.status import StatusCmd
from peaceful._graph.traversal import Direction
from peaceful._model.codec import ItemId
from peaceful._model.events import (
    BlockEnded,
    BlockStarted,
    ChangeStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    Progress,
    Warned,
)
from peaceful._model.execution import ExecutionInfo, ExecutionState
from peaceful._model.outcome import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    ExecutionInterrupted,
    ItemError,
    ItemResult,
    OutcomeKind,
)
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock, StateDiffs, States
from peaceful._runtime.ctx import CmdCtx, ExecutionSettings
from peaceful._runtime.escalation import LadderTimes
from peaceful._runtime.execution import CmdExecution
from peaceful._runtime.hub import OutputSink
from peaceful._runtime.item_pass import ItemPass
from peaceful._storage.state_store import YamlStateStore
from peaceful._storage.stored_state import StateKind, StateStore, StateWriter, StoredState
from peaceful._storage.workspace import Workspace

__all__ = [
    "BlockEnded",
    "BlockInterrupted",
    "BlockResult",
    "BlockRun",
    "BlockStarted",
    "ChangeStarted",
    "CleanCmd",
    "CmdBlock",
    "CmdCtx",
    "CmdExecution",
    "CmdOutcome",
    "Complete",
    "Contexts",
    "DiffCmd",
    "Direction",
    "DiscoverCmd",
    "EnsureCmd",
    "Event",
    "ExecutionEnded",
    "ExecutionInfo",
    "ExecutionInterrupted",
    "ExecutionOptions",
    "ExecutionSettings",
    "ExecutionStarted",
    "ExecutionState",
    "InterruptRequested",
    "ItemEnded",
    "ItemError",
    "ItemId",
    "ItemPass",
    "ItemProgressed",
    "ItemResult",
    "ItemStarted",
    "LadderTimes",
    "OutcomeKind",
    "OutputSink",
    "Plan",
    "Progress",
    "RunRequest",
    "StateDiffs",
    "StateKind",
    "StateStore",
    "StateWriter",
    "States",
    "StatusCmd",
    "StoredState",
    "SyncCheck",
    "Warned",
    "Workspace",
    "YamlStateStore",
]
