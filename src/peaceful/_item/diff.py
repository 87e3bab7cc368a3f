"""Differences between two states, field by field."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

import msgspec
from msgspec.structs import astuple

from peaceful._disclosure import masked, masked_beginning
from peaceful._model.codec import JsonValue
from peaceful._model.outcome import FieldChange
from peaceful._model.state import State, field_names
from peaceful._params.plain import holds_secret, plain_form
from peaceful._present.contrast import alike, contrast, legible

LISTED: Final = 8
"""Maximum of changes that a diff names in one line."""

_SHOWN: Final = 60
"""Maximum of characters of a value that are shown."""

_SINGLE: Final = frozenset({str, int, bool, type(None)})
"""Types of values without parts, as most fields have them."""


class Change(FieldChange, frozen=True):
    """One difference, which tells itself in words; see `FieldChange` for its fields."""

    def __str__(self) -> str:
        """Return `+ field: after`, `- field: before` or `field: before → after`."""
        place, (before, after) = legible(self.field), self.words
        if not before:
            return f"+ {place}: {after}"
        if not after:
            return f"- {place}: {before}"
        return f"{place}: {before} → {after}"

    @classmethod
    def of(cls, change: FieldChange) -> Change:
        """Return a change that was kept."""
        return change if isinstance(change, cls) else cls(*astuple(change))

    @property
    def words(self) -> tuple[str, str]:
        """`before` and `after` for people; empty if absent.

        Different values are told apart, whatever their words are.
        """
        before = self.before_shown or ("" if self.before is None else shown(self.before))
        after = self.after_shown or ("" if self.after is None else shown(self.after))
        return _told_apart(self.before, self.after, before, after)


class StateDiff(msgspec.Struct, frozen=True):
    """The changes that turn one state into another; never empty."""

    changes: tuple[Change, ...]

    def __str__(self) -> str:
        """Return the changes in one line."""
        listed = ", ".join(str(change) for change in self.changes[:LISTED])
        more = len(self.changes) - LISTED
        return f"{listed} and {more} more" if more > 0 else listed

    def to_json(self) -> JsonValue:
        """Return `before` and `after` by field, with their words where these say more."""
        return changes_document(self.changes)


def changes_document(changes: Iterable[Change]) -> dict[str, JsonValue]:
    """Return changes as JSON: by field, both values."""
    return {change.field: _values(change) for change in changes}


def _values(change: Change) -> JsonValue:
    words = {"before_shown": change.before_shown, "after_shown": change.after_shown}
    said = {name: text for name, text in words.items() if text}
    return {"before": change.before, "after": change.after, **said}


def diff_of(changes: Iterable[Change]) -> StateDiff | None:
    """Return the diff of these changes, or `None` if there are none."""
    found = tuple(changes)
    return StateDiff(found) if found else None


def fact_change(name: str, before: str | None, after: str | None) -> Change:
    """Return a change of a fact for which `None` means unknown, not absent."""
    return Change(name, before, after, before or "unknown", after or "unknown")


def field_wise_diff(current: State, goal: State) -> StateDiff | None:
    """Return the fields in which two states of one type differ, or `None` if they are equal.

    Models and mappings are compared entry by entry, and so are lists of equal length. For other
    lists, and for sets, the change lists the entries that are added and removed.
    """
    if current.__dict__ == goal.__dict__ or (_has_own_idea(type(current)) and current == goal):
        return None
    # Values that differ, and whose JSON does not (such as 1 and 1.0), are the same fact.
    return diff_of(
        change
        for name in field_names(type(current))
        if (before := getattr(current, name)) != (after := getattr(goal, name))
        for change in _field_changes(name, before, after)
    )


@cache
def _has_own_idea(state_type: type[State]) -> bool:
    """Return whether the class defines its own equality."""
    return state_type.__eq__ is not State.__eq__


def _field_changes(name: str, before: object, after: object) -> list[Change]:
    was, will_be = plain_form(before), plain_form(after)
    if type(was) in _SINGLE and type(will_be) in _SINGLE and was != will_be:
        return [Change(name, was, will_be)]
    if _is_set(before) and isinstance(was, list) and _is_set(after) and isinstance(will_be, list):
        return [_list_change(name, was, will_be)]
    changes = plain_changes(name, was, will_be)
    if not changes and (holds_secret(before) or holds_secret(after)):
        return [Change(name, None, None, "a secret", "another secret")]
    return changes


def _is_set(value: object) -> bool:
    return isinstance(value, (set, frozenset))


def plain_changes(place: str, before: JsonValue, after: JsonValue) -> list[Change]:
    """Return the differences of two values in JSON, which are at a place."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = [*before, *(name for name in after if name not in before)]
        return [
            change
            for name in names
            for change in _entry_changes(_within(place, name), name, before, after)
        ]
    if isinstance(before, list) and isinstance(after, list) and before != after:
        if len(before) != len(after):
            return [_list_change(place, before, after)]
        return [
            change
            for index, (one, other) in enumerate(zip(before, after, strict=True))
            for change in plain_changes(f"{place}[{index}]", one, other)
        ]
    return [] if before == after else [Change(place, before, after)]


def _entry_changes(
    place: str, name: str, before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]
) -> list[Change]:
    was, will_be = before.get(name), after.get(name)
    if was is None and will_be is None and (name in before) != (name in after):
        words = ("none", "absent") if name in before else ("absent", "none")
        return [Change(place, None, None, *words)]
    return plain_changes(place, was, will_be)


def _within(place: str, name: str) -> str:
    return f"{place}.{name}" if name.isidentifier() else f"{place}[{name!r}]"


def _list_change(place: str, before: list[JsonValue], after: list[JsonValue]) -> Change:
    less, more = _without(before, after), _without(after, before)
    left_out = len(less) + len(more) - LISTED
    less, more = less[:LISTED], more[: max(0, LISTED - len(less))]
    words, others = [shown(one) for one in less], [shown(other) for other in more]
    for at, one in enumerate(less):
        for beside, other in enumerate(more):
            words[at], others[beside] = _told_apart(one, other, words[at], others[beside])
    said = [*(f"- {each}" for each in words), *(f"+ {each}" for each in others)]
    said += [f"{left_out} more"] if left_out > 0 else []
    inside = f" ({', '.join(said)})" if said else ""
    return Change(place, before, after, _count(before), f"{_count(after)}{inside}")


def _without(ones: list[JsonValue], others: list[JsonValue]) -> list[JsonValue]:
    """Return the entries of one list that are not in another, each as often as it is missing."""
    counts = Counter(map(_key, others))
    rest: list[JsonValue] = []
    for one in ones:
        if counts[_key(one)]:
            counts[_key(one)] -= 1
        else:
            rest.append(one)
    return rest


def _key(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)


def _count(entries: list[JsonValue]) -> str:
    return f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}"


def _told_apart(one: JsonValue, other: JsonValue, words: str, others: str) -> tuple[str, str]:
    """Return the words for two values, or if these look the same, where the values differ."""
    if one == other or not (words and others and alike(words, others)):
        return words, others
    if isinstance(one, str) and isinstance(other, str):
        return contrast(one, other, _SHOWN)
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return str(one), str(other)
    return contrast(_key(one), _key(other), _SHOWN)


def shown(value: JsonValue) -> str:
    """Return a value in one line: texts as they are, if they are readable.

    Known secrets are hidden here already: a part of one, where it is cut, would not be found later.
    """
    if isinstance(value, str):
        begin = masked_beginning(value, _SHOWN + 1)
        text = begin if begin and begin.isprintable() else repr(begin)
    else:
        text = masked(repr(value))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
