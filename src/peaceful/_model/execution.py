"""Executions as data: who runs what, its state, and what people approve of it."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from peaceful._model.codec import ExecutionId, FlowId, ItemId, Moment, ProfileName
from peaceful._model.interrupt import InterruptSignal

EXECUTION_VARIABLE: Final = "PEACEFUL_EXECUTION_ID"
"""The environment variable that marks the child processes of an execution."""


class ExecutionState(enum.StrEnum):
    """The state of an execution."""

    RUNNING = "running"
    INTERRUPTING = "interrupting"
    """An interrupt was accepted; what is in progress is finishing."""
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    LOST = "lost"
    """Its process ended without recording an end: killed, or the machine went down."""

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self not in _UNENDED

    @property
    def resumable(self) -> bool:
        """Whether it ended early, so that the same command continues from there."""
        return self.ended and self is not ExecutionState.COMPLETE


_UNENDED = frozenset({ExecutionState.RUNNING, ExecutionState.INTERRUPTING})


class StartedBy(msgspec.Struct, frozen=True):
    """Who started an execution, and where it runs.

    Attributes:
        user: the user's login name; of pages and the API, the name of the token, if it has one.
        host: the machine's name.
        pid: the process that runs it.
        door: `terminal`, `web`, `api` or `python`.
    """

    user: str
    host: str
    pid: int
    door: str

    def __str__(self) -> str:
        """Return the user and the process, such as `root (pid 4711)`."""
        return f"{self.user} (pid {self.pid})"


class ExecutionInfo(msgspec.Struct, frozen=True):
    """An execution, as the register of executions and every sink know it.

    Attributes:
        id: its ID.
        app: the application's name.
        profile: the profile that it runs on.
        flow: the flow that it runs.
        command: `discover`, `diff`, `ensure` or `clean`.
        started_by: who started it.
        started_at: UTC.
        dry_run: whether it only says what it would do.
        can_interrupt: whether an interrupt would be accepted while it runs.
        state: its state.
        interrupt: the first interrupt that was accepted at its present level, or null.
        ended_at: UTC, or null while it runs.
    """

    id: ExecutionId
    app: str
    profile: ProfileName
    flow: FlowId
    command: str
    started_by: StartedBy
    started_at: Moment
    dry_run: bool = False
    can_interrupt: bool = True
    state: ExecutionState = ExecutionState.RUNNING
    interrupt: InterruptSignal | None = None
    ended_at: Moment | None = None


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Some items of a flow: those with a name or a tag, or else all; without those excluded.

    Attributes:
        only: items by name.
        exclude: items that are left out, however they were chosen.
        tags: all items that have one of these.
        with_dependents: whether what stands on the items in `only` and `tags` is chosen as well.
    """

    only: tuple[ItemId, ...] = ()
    exclude: tuple[ItemId, ...] = ()
    tags: tuple[str, ...] = ()
    with_dependents: bool = False

    @classmethod
    def of(cls, limited: object) -> Selection:
        """Return the selection of something that has the same attributes, such as a request."""
        return Selection(**{name: getattr(limited, name) for name in cls.__struct_fields__})

    def __bool__(self) -> bool:
        """Return whether it limits anything."""
        return bool(self.only or self.exclude or self.tags or self.with_dependents)

    def __str__(self) -> str:
        """Return it in words, such as `a, all tagged data, but not c`."""
        chosen = [*self.only, *(f"all tagged {tag}" for tag in self.tags)]
        words = ", ".join(chosen) or "everything"
        words += ", with what stands on it" if self.with_dependents else ""
        return f"{words}, but not {', '.join(self.exclude)}" if self.exclude else words

    @property
    def words(self) -> list[str]:
        """The options that say the same on a command line."""
        named = {"--only": self.only, "--tag": self.tags, "--exclude": self.exclude}
        words = [
            word for option, names in named.items() for name in names for word in (option, name)
        ]
        return [*words, *["--with-dependents"] * self.with_dependents]

    def is_same(self, other: Selection) -> bool:
        """Return whether another one says the same, in whatever order."""
        mine, others = (
            (frozenset(each.only), frozenset(each.exclude), frozenset(each.tags))
            for each in (self, other)
        )
        return mine == others and self.with_dependents == other.with_dependents


class Asked(msgspec.Struct, frozen=True):
    """What an execution was asked for, besides its command.

    Attributes:
        selection: how the items that it is limited to were chosen, if not by their names.
        plan: the execution that made the plan which it is held to; null if there is none.
    """

    selection: Selection = Selection()
    plan: ExecutionId | None = None


QUESTION_LIMIT: Final = 300
"""Length of a question in characters, above which it is refused."""

OF_PLAN: Final = "plan"
"""What an approval of a plan says in place of an item's function."""

COMMENT_LIMIT: Final = 1000
"""Length of a comment in characters, above which it is cut."""


class Answerer(msgspec.Struct, frozen=True):
    """Who answers, as far as that is known.

    Attributes:
        door: where the answer was given: `terminal`, `command`, `web`, `api` or `python`.
        name: the user of the operating system, or the name of the token; null if neither is known.
        host: the machine of that user; null if there is none.
    """

    door: str
    name: str | None = None
    host: str | None = None

    def __str__(self) -> str:
        name = self.name or "somebody"
        return f"{name} on {self.host}" if self.host else f"{name} ({self.door})"


class Reply(msgspec.Struct, frozen=True):
    """What a person says to an item.

    Attributes:
        approve: true if the item may go on, false if it is refused.
        by: who says so.
        comment: why, or empty.
        question: the question that is answered; null for whichever is asked now.
    """

    approve: bool
    by: Answerer
    comment: str = ""
    question: str | None = None


class Approval(msgspec.Struct, frozen=True):
    """An answer to an item that asked for an approval, or about a plan.

    Attributes:
        item: the item that asked; empty for the plan of an execution.
        question: what it asked.
        approved: true if it may go on, false if it was refused.
        by: who answered.
        at: when; UTC.
        comment: why, or empty.
        function: the item's function that asked, `apply` or `clean`: the other one asks anew; of a
            plan, `plan`.
    """

    item: ItemId
    question: str
    approved: bool
    by: Answerer
    at: Moment
    comment: str = ""
    function: str = "apply"

    def __str__(self) -> str:
        said = f"{'approved' if self.approved else 'refused'} by {self.by}"
        return f"{said}: {self.comment}" if self.comment else said


class ApprovalReceipt(msgspec.Struct, frozen=True):
    """What came of an answer.

    Attributes:
        accepted: whether it counts.
        approval: the answer that counts; null if there is none.
        asking: by item that waits now, what it asks.
    """

    accepted: bool
    approval: Approval | None
    asking: dict[ItemId, str]
