"""Holding a profile: one execution at a time, on files that belong together."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

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
    lock = _reserved.pop(workspace.lock_file(info.profile), None)
    if lock is None:
        lock = _acquired(workspace, info)
    else:
        lock.describe(_holder(info))
    try:
        finish_restoring(workspace, info.profile)
        yield
    finally:
        lock.release()


def reserve(
    workspace: Workspace,
    info: ExecutionInfo,
    patience: float,
    on_wait: Callable[[ProfileBusy], object],
) -> Callable[[], None]:
    """Acquire a profile's lock, once it is free, for what this process does next: see `hold_lock`.

    Returns a function that gives it back, should nothing come next.

    Args:
        workspace: the workspace.
        info: what is to be done.
        patience: how many seconds it may take; it may be infinite.
        on_wait: called with who holds it, if anybody does.

    Raises:
        ProfileBusy: it took longer.
        StorageError: the lock cannot be acquired.
    """
    try:
        lock = _acquired(workspace, info)
    except ProfileBusy as busy:
        on_wait(busy)
        lock = _acquired(workspace, info, patience)
    try:
        finish_restoring(workspace, info.profile)
    except BaseException:
        lock.release()
        raise
    place = workspace.lock_file(info.profile)
    _reserved[place] = lock

    def give_back() -> None:
        if _reserved.get(place) is lock:
            del _reserved[place]
            lock.release()

    return give_back


_reserved: Final[dict[Path, FileLock]] = {}
"""By file, the locks that this process holds for what it does next."""


def _acquired(workspace: Workspace, info: ExecutionInfo, patience: float = 0.0) -> FileLock:
    path = workspace.lock_file(info.profile)
    with refusals(path.parent, "created"):
        make_folder(path.parent)
    lock = FileLock(path)
    other = lock.acquire(_holder(info), patience=patience)
    if other is not None:
        raise _busy(info, other)
    return lock


def _holder(info: ExecutionInfo) -> LockHolder:
    return LockHolder(
        user=info.started_by.user,
        host=info.started_by.host,
        pid=info.started_by.pid,
        flow=info.flow,
        command=info.command,
        execution_id=info.id,
        since=info.started_at,
    )


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
