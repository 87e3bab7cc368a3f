"""Errors while something runs: items, storage, executions, locks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from peaceful._errors.base import PeacefulError, described, raised_at
from peaceful._errors.usage import UsageError

MENDS = {
    1: "check who owns it and whether it may be changed, then run the command again",
    13: "give this user the right to do so, then run the command again",
    28: "free some disk space, then run the command again: it carries on from here",
    30: "make the file system writable, then run the command again",
    122: "free some of this user's disk quota, then run the command again",
}
"""By errno: EPERM, EACCES, ENOSPC, EROFS, EDQUOT."""


class BlockedError(PeacefulError, code="BLOCKED", exit_code=3):
    """The command was refused, nothing was changed, and it can run once the reason is gone."""


class ProfileBusy(BlockedError, code="BUSY"):
    """Another execution is running on the profile.

    Args:
        profile: the profile that it runs on; what is unknown of the rest is empty.
        app: its application.
        flow: its flow.
        command: its command.
        started_by: who started it, such as `root (pid 4711)`.
        host: the machine that it runs on.
        since: when it began, in UTC.
        execution_id: its ID.
    """

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
            help="wait for it to end, as --wait does; or interrupt it",
        )
        self.profile = profile
        self.execution_id = execution_id


class ParamsBusy(BlockedError, code="PARAMS-BUSY"):
    """Another command is changing parameters of the workspace, and takes long."""

    def __init__(self, root: Path, command: str, started_by: str, since: datetime | None) -> None:
        what = f" by {command}" if command else ""
        who = f" of {started_by}" if started_by else ""
        when = f" since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
        super().__init__(
            f"Parameters in {root} are being changed{what}{who}{when}; nothing was stored.",
            help="wait for it to end, or end it, then run the command again",
        )


class EntryRefused(BlockedError, code="ENTRY-REFUSED"):
    """What is stored of a thing cannot be moved, adopted or replaced as it was asked for."""


class ThingsLeft(BlockedError, code="THINGS-LEFT"):
    """Things that were made would be lost sight of: nothing would know of them any more.

    Attributes:
        things: which, each as `flow: item`.
    """

    def __init__(self, what: str, things: Sequence[str], *, help: str) -> None:
        more = f", and {len(things) - 20} more" if len(things) > 20 else ""
        super().__init__(
            f"{what}.", details=(("what it is", ", ".join(things[:20]) + more),), help=help
        )
        self.things: tuple[str, ...] = tuple(things)


class OutOfSync(BlockedError, code="OUT-OF-SYNC"):
    """Stored states differ from the present ones, and the command was asked to check that."""

    def __init__(self, differing: Sequence[tuple[str, str]], *, help: str) -> None:
        names = ", ".join(item for item, _ in differing)
        super().__init__(
            f"What is stored is not what is there now, for {names}.",
            details=tuple(differing),
            help=help,
        )
        self.differing: tuple[tuple[str, str], ...] = tuple(differing)


class PlanStale(BlockedError, code="PLAN-STALE"):
    """Something is not as a plan says any more, so that what it says cannot be done.

    Args:
        at: when the plan was made; UTC.
        changed: what has changed, each with a sentence.
    """

    def __init__(self, at: datetime, changed: Iterable[tuple[str, str]]) -> None:
        changed = tuple(changed)
        super().__init__(
            f"The plan of {at:%Y-%m-%d %H:%M:%S} UTC does not hold any more.",
            details=changed,
            help="look at what would be done now, and plan it: `plan --out FILE`",
        )
        self.changed: tuple[tuple[str, str], ...] = changed


class ApprovalNeeded(BlockedError, code="APPROVAL-NEEDED"):
    """Something is only done once somebody else has approved it."""

    @classmethod
    def of_command(cls, command: str, profile: str) -> ApprovalNeeded:
        """Return the error for a command without a plan."""
        if command == "clean":
            return cls(
                f"{profile} needs approvals, and what is cleaned up has none.",
                help="clean it up at a terminal",
            )
        return cls(
            f"{profile} is changed only by a plan that somebody else has approved.",
            help="see first what would change, and have it approved",
        )

    @classmethod
    def of_plan(cls, execution_id: str, answer: object | None) -> ApprovalNeeded:
        """Return the error for a plan that was not approved: the answer, if there was one."""
        said = "was not approved yet" if answer is None else f"was {answer}"
        return cls(
            f"The plan {execution_id} {said}.",
            help="have somebody approve it who has the role"
            if answer is None
            else "make another plan",
        )

    @classmethod
    def of_another(cls, execution_id: str, by: str) -> ApprovalNeeded:
        """Return the error for a plan that who made it has approved."""
        return cls(
            f"The plan {execution_id} was made by {by}, and needs the approval of somebody else.",
            help="have another person look at it",
        )


class StorageError(PeacefulError, code="STORAGE"):
    """A file cannot be read or written. The existing file is intact."""


class FileInaccessible(StorageError, code="FILE-INACCESSIBLE"):
    """The operating system refused to read or write a file or folder.

    Attributes:
        path: the file or folder.
    """

    def __init__(self, path: Path, doing: str, error: OSError, *, help: str = "") -> None:
        super().__init__(
            f"{path} could not be {doing}: {error.strerror or error}.",
            help=help or MENDS.get(error.errno or 0, "mend the cause, then run the command again"),
        )
        self.path = path


class FileDamaged(StorageError, code="FILE-DAMAGED"):
    """A file is damaged: truncated, altered, or of another format.

    Attributes:
        path: the file.
        place: where in it, such as `line 3, column 7` or `offset 4711`.
    """

    def __init__(self, path: Path, place: str, reason: str, *, help: str) -> None:
        where = f" at {place}" if place else ""
        super().__init__(f"{path} is damaged{where}: {reason}.", help=help)
        self.path = path
        self.place = place


class FormatTooNew(StorageError, code="FORMAT-TOO-NEW"):
    """A file was written by a later version of the framework than this one."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"{path} has format version {found}; this version of peaceful knows up to {known}.",
            help="use the version of peaceful that wrote it, or a later one",
        )
        self.path = path


class StateTooNew(StorageError, code="STATE-TOO-NEW"):
    """A state was stored by a later version of the application than this one.

    Attributes:
        item: the item's ID.
    """

    def __init__(self, item: str, state: str, found: int, known: int) -> None:
        super().__init__(
            f"What is stored of {item} is of version {found} of {state}; "
            f"this version of the application knows up to {known}.",
            help="use the version of the application that stored it, or a later one",
        )
        self.item = item


class WorkspaceGone(StorageError, code="WORKSPACE-GONE"):
    """The workspace was moved, deleted or replaced while an execution ran in it.

    Attributes:
        path: the folder that the execution wrote to.
        place: where that folder is now; None if it was deleted, or nobody can tell.
        records: what became of the records of what was done.
    """

    records: str

    def __init__(self, path: Path, place: Path | None) -> None:
        if place is None:
            how, self.records = "was deleted or replaced", "could not be recorded"
            mend = "set a workspace up: `init`; then find what there is: `discover`"
        else:
            how, self.records = f"was moved to {place}", "is recorded there"
            mend = "run the same command in the workspace that was moved: it carries on from there"
        super().__init__(
            f"{path}, a folder of the workspace, {how} while the command ran: what was done "
            f"{self.records}.",
            help=mend,
        )
        self.path = path
        self.place = place


class ExecutionUnknown(UsageError, code="EXECUTION-UNKNOWN"):
    """No execution of this workspace has the given ID, or several have that part of one."""

    def __init__(self, execution_id: str, candidates: Sequence[str] = ()) -> None:
        if candidates:
            message = f"Several executions have {execution_id!r} in their IDs."
        else:
            message = f"There is no execution {execution_id!r} in this workspace."
        super().__init__(
            message,
            details=(("candidates", ", ".join(candidates)),) if candidates else (),
            help="take an ID from: `executions list`",
        )
        self.execution_id = execution_id


class AlreadyEnded(PeacefulError, code="EXECUTION-ENDED"):
    """The execution had already ended when the interrupt came."""

    def __init__(self, execution_id: str, outcome: str) -> None:
        super().__init__(
            f"Execution {execution_id} has already ended: {outcome}.",
            help="nothing needs to be done",
        )
        self.execution_id = execution_id
        self.outcome = outcome


class NothingRunning(PeacefulError, code="NOTHING-RUNNING"):
    """An interrupt or an answer was sent, but nothing is running."""

    def __init__(self, what: str = "interrupt") -> None:
        super().__init__(
            f"Nothing is running in this workspace, so there is nothing to {what}.",
            help="see what ran, and how it ended: `executions list`",
        )


class NotInterruptible(PeacefulError, code="NOT-INTERRUPTIBLE"):
    """The execution was started in a way that does not let it be interrupted."""

    def __init__(self, execution_id: str, reason: str) -> None:
        super().__init__(
            f"Execution {execution_id} cannot be interrupted: {reason}.",
            help="wait for it to end",
        )
        self.execution_id = execution_id


class ExecutorUnreachable(PeacefulError, code="EXECUTOR-UNREACHABLE"):
    """The process that runs an execution does not answer."""


class NotAsked(PeacefulError, code="NOT-ASKED"):
    """An answer to a question that is not asked, or was answered already."""

    def __init__(self, execution_id: str, item: str | None, why: str, asked: Iterable[str]) -> None:
        what = f"{item} of execution {execution_id}" if item else f"execution {execution_id}"
        asked = ", ".join(asked)
        super().__init__(
            f"The answer to {what} does not count: {why}.",
            details=(("items that wait", asked),) if asked else (),
            help=f"see what it does now, and what was approved: `executions show {execution_id}`",
        )
        self.execution_id = execution_id
        self.item = item


class ItemFailure(PeacefulError, code="ITEM-FAILED"):
    """An item could not do its work. Items raise this, or a subclass, for expected errors."""


class NotApproved(ItemFailure, code="NOT-APPROVED"):
    """An item asked for an approval, and a person refused."""

    def __init__(self, item: str, question: str, by: str, comment: str) -> None:
        super().__init__(
            f"{item} was refused by {by}{f': {comment}' if comment else ''}.",
            details=(("question", question),),
            help="clear it up with whoever refused, then run the command again: it asks anew",
        )
        self.item = item
        self.question = question


class ItemCrashed(ItemFailure, code="ITEM-CRASHED"):
    """An item raised another exception than `ItemFailure`: most likely a bug in it.

    The exception is the error's `__cause__`; `--debug` shows its traceback.
    """

    def __init__(self, item: str, function: str, error: BaseException) -> None:
        shown, details = described(error)
        at = raised_at(error)
        super().__init__(
            f"{item} failed in {function}: {shown}",
            details=((("at", at),) if at else ()) + details,
            help="correct the item; --debug shows how it came to that",
        )
        self.item = item
        self.function = function


class GoalNotReached(ItemFailure, code="GOAL-NOT-REACHED"):
    """An item's `apply` ended without an error, but its state is still not the goal."""

    def __init__(self, item: str, diff: str) -> None:
        super().__init__(
            f"{item} was applied, and is still not as it should be.",
            details=(("what still differs", diff),),
            help="run the command again; if it stays so, the item's apply or diff is wrong",
        )
        self.item = item


class IdentityTaken(ItemFailure, code="IDENTITY-TAKEN"):
    """Two items of a flow look after the same thing."""

    def __init__(self, identity: str, other: str) -> None:
        super().__init__(
            f"It looks after {identity}, and so does {other}.",
            help=f"let one item look after it, or give one of them another thing than {other} has",
        )


class NotCleaned(ItemFailure, code="NOT-CLEANED"):
    """What an item has made is still there, and cannot be cleaned up."""


class ReplacementNeeded(ItemFailure, code="REPLACEMENT-NEEDED"):
    """A thing can only be removed and made anew, and nobody has asked for that."""

    def __init__(self, item: str, difference: str) -> None:
        super().__init__(
            f"{item} cannot be changed to this, only removed and made anew: {difference}.",
            help=f"run the command with --replace {item}, which also removes and makes anew what "
            "stands on it; or take the change back",
        )


class ItemNeeded(BlockedError, code="ITEM-NEEDED"):
    """Other items stand on one that is to be cleaned up alone."""

    def __init__(self, item: str, others: Sequence[str]) -> None:
        names = ", ".join(others)
        super().__init__(
            f"{item} cannot be cleaned up alone: {names} would be left without it.",
            help=f"clean these up as well: {' '.join(f'--only {name}' for name in others)}; or all "
            f"that stands on it: --with-dependents. To keep them, leave {item} out as well",
        )


class ValueUnresolved(ItemFailure, code="VALUE-UNKNOWN"):
    """A parameter refers to a state that is not known yet."""


class ChildFailed(ItemFailure, code="CHILD-FAILED"):
    """A child process ended with an error.

    Attributes:
        exit_status: the exit code, or the negated number of the signal that ended it.
    """

    def __init__(self, command: str, exit_status: int, tail: str, *, help: str = "") -> None:
        how = f"exit code {exit_status}" if exit_status >= 0 else f"signal {-exit_status}"
        super().__init__(
            f"{command} ended with {how}.",
            details=(("its last output", tail),) if tail else (),
            help=help or "read its last output above",
        )
        self.exit_status = exit_status


class RetriesExhausted(ItemFailure, code="RETRIES-EXHAUSTED"):
    """All allowed attempts failed; the last error is the cause."""
