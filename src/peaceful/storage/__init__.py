"""Files: where a workspace keeps them, how they are written so that nothing is lost, who may write.

`StateStore` is the port through which the framework keeps states; `YamlStateStore` keeps them in a
folder. Its fake in memory is `peaceful.testing.MemoryStateStore`.
"""

from peaceful.storage._files import write_file_atomically
from peaceful.storage._lock import LockHolder, ProfileLock
from peaceful.storage._state_port import StateStore, StateWriter
from peaceful.storage._state_store import YamlStateStore
from peaceful.storage._stored_state import StateKind, StoredState
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
