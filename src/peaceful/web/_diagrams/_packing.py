"""Parts of a drawing that nothing joins, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from peaceful.web._diagrams._model import Point


def packed(
    sizes: Sequence[tuple[float, float]], limit: float, gap: float
) -> tuple[float, float, list[Point]]:
    """Puts boxes on shelves of like width, and small ones below each other where there is room.

    Higher ones come first, else in their order. The shelves are as many as the limit asks for.

    Args:
        sizes: width and height of each.
        limit: how wide a shelf may be; a single box may be wider.
        gap: the room between two boxes.

    Returns:
        The width and height of all, and the upper left corner of each.
    """
    order = sorted(range(len(sizes)), key=lambda one: -sizes[one][1])
    total = sum(width + gap for width, _ in sizes)
    room = max([total / max(1, ceil(total / (limit + gap))), *(size[0] for size in sizes)])
    spots: list[Point] = [(0.0, 0.0)] * len(sizes)
    left = top = right = bottom = 0.0
    wide = down = 0.0  # of the pile that is being made: how wide, and where its next box goes
    for one in order:
        width, height = sizes[one]
        if wide and width <= wide and down + height <= bottom:
            spots[one] = (left, down)
            down += height + gap
            continue
        left += wide + gap if wide else 0.0
        if left and left + width > room + 1e-6:
            left, top = 0.0, bottom + gap
        spots[one] = (left, top)
        wide, down = width, top + height + gap
        right, bottom = max(right, left + width), max(bottom, top + height)
    return right, bottom, spots
