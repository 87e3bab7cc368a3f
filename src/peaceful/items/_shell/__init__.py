"""Things that shell scripts look after."""

from peaceful.items._shell._item import ShCmd
from peaceful.items._shell._script import ScriptFailed
from peaceful.items._shell._state import ShCmdState

__all__ = ["ScriptFailed", "ShCmd", "ShCmdState"]
