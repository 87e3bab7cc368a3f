"""Who holds the locks of a workspace's profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peaceful.executions._presence import LockHolders
from peaceful.model import ExecutionId, ProfileName

if TYPE_CHECKING:
    from peaceful.storage import Workspace


def lock_holders_of(workspace: Workspace) -> LockHolders:
    """Tells which execution holds the lock of a profile, from the workspace's files.

    Args:
        workspace: where the locks are.
    """

    def holder_of(profile: ProfileName) -> ExecutionId | None:
        from peaceful.storage import ProfileLock  # it loads PyYAML

        lock = ProfileLock(workspace.lock_file(profile))
        if not lock.is_locked():
            return None
        holder = lock.holder()
        # It may just have been taken, and nothing written yet.
        return "" if holder is None else holder.execution_id

    return holder_of
