"""Counts what was tried and what failed, row by row, for the summary of a test run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from subprocess import TimeoutExpired
from typing import Final, TypeAlias

import pytest

_PROPERTY: Final = "crashes"

Rows: TypeAlias = Callable[[str], AbstractContextManager["Tally"]]
"""Opens a row of the summary; at its end it asserts that nothing failed."""


class Tally:
    """What was tried in one row."""

    def __init__(self) -> None:
        self.tried = 0
        self.failures: list[str] = []

    @contextmanager
    def case(self, what: str) -> Iterator[None]:
        """Count a case. What is wrong is told at the end, so that the others are tried as well."""
        self.tried += 1
        try:
            yield
        except (AssertionError, TimeoutExpired) as error:
            self.failures.append(f"{what}: {error}")


@contextmanager
def row(name: str, record: Callable[[str, object], None]) -> Iterator[Tally]:
    """Count the cases of a row, and have their number recorded with the test's report."""
    tally = Tally()
    yield tally
    failures = tally.failures
    record(_PROPERTY, [name, tally.tried, len(failures)])
    shown = "\n\n".join(failures[:5])
    assert not failures, f"{len(failures)} of {tally.tried} failed, among them:\n{shown}"


def write_summary(reporter: pytest.TerminalReporter) -> None:
    """Write a line for each row of this run: how many cases were tried, and how many failed."""
    tried, failed, known = Counter[str](), Counter[str](), Counter[str]()
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if name == _PROPERTY:
                        tried[value[0]] += value[1]
                        (known if hasattr(report, "wasxfail") else failed)[value[0]] += value[2]
    if tried:
        reporter.section("crashes: tried, failed, known to fail")
        for name in sorted(tried):
            reporter.line(f"{tried[name]:6} {failed[name]:6} {known[name]:6}  {name}")
