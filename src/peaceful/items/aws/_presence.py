"""Whether something is there: what differs where it should be, or should not be."""

from __future__ import annotations

from peaceful.item import Change, StateDiff


def presence_diff(what: str, name: str, *, is_there: bool, should_be: bool) -> StateDiff | None:
    """What differs in whether something is there, or none where nothing does.

    Args:
        what: it is, such as `role`.
        name: its name.
        is_there: whether it is there.
        should_be: whether it should be.
    """
    if is_there == should_be:
        return None
    before, after = ({"name": name} if there else None for there in (is_there, should_be))
    shown = ("" if before is None else name, "" if after is None else name)
    return StateDiff((Change(what, before, after, *shown),))
