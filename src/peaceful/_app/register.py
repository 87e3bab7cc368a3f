"""The register of a workspace's executions; loads nothing that builds or runs flows."""

from __future__ import annotations

from pathlib import Path

from peaceful._executions.process_files import lock_holders_of
from peaceful._executions.registry import Executions
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful._model.clock import SystemClock
from peaceful._storage.workspace import Workspace


def workspace_of(app: str, folder: Path | None) -> Workspace:
    """Return an application's part of the workspace in a folder, or of the one that is found."""
    return Workspace.find(Path.cwd(), app) if folder is None else Workspace(folder, app)


def register_of(workspace: Workspace) -> Executions:
    """Return the register of a workspace's executions."""
    return Executions(
        SqliteExecutionStore(workspace.executions_file),
        workspace.run_folder,
        SystemClock(),
        lock_holders=lock_holders_of(workspace),
    )
