"""What scripts say of a thing, and what differs between two of their answers."""

from __future__ import annotations

from collections.abc import Iterator

from peaceful.item import Change, StateDiff
from peaceful.model.state import State
from peaceful.present import one_line

_SHOWN = 60
"""Characters of an output in a few words."""


class ShCmdState(State):
    """What scripts say of a thing. What no script is asked for is none.

    Attributes:
        stdout: what the `current` or `goal` script printed, without white space around it.
        settled: whether the `check` script says that the thing is as it should be.
        difference: what the `diff` script printed; empty where nothing differs.
    """

    stdout: str | None = None
    settled: bool | None = None
    difference: str | None = None

    def __str__(self) -> str:
        """The beginning of the output; without one, what the check says."""
        if self.stdout is not None:
            return one_line(self.stdout, _SHOWN) or "nothing"
        if self.settled is not None:
            return "as it should be" if self.settled else "not as it should be"
        return "unknown"


def script_diff(current: ShCmdState, goal: ShCmdState) -> StateDiff | None:
    """What differs: each thing that both sides know. Outputs only where no script compared them."""
    changes = tuple(_changes(current, goal))
    return StateDiff(changes) if changes else None


def _changes(current: ShCmdState, goal: ShCmdState) -> Iterator[Change]:
    if _differ(current.settled, goal.settled):
        yield Change(
            "settled",
            current.settled,
            goal.settled,
            before_shown="yes" if current.settled else "no",
            after_shown="yes" if goal.settled else "no",
        )
    if current.difference is not None and goal.difference is not None:
        if current.difference != goal.difference:
            yield _text("difference", current.difference, goal.difference)
    elif _differ(current.stdout, goal.stdout):
        yield _text("stdout", current.stdout, goal.stdout)


def _differ(before: object, after: object) -> bool:
    return before is not None and after is not None and before != after


def _text(name: str, before: str | None, after: str | None) -> Change:
    return Change(
        name,
        before,
        after,
        before_shown=one_line(before or "", _SHOWN) or "nothing",
        after_shown=one_line(after or "", _SHOWN) or "nothing",
    )
