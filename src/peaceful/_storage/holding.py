"""Holding a profile: one execution at a time, on files that belong together."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from peaceful._errors.running import ProfileBusy
from peaceful._model.execution import ExecutionInfo
from peaceful._storage.backup import finish_restoring
from peaceful._storage.files import make_folder, refusals
from peaceful._storage.lock import FileLock, LockHolder
from peaceful._storage.workspace import Workspace


@contextmanager
def hold_lock(workspace: Workspace, info: ExecutionInfo) -> Generator[None]:
    """Hold a profile's lock for an execution, or for what is done to it as a whole.

    What a killed process has begun to restore is finished first. Raises `ProfileBusy`, or
    `StorageError`.
    """
    path = workspace.lock_file(info.profile)
    with refusals(path.parent, "created"):
        make_folder(path.parent)
    lock = FileLock(path)
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
        finish_restoring(workspace, info.profile)
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
