"""Counts what was tried and what failed, row by row, for the summary of a test run."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from subprocess import TimeoutExpired
from typing import Any, Final, ParamSpec, TypeAlias

import pytest

_COUNTED: Final = "counted"
_MEASURED: Final = "measured"

P = ParamSpec("P")

Record: TypeAlias = Callable[[str, object], None]
"""Records a property with the test's report."""

Rows: TypeAlias = Callable[[str], AbstractContextManager["Tally"]]
"""Opens a row of the summary; at its end it asserts that nothing failed."""

_examples: Final = Counter[tuple[str, str]]()
"""How many examples of property tests were tried since they were last recorded, by row."""


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
def row(name: str, *, section: str, record: Record) -> Iterator[Tally]:
    """Count the cases of a row of a section, and have their number recorded with the report."""
    tally = Tally()
    yield tally
    failures = tally.failures
    record(_COUNTED, [section, name, tally.tried, len(failures)])
    shown = "\n\n".join(failures[:5])
    assert not failures, f"{len(failures)} of {tally.tried} failed, among them:\n{shown}"


def measured(name: str, seconds: Sequence[float], *, section: str, record: Record) -> None:
    """Have times recorded with the report; the summary shows how they are distributed."""
    record(_MEASURED, [section, name, list(seconds)])


def counted_examples(section: str, name: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Count the examples of a property test in a row; it stands below `given`."""

    def decorated(example: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(example)
        def tried(*args: P.args, **kwargs: P.kwargs) -> None:
            _examples[section, name] += 1
            example(*args, **kwargs)

        return tried

    return decorated


@contextmanager
def examples_recorded(record: Record) -> Iterator[None]:
    """Record the examples of one property test. If it fails, one of them has failed."""
    _examples.clear()
    failed = 1
    try:
        yield
        failed = 0
    finally:
        for (section, name), tried in _examples.items():
            record(_COUNTED, [section, name, tried, failed])


def write_summary(reporter: pytest.TerminalReporter) -> None:
    """Write the rows of this run: how many cases were tried and failed, and what was measured."""
    tried, failed, known = (Counter[tuple[str, str]]() for _ in range(3))
    times = defaultdict[tuple[str, str], list[float]](list)
    for name, (section, what, *counts), expected_to_fail in _properties(reporter):
        if name == _COUNTED:
            tried[section, what] += counts[0]
            (known if expected_to_fail else failed)[section, what] += counts[1]
        elif name == _MEASURED:
            times[section, what] += counts[0]
    for section, rows in _by_section(tried):
        reporter.section(f"{section}: tried, failed, known to fail")
        for what in rows:
            counts = (counter[section, what] for counter in (tried, failed, known))
            reporter.line("".join(f"{count:6} " for count in counts) + f" {what}")
    for section, rows in _by_section(times):
        reporter.section(f"{section}, in seconds: how often, median, 90 %, 99 %, longest")
        for what in rows:
            reporter.line(f"{_distribution(times[section, what])}  {what}")


def _properties(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, Any, bool]]:
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if name in {_COUNTED, _MEASURED}:
                        yield name, value, hasattr(report, "wasxfail")


def _by_section(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    by_section = defaultdict[str, list[str]](list)
    for section, what in sorted(rows):
        by_section[section].append(what)
    yield from by_section.items()


def _distribution(seconds: Sequence[float]) -> str:
    by_length = sorted(seconds)
    shares = (by_length[int(share * (len(by_length) - 1))] for share in (0.5, 0.9, 0.99, 1))
    return f"{len(by_length):6}" + "".join(f" {each:7.3f}" for each in shares)
