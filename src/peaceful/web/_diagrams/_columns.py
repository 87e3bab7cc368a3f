"""How far to the right each thing in its row stands."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from peaceful.web._diagrams._ranks import Neighbours


def columns(
    rows: Sequence[Sequence[int]],
    before: Neighbours,
    after: Neighbours,
    widths: Sequence[float],
    joints: Sequence[bool],
) -> list[float]:
    """The middle of each thing, from 0 to the right: what is joined stands below each other.

    Brandes and Köpf, "Fast and simple horizontal coordinate assignment", 2002: things are aligned
    with the median of what they are joined to, in four ways (from above and below, to the left and
    to the right), and the mean of the two middle ones is taken. The blocks of aligned things are
    compacted over the graph of neighbouring blocks, which avoids the mistake of the paper (see its
    erratum by Brandes, Walter and Zink, 2020).

    Args:
        rows: what stands in each row, from left to right.
        before: what each is joined to in the row above.
        after: what each is joined to in the row below.
        widths: how wide each is, with the room that it has at its sides.
        joints: whether each only hands a line on; such lines are kept straight.
    """
    if not rows:
        return []
    crossed = _crossed(rows, before, joints)
    ways: list[list[float]] = []
    for downwards in (True, False):
        layers = list(rows) if downwards else list(reversed(rows))
        joined = before if downwards else after
        for to_the_left in (True, False):
            turned = layers if to_the_left else [list(reversed(row)) for row in layers]
            root = _aligned(turned, joined, crossed)
            found = _compacted(turned, root, widths)
            ways.append(found if to_the_left else [-x for x in found])
    return _balanced(ways, widths)


def _crossed(
    rows: Sequence[Sequence[int]], before: Neighbours, joints: Sequence[bool]
) -> set[tuple[int, int]]:
    """Lines that cross a long line between two joints, which stays straight in their stead."""
    found: set[tuple[int, int]] = set()
    for above, row in pairwise(rows):
        place = {one: at for at, one in enumerate(above)}
        start, least = 0, 0
        for at, here in enumerate(row):
            inner = next((one for one in before[here] if joints[one]), None)
            inner = inner if joints[here] else None
            if inner is None and at < len(row) - 1:
                continue
            most = len(above) if inner is None else place[inner]
            for other in row[start : at + 1]:
                for end in before[other]:
                    is_inner = joints[other] and joints[end]
                    if not is_inner and not least <= place[end] <= most:
                        found.add((end, other))
            start, least = at, most
    return found


def _aligned(
    rows: Sequence[Sequence[int]], joined: Neighbours, crossed: set[tuple[int, int]]
) -> list[int]:
    """By number, the uppermost thing of the block in which each is."""
    root = list(range(len(joined)))
    taken: set[int] = set()
    for above, row in pairwise(rows):
        place = {one: at for at, one in enumerate(above)}
        limit = -1
        for here in row:
            ends = sorted(joined[here], key=place.__getitem__)
            middle = (len(ends) - 1) // 2
            for one in ends[middle : len(ends) // 2 + 1]:
                free = one not in taken and root[here] == here
                clear = (one, here) not in crossed and (here, one) not in crossed
                if free and clear and limit < place[one]:
                    root[here] = root[one]
                    taken.add(one)
                    limit = place[one]
    return root


def _compacted(
    rows: Sequence[Sequence[int]], root: Sequence[int], widths: Sequence[float]
) -> list[float]:
    """Each block as far to the left as its neighbours allow, then as near to those at its right."""
    left: dict[int, dict[int, float]] = {each: {} for each in root}
    for row in rows:
        for one, other in pairwise(row):
            room = (widths[one] + widths[other]) / 2
            known = left[root[other]].get(root[one], 0.0)
            left[root[other]][root[one]] = max(known, room)
    order = _block_order(left)
    x: dict[int, float] = {}
    for block in order:
        x[block] = max((x[one] + room for one, room in left[block].items()), default=0.0)
    right: dict[int, float] = {}
    for block in reversed(order):
        x[block] = max(x[block], right.get(block, x[block]))
        for one, room in left[block].items():
            right[one] = min(right.get(one, x[block] - room), x[block] - room)
    return [x[block] for block in root]


def _block_order(left: dict[int, dict[int, float]]) -> list[int]:
    after: dict[int, list[int]] = {block: [] for block in left}
    missing = {block: len(neighbours) for block, neighbours in left.items()}
    for block, neighbours in left.items():
        for one in neighbours:
            after[one].append(block)
    order = [block for block, number in missing.items() if not number]
    for block in order:
        for one in after[block]:
            missing[one] -= 1
            if not missing[one]:
                order.append(one)
    return order


def _balanced(ways: Sequence[Sequence[float]], widths: Sequence[float]) -> list[float]:
    """The mean of the two middle ones of four ways, each moved beside the narrowest."""
    numbers = range(len(widths))
    lows = [min(way[one] - widths[one] / 2 for one in numbers) for way in ways]
    highs = [max(way[one] + widths[one] / 2 for one in numbers) for way in ways]
    narrow = min(range(len(ways)), key=lambda each: highs[each] - lows[each])
    moved: list[list[float]] = []
    for each, way in enumerate(ways):
        to_the_left = each % 2 == 0
        shift = lows[narrow] - lows[each] if to_the_left else highs[narrow] - highs[each]
        moved.append([x + shift for x in way])
    middles = [sum(sorted(way[one] for way in moved)[1:3]) / 2 for one in numbers]
    least = min(middles[one] - widths[one] / 2 for one in numbers)
    return [x - least for x in middles]
