"""Errors where all is well but the command may not run now. Exit code 3."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from peaceful.errors._base import PeacefulError


class BlockedError(PeacefulError):
    """The command was refused, nothing was changed, and it can run once the reason is gone."""

    code: ClassVar[str] = "BLOCKED"
    exit_code: ClassVar[int] = 3


class ProfileBusy(BlockedError):
    """Another execution is running on the profile. What is not known of it is left empty.

    Args:
        profile: the profile that it runs on.
        app: the application that it is of.
        flow: the flow that it runs.
        command: what it does.
        started_by: who started it, such as `root (pid 4711)`.
        host: the machine that it runs on.
        since: when it began, in UTC.
        execution_id: its ID.

    Attributes:
        profile: the profile that it runs on.
        execution_id: its ID; empty where it is not known.
    """

    code: ClassVar[str] = "BUSY"

    def __init__(
        self,
        profile: str,
        *,
        app: str = "",
        flow: str = "",
        command: str = "",
        started_by: str = "",
        host: str = "",
        since: datetime | None = None,
        execution_id: str = "",
    ) -> None:
        what = f"is running {command}" if command else "is in use"
        when = f" since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
        who = f" by {started_by}" if started_by else ""
        which = f", execution {execution_id}" if execution_id else ""
        interrupt = f"{app} interrupt {execution_id}" if app and execution_id else ""
        known = (("flow", flow), ("machine", host), ("to interrupt it", interrupt))
        super().__init__(
            f"{profile} {what}{when}{who}{which}.",
            details=tuple((label, text) for label, text in known if text),
            help="wait for it to end, or interrupt it",
        )
        self.profile = profile
        self.execution_id = execution_id


class OutOfSync(BlockedError):
    """Stored states differ from what is there now, and the command was told to check."""

    code: ClassVar[str] = "OUT-OF-SYNC"

    def __init__(self, differing: Sequence[tuple[str, str]], *, help: str) -> None:
        names = ", ".join(item for item, _ in differing)
        super().__init__(
            f"What is stored is not what is there now, for {names}.",
            details=tuple(differing),
            help=help,
        )
        self.differing: tuple[tuple[str, str], ...] = tuple(differing)
