"""One execution at a time for a profile, with who it is for others to read."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from peaceful.errors import ProfileBusy
from peaceful.model import ExecutionInfo
from peaceful.storage import LockHolder, ProfileLock, Workspace


@contextmanager
def locked(workspace: Workspace, info: ExecutionInfo) -> Generator[None]:
    """Holds the profile's lock for an execution.

    Raises:
        ProfileBusy: somebody else holds it.
        StorageError: it cannot be taken.
    """
    lock = ProfileLock(workspace.lock_file(info.profile))
    holder = LockHolder(
        user=info.started_by.user,
        host=info.started_by.host,
        pid=info.started_by.pid,
        flow=info.flow,
        command=info.command,
        execution_id=info.id,
        since=info.started_at,
    )
    other = lock.acquire(holder)
    if other is not None:
        raise _busy(info, other)
    try:
        yield
    finally:
        lock.release()


def _busy(info: ExecutionInfo, holder: LockHolder) -> ProfileBusy:
    return ProfileBusy(
        info.profile,
        app=info.app,
        flow=holder.flow,
        command=holder.command,
        started_by=f"{holder.user} (pid {holder.pid})" if holder.user else "",
        host=holder.host,
        since=holder.since,
        execution_id=holder.execution_id,
    )
