"""Files: where a workspace keeps them, how they are written so that nothing is lost, who may write.

`StateStore` is the port through which the framework keeps states; `YamlStateStore` keeps them in a
folder. Its fake in memory is `peaceful.testing.MemoryStateStore`.

Names are loaded when they are used: who only asks where something is needs neither YAML nor locks.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from peaceful._late import late

if TYPE_CHECKING:
    from peaceful.storage._files import write_file_atomically
    from peaceful.storage._lock import LockHolder, ProfileLock
    from peaceful.storage._state_store import YamlStateStore
    from peaceful.storage._stored_state import StateKind, StateStore, StateWriter, StoredState
    from peaceful.storage._workspace import Workspace
    from peaceful.storage._yaml_file import place_in_yaml, read_yaml, write_yaml

__all__ = [
    "LockHolder",
    "ProfileLock",
    "StateKind",
    "StateStore",
    "StateWriter",
    "StoredState",
    "Workspace",
    "YamlStateStore",
    "place_in_yaml",
    "read_yaml",
    "write_file_atomically",
    "write_yaml",
]

_HOMES = {
    "LockHolder": "peaceful.storage._lock",
    "ProfileLock": "peaceful.storage._lock",
    "StateKind": "peaceful.storage._stored_state",
    "StateStore": "peaceful.storage._stored_state",
    "StateWriter": "peaceful.storage._stored_state",
    "StoredState": "peaceful.storage._stored_state",
    "Workspace": "peaceful.storage._workspace",
    "YamlStateStore": "peaceful.storage._state_store",
    "place_in_yaml": "peaceful.storage._yaml_file",
    "read_yaml": "peaceful.storage._yaml_file",
    "write_file_atomically": "peaceful.storage._files",
    "write_yaml": "peaceful.storage._yaml_file",
}
"""By name, the module that it is in."""

__getattr__: Callable[[str], object] = late(globals(), _HOMES)
