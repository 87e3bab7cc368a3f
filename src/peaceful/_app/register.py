"""The register of a workspace's executions, without what builds flows and runs them."""

from __future__ import annotations

from pathlib import Path

from peaceful._executions.process_files import lock_holders_of
from peaceful._executions.registry import Executions
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful._model.clock import SystemClock
from peaceful._storage.workspace import Workspace


def workspace_of(app: str, folder: Path | None) -> Workspace:
    """Return an application's part of a workspace.

    Args:
        app: the application's name.
        folder: the folder that holds `.peace`, or is to hold it; without it, the nearest parent of
            the present folder that does, else the present folder.
    """
    return Workspace.find(Path.cwd(), app) if folder is None else Workspace(folder, app)


def register_of(workspace: Workspace) -> Executions:
    """Return the register of a workspace's executions."""
    return Executions(
        SqliteExecutionStore(workspace.executions_file),
        workspace.run_folder,
        SystemClock(),
        lock_holders=lock_holders_of(workspace),
    )
