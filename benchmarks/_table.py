"""Printing figures, and taking them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

RUNS = 3


def median_of(measure: Callable[[], float], runs: int = RUNS) -> float:
    """The median of some runs."""
    return statistics.median(measure() for _ in range(runs))


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table, its columns as wide as they must be."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    print(f"\n{title}")
    for row in (head, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ", "   ".join([row[0].ljust(widths[0]), *cells[1:]]))
