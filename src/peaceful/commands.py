"""Commands for programs: run them, watch them, add blocks to them, keep states elsewhere.

A command is a list of blocks; each block is one pass over the items of a flow. `CmdExecution` runs
a command in a `CmdCtx`, sends events to sinks, and returns an outcome.
"""

from peaceful._app.contexts import Contexts, ExecutionOptions
from peaceful._commands.clean import CleanBlock, CleanCmd
from peaceful._commands.diff import DiffBlock, DiffCmd, DiffProfilesCmd, StatusCmd
from peaceful._commands.discover import DiscoverBlock, DiscoverCmd
from peaceful._commands.ensure import EnsureBlock, EnsureCmd
from peaceful._commands.run_request import RunRequest
from peaceful._model.clock import Clock, SystemClock
from peaceful._model.event import (
    BlockEnded,
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
)
from peaceful._model.field_types import ItemId
from peaceful._model.outcome import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    ExecutionInterrupted,
    ItemError,
    ItemResult,
)
from peaceful._model.progress import Progress
from peaceful._model.snapshot import SnapshotTaken
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock
from peaceful._runtime.calls import States
from peaceful._runtime.ctx import CmdCtx, ExecutionSettings
from peaceful._runtime.execution import CmdExecution
from peaceful._runtime.hub import OutputSink
from peaceful._runtime.item_pass import ItemPass
from peaceful._storage.state_store import YamlStateStore
from peaceful._storage.stored_state import StateKind, StateStore, StoredState
from peaceful._storage.workspace import Workspace

__all__ = [
    "BlockEnded",
    "BlockInterrupted",
    "BlockResult",
    "BlockRun",
    "BlockStarted",
    "CleanBlock",
    "CleanCmd",
    "Clock",
    "CmdBlock",
    "CmdCtx",
    "CmdExecution",
    "CmdOutcome",
    "Complete",
    "Contexts",
    "DiffBlock",
    "DiffCmd",
    "DiffProfilesCmd",
    "DiscoverBlock",
    "DiscoverCmd",
    "EnsureBlock",
    "EnsureCmd",
    "Event",
    "ExecutionEnded",
    "ExecutionInterrupted",
    "ExecutionOptions",
    "ExecutionSettings",
    "ExecutionStarted",
    "ItemEnded",
    "ItemError",
    "ItemId",
    "ItemPass",
    "ItemProgressed",
    "ItemResult",
    "ItemStarted",
    "OutputSink",
    "Progress",
    "RunRequest",
    "SnapshotTaken",
    "StateKind",
    "StateStore",
    "States",
    "StatusCmd",
    "StoredState",
    "SystemClock",
    "Workspace",
    "YamlStateStore",
]
