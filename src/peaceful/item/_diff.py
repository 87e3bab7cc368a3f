"""What differs between two states, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from peaceful.model import JsonValue
from peaceful.model.state import State
from peaceful.params import plain_form

LISTED: Final = 8
"""How many changes a diff names in one line before it counts the rest."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    Attributes:
        field: which: a field's name, and where the field holds more, the way inside it.
        before: what it is, as JSON; none where it is absent.
        after: what it should be, as JSON; none where it should be absent.
        before_shown: `before` in a few words for people; made from `before` where empty. Words for none
            say that it is not absent, but something else, such as unknown.
        after_shown: the same of `after`.
    """

    field: str
    before: JsonValue
    after: JsonValue
    before_shown: str = ""
    after_shown: str = ""

    def __str__(self) -> str:
        """`+ field: after`, `- field: before` or `field: before → after`."""
        before = self.before_shown or _shown(self.before)
        after = self.after_shown or _shown(self.after)
        if self.before is None and not self.before_shown:
            return f"+ {self.field}: {after}"
        if self.after is None and not self.after_shown:
            return f"- {self.field}: {before}"
        return f"{self.field}: {before} → {after}"


@dataclass(frozen=True, slots=True)
class StateDiff:
    """What would have to change for one state to become another; never empty.

    Attributes:
        changes: each thing that differs.
    """

    changes: tuple[Change, ...]

    def __str__(self) -> str:
        """The changes in one line."""
        listed = ", ".join(str(change) for change in self.changes[:LISTED])
        more = len(self.changes) - LISTED
        return f"{listed} and {more} more" if more > 0 else listed

    def to_json(self) -> JsonValue:
        """By field, what it is and what it should be."""
        return {
            change.field: {"before": change.before, "after": change.after}
            for change in self.changes
        }


def field_wise_diff(current: State, goal: State) -> StateDiff | None:
    """The fields in which two states of one type differ, or none where they are equal."""
    if current is goal or current == goal:
        return None
    changes = tuple(
        change
        for name in type(current).model_fields
        if (before := getattr(current, name)) != (after := getattr(goal, name))
        for change in _changes(name, plain_form(before), plain_form(after))
    )
    # Values that differ, and whose JSON does not (such as 1 and 1.0), are the same fact.
    return StateDiff(changes) if changes else None


def _changes(prefix: str, before: JsonValue, after: JsonValue) -> list[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = [*before, *(name for name in after if name not in before)]
        return [
            change
            for name in names
            for change in _changes(f"{prefix}.{name}", before.get(name), after.get(name))
        ]
    return [] if before == after else [Change(prefix, before, after)]


def _shown(value: JsonValue) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
