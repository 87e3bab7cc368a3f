"""Errors where all is well but the command may not run now. Exit code 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from peaceful.errors._base import PeacefulError


class BlockedError(PeacefulError):
    """The command was refused, nothing was changed, and it can run once the reason is gone."""

    code: ClassVar[str] = "BLOCKED"
    exit_code: ClassVar[int] = 3


class ProfileBusy(BlockedError):
    """Another execution is running on the profile.

    Attributes:
        execution_id: the running execution's ID; empty where its register could not be read.
    """

    code: ClassVar[str] = "BUSY"

    def __init__(
        self,
        profile: str,
        *,
        command: str,
        started_by: str,
        since: str,
        execution_id: str,
        details: Sequence[tuple[str, str]] = (),
    ) -> None:
        what = f"is running {command}" if command else "is in use"
        who = f" by {started_by}" if started_by else ""
        when = f" since {since}" if since else ""
        which = f", execution {execution_id}" if execution_id else ""
        super().__init__(
            f"{profile} {what}{when}{who}{which}.",
            details=tuple(details),
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
