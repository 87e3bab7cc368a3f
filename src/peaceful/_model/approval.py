"""Approvals: answers of people to the questions of items."""

from __future__ import annotations

import msgspec

from peaceful._model.codec import ItemId, Moment

QUESTION_LIMIT = 300
"""Length of a question in characters, above which it is refused."""

OF_PLAN = "plan"
"""What an approval of a plan says in place of an item's function."""

COMMENT_LIMIT = 1000
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
