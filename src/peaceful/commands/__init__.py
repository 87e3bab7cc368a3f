"""What can be done with a flow: discover, read, diff, ensure, clean; each a list of blocks."""

from peaceful.commands._clean import CleanBlock, CleanCmd
from peaceful.commands._diff import (
    DiffBlock,
    DiffCmd,
    DiffProfilesCmd,
    KnownState,
    StatusCmd,
    diffs_between,
)
from peaceful.commands._discover import (
    BOTH,
    DiscoverBlock,
    DiscoverCmd,
    ParamsSpecsBlock,
    params_specs,
)
from peaceful.commands._ensure import EnsureBlock, EnsureCmd, EnsureDryBlock
from peaceful.commands._item_access import LeftItems, LeftItemsBlock
from peaceful.commands._request import COMMANDS, CommandName, RunRequest
from peaceful.commands._sync_check import SyncCheck, SyncCheckBlock

__all__ = [
    "BOTH",
    "COMMANDS",
    "CleanBlock",
    "CleanCmd",
    "CommandName",
    "DiffBlock",
    "DiffCmd",
    "DiffProfilesCmd",
    "DiscoverBlock",
    "DiscoverCmd",
    "EnsureBlock",
    "EnsureCmd",
    "EnsureDryBlock",
    "KnownState",
    "LeftItems",
    "LeftItemsBlock",
    "ParamsSpecsBlock",
    "RunRequest",
    "StatusCmd",
    "SyncCheck",
    "SyncCheckBlock",
    "diffs_between",
    "params_specs",
]
