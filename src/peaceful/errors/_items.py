"""Errors of single items while a command runs: one of them ends its item, not its siblings."""

from __future__ import annotations

from typing import ClassVar

from peaceful.errors._base import PeacefulError, described


class ItemFailure(PeacefulError):
    """An item could not do its work. Items raise this, or a subclass, for what they understand."""

    code: ClassVar[str] = "ITEM-FAILED"


class ItemCrashed(ItemFailure):
    """An item raised an exception that it does not explain: most likely a bug in it.

    The exception is the error's `__cause__`; `--debug` shows its traceback.
    """

    code: ClassVar[str] = "ITEM-CRASHED"

    def __init__(self, item: str, function: str, error: BaseException) -> None:
        shown, details = described(error)
        super().__init__(
            f"{item} failed in {function}: {shown}",
            details=details,
            help="run the command again with --debug to see where",
        )
        self.item = item
        self.function = function


class GoalNotReached(ItemFailure):
    """An item's `apply` ended without an error, but its state is still not the goal."""

    code: ClassVar[str] = "GOAL-NOT-REACHED"

    def __init__(self, item: str, diff: str) -> None:
        super().__init__(
            f"{item} was applied, and is still not as it should be.",
            details=(("what still differs", diff),),
            help="run the command again; if it stays so, the item's apply or diff is wrong",
        )
        self.item = item


class ValueUnresolved(ItemFailure):
    """A parameter refers to a state that is not known at this point."""

    code: ClassVar[str] = "VALUE-UNKNOWN"


class ChildFailed(ItemFailure):
    """A child process ended with an error.

    Attributes:
        exit_status: the exit code, or the negated number of the signal that ended it.
    """

    code: ClassVar[str] = "CHILD-FAILED"

    def __init__(self, command: str, exit_status: int, tail: str, *, help: str = "") -> None:
        how = f"exit code {exit_status}" if exit_status >= 0 else f"signal {-exit_status}"
        super().__init__(
            f"{command} ended with {how}.",
            details=(("its last output", tail),) if tail else (),
            help=help or "read its last output above",
        )
        self.exit_status = exit_status


class RetriesExhausted(ItemFailure):
    """Something was tried as often as allowed and failed each time; the last error is the cause."""

    code: ClassVar[str] = "RETRIES-EXHAUSTED"
