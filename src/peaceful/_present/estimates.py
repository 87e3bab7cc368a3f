"""The estimate of the time that an execution still takes: an honest one, or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from peaceful._model.codec import ItemId
from peaceful._model.events import Phase, Snapshot
from peaceful._model.outcome import ItemStatus

_FEWEST = 3
"""So many items have to have taken alike before others are expected to."""

_FACTOR, _SLACK = 2.0, 5.0
"""Beyond so many times what was expected, and so many seconds, nobody knows any more."""


def seconds_left(snapshot: Snapshot, now: datetime) -> float | None:
    """Return the seconds until every item of the block has ended, or None where that is not known.

    An item is expected to take what it took the last time; or, if it never ended, what items take
    that all take alike. As many are in progress at once as may be, each after those that it waits
    for; the edges are the same whichever way the block goes along them.

    While nothing but time passes, it never rises. Takes time in proportion to the number of items.
    """
    pace = _pace(snapshot)
    if pace is None or not snapshot.at_once or snapshot.interrupt or snapshot.ending:
        return None
    if snapshot.asking:
        # How long a person takes, nobody knows.
        return None
    usual = _usual(snapshot)
    chosen = frozenset(snapshot.block_items)
    total = 0.0
    until: dict[ItemId, float] = {}
    for item in dict.fromkeys((*snapshot.items, *snapshot.block_items)):
        if item in snapshot.ended or item not in chosen:
            continue
        if item in snapshot.running:
            left = _rest(snapshot, item, pace, usual, now)
        else:
            left = _expected(snapshot, item, pace, usual)
        if left is None:
            return None
        total += left
        awaited = (until.get(each, 0.0) for each in snapshot.waits_for.get(item, ()))
        until[item] = left + max(awaited, default=0.0)
    if not until:
        return None
    return max(total / min(snapshot.at_once, len(until)), *until.values())


def _pace(snapshot: Snapshot) -> float | None:
    """Return how long items take, compared with the last time; None while nothing tells.

    It may be next to nothing, as where all that was made the last time is found unchanged.
    """
    before = now = 0.0
    changing = [item for item, phase in snapshot.phases.items() if phase is Phase.CHANGING]
    for item, ended in snapshot.ended.items():
        if item in snapshot.expected and ended.status.ended_well:
            before += snapshot.expected[item]
            now += ended.seconds
    for item in changing:
        before += snapshot.expected.get(item, 0.0)
        now += snapshot.expected.get(item, 0.0)
    if not snapshot.ended and not changing:
        return None
    return now / before if before else 1.0


def _usual(snapshot: Snapshot) -> float | None:
    """Return the seconds of an item of which nothing is known, if those that are known are alike.

    An item that was found unchanged says nothing of those that have to be changed.
    """
    took = [
        each.seconds
        for each in snapshot.ended.values()
        if each.status.ended_well and each.status is not ItemStatus.UNCHANGED
    ]
    return _alike(took) or _alike([*snapshot.expected.values()])


def _alike(seconds: Sequence[float]) -> float | None:
    """Return the median of durations, or None if they are few, or differ too much."""
    ordered = sorted(seconds)
    if len(ordered) < _FEWEST:
        return None
    tenth = len(ordered) // 10
    if ordered[-1 - tenth] > _FACTOR * ordered[tenth] + 1:
        return None
    return ordered[len(ordered) // 2]


def _expected(snapshot: Snapshot, item: ItemId, pace: float, usual: float | None) -> float | None:
    known = snapshot.expected.get(item)
    return usual if known is None else known * pace


def _rest(
    snapshot: Snapshot, item: ItemId, pace: float, usual: float | None, now: datetime
) -> float | None:
    """Return the seconds that are left of an item in progress, or None if they are not known."""
    progress, phase = snapshot.running[item], snapshot.phases.get(item)
    own = None
    if progress is not None and progress.seconds_left is not None and progress.stalled_for is None:
        own = max(0.0, progress.seconds_left)
    # Its own estimate during the look does not include the change.
    if own is not None and phase is not Phase.LOOKING:
        return own
    # What is being changed takes the time of a change, however many others were unchanged.
    expected = _expected(snapshot, item, 1.0 if phase is Phase.CHANGING else pace, usual)
    if expected is None:
        return None
    elapsed = (now - snapshot.since[item]).total_seconds()
    if elapsed > _FACTOR * expected + _SLACK:
        return None
    return max(own or 0.0, expected - max(0.0, elapsed), 0.0)
