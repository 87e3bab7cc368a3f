"""Sinks of a server's executions: its log, and counts in the text format of Prometheus."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import accumulate
from typing import Final

from peaceful._model.events import (
    Event,
    ExecutionEnded,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    Warned,
)
from peaceful._model.execution import ExecutionInfo
from peaceful._model.outcome import ItemStatus
from peaceful._present.numbers import duration
from peaceful._present.text import one_line

_LOG = logging.getLogger("peaceful.web.executions")

_LONGEST_TEXT: Final = 300
"""Characters of a text from elsewhere."""

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of the text format of Prometheus."""

_BOUNDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds; upper bounds of the histogram's buckets."""

_FAMILIES: Final = {
    "executions_total": ("counter", "Executions of this server that have ended, by ending."),
    "interrupts_total": ("counter", "Interrupts that were accepted, by source and level."),
    "items_total": ("counter", "Items that have ended, by result."),
    "executions_running": ("gauge", "Executions of this server now."),
    "watchers": ("gauge", "Open event streams."),
    "interrupt_to_end_seconds": (
        "histogram",
        "Seconds from the first interrupt of an execution to its end.",
    ),
}
"""The type and the meaning of each metric."""


class ServerLogSink:
    """An `OutputSink` that logs the start, interrupts, failed items and the end of an execution.

    Records have the field `execution_id`, and `item_id` if they are about an item.
    """

    def __init__(self) -> None:
        self._info: ExecutionInfo | None = None

    def receive(self, events: Sequence[Event]) -> None:
        """Log events."""
        for event in events:
            if isinstance(event, ExecutionStarted):
                self._info = event.execution
            if self._info is not None:
                _log_event(event, self._info)

    def close(self) -> None:
        """Do nothing: there is nothing to end."""


def _log_event(event: Event, info: ExecutionInfo) -> None:
    match event:
        case ExecutionStarted():
            _log(
                logging.INFO,
                info,
                f"started: {info.command}{' (a dry run)' if info.dry_run else ''} of "
                f"{info.profile}, {info.flow}, by {info.started_by}",
                command=info.command,
                dry_run=info.dry_run,
                profile=info.profile,
                flow=info.flow,
            )
        case InterruptRequested(signal=signal):
            reason = "" if signal.reason is None else f": “{_clean(signal.reason)}”"
            level, source = str(signal.level), signal.source.value
            fields = {"interrupt_level": level, "interrupt_source": source}
            _log(logging.INFO, info, f"interrupt accepted: {level}, by {source}{reason}", **fields)
        case Warned(text=text):
            _log(logging.WARNING, info, f"warning: {_clean(text)}")
        case ItemEnded(item=item, status=ItemStatus.FAILED, message=message):
            _log(logging.WARNING, info, f"{item} failed: {_clean(message)}", item_id=item)
        case ExecutionEnded(error=error, outcome=outcome):
            seconds = (event.at - info.started_at).total_seconds()
            why = "" if error is None else f": {_clean(error.message)}"
            _log(
                logging.INFO if error is None else logging.WARNING,
                info,
                f"{event.state} after {duration(seconds)}{why}",
                outcome="" if outcome is None else outcome.value,
                seconds=round(seconds, 3),
            )
        case _:
            pass


def _log(severity: int, info: ExecutionInfo, text: str, /, **fields: object) -> None:
    message = f"execution {info.id} {one_line(text, 2 * _LONGEST_TEXT)}"
    _LOG.log(severity, "%s", message, extra={"execution_id": info.id, **fields})


def _clean(text: str) -> str:
    return one_line(text, _LONGEST_TEXT)


class Metrics:
    """Counts since the server was started; hold `lock` to count, as sinks have own threads."""

    def __init__(self) -> None:
        self.lock: Final = threading.Lock()
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in _FAMILIES}
        self._buckets: list[int] = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0

    def count(self, family: str, number: int = 1, **labels: str) -> None:
        """Add to a number of a family, which has the labels."""
        texts = ",".join(f'{name}="{value}"' for name, value in labels.items())
        self._counts[family][f"{{{texts}}}" if texts else ""] += number

    def interrupted_for(self, seconds: float) -> None:
        """Count an execution that ended some seconds after its first interrupt."""
        self._buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._sum += seconds

    @contextmanager
    def stream(self) -> Generator[None]:
        """Count an open event stream within the context."""
        self.count("watchers")
        try:
            yield
        finally:
            self.count("watchers", -1)

    def text(self, *, running: int) -> str:
        """Return all metrics; `running` is the number of running executions."""
        lines: list[str] = []
        with self.lock:
            now: Mapping[str, Mapping[str, float]] = {
                **self._counts,
                "executions_running": {"": running},
                "watchers": {"": self._counts["watchers"][""]},
                "interrupt_to_end_seconds": self._histogram(),
            }
            for name, (kind, about) in _FAMILIES.items():
                lines += [f"# HELP peaceful_{name} {about}", f"# TYPE peaceful_{name} {kind}"]
                lines += [f"peaceful_{name}{labels} {each}" for labels, each in now[name].items()]
        return "".join(f"{line}\n" for line in lines)

    def _histogram(self) -> Mapping[str, float]:
        bounds = (*map(str, _BOUNDS), "+Inf")
        totals = list(accumulate(self._buckets))
        buckets = {
            f'_bucket{{le="{bound}"}}': total for bound, total in zip(bounds, totals, strict=True)
        }
        return {**buckets, "_sum": round(self._sum, 6), "_count": totals[-1]}


class MetricsSink:
    """An `OutputSink` that counts what happens in one execution."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._interrupted_at: datetime | None = None

    def receive(self, events: Sequence[Event]) -> None:
        """Count events."""
        with self._metrics.lock:
            for event in events:
                self._count(event)

    def close(self) -> None:
        """Do nothing: there is nothing to end."""

    def _count(self, event: Event) -> None:
        metrics = self._metrics
        match event:
            case ItemEnded(status=status) if status is not ItemStatus.NOT_STARTED:
                metrics.count("items_total", result=status.value)
            case InterruptRequested(at=at, signal=signal):
                source, level = signal.source.value, str(signal.level)
                metrics.count("interrupts_total", source=source, level=level)
                self._interrupted_at = self._interrupted_at or at
            case ExecutionEnded():
                metrics.count("executions_total", ending=event.state.value)
                # There are no events about most of these.
                left = event.counts.get(ItemStatus.NOT_STARTED, 0)
                if left:
                    metrics.count("items_total", left, result=ItemStatus.NOT_STARTED.value)
                if self._interrupted_at is not None:
                    metrics.interrupted_for((event.at - self._interrupted_at).total_seconds())
            case _:
                pass
