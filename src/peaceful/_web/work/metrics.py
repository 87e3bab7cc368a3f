"""Metrics of the server's executions, in the text format of Prometheus."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from peaceful._model.event import Event, ExecutionEnded, InterruptRequested, ItemEnded
from peaceful._model.outcome import ItemStatus

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of the format."""

_BOUNDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds; upper bounds of the histogram's buckets."""


class Metrics:
    """Counts since the server was started; hold `lock` to use them, as sinks have own threads."""

    def __init__(self) -> None:
        self.executions: Final[Counter[str]] = Counter()
        self.interrupts: Final[Counter[tuple[str, str]]] = Counter()
        self.items: Final[Counter[str]] = Counter()
        self.lock: Final = threading.Lock()
        self._streams = 0
        self._buckets: list[int] = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0

    def interrupted_for(self, seconds: float) -> None:
        """Count an execution that ended some seconds after its first interrupt."""
        self._buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._sum += seconds

    @contextmanager
    def stream(self) -> Generator[None]:
        """Count an open event stream within the context."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def text(self, *, running: int) -> str:
        """Return all metrics; `running` is the number of running executions."""
        with self.lock:
            return "".join(f"{line}\n" for line in self._lines(running))

    def _lines(self, running: int) -> Iterator[str]:
        yield from _family(
            "executions_total",
            "counter",
            "Executions of this server that have ended, by ending.",
            {f'{{ending="{ending}"}}': count for ending, count in self.executions.items()},
        )
        yield from _family(
            "interrupts_total",
            "counter",
            "Interrupts that were accepted, by source and level.",
            {
                f'{{source="{source}",level="{level}"}}': count
                for (source, level), count in self.interrupts.items()
            },
        )
        yield from _family(
            "items_total",
            "counter",
            "Items that have ended, by result.",
            {f'{{result="{result}"}}': count for result, count in self.items.items()},
        )
        yield from _family(
            "executions_running", "gauge", "Executions of this server now.", {"": running}
        )
        yield from _family("watchers", "gauge", "Open event streams.", {"": self._streams})
        yield from self._histogram()

    def _histogram(self) -> Iterator[str]:
        buckets: dict[str, float] = {}
        total = 0
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self._buckets, strict=True):
            total += count
            buckets[f'_bucket{{le="{bound}"}}'] = total
        yield from _family(
            "interrupt_to_end_seconds",
            "histogram",
            "Seconds from the first interrupt of an execution to its end.",
            {**buckets, "_sum": round(self._sum, 6), "_count": total},
        )


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
            case ItemEnded(status=status):
                metrics.items[status.value] += 1
            case InterruptRequested(at=at, signal=signal):
                metrics.interrupts[signal.source.value, str(signal.level)] += 1
                self._interrupted_at = self._interrupted_at or at
            case ExecutionEnded():
                metrics.executions[event.state.value] += 1
                # There are no events about these.
                left = event.counts.get(ItemStatus.NOT_STARTED, 0)
                if left:
                    metrics.items[ItemStatus.NOT_STARTED.value] += left
                if self._interrupted_at is not None:
                    metrics.interrupted_for((event.at - self._interrupted_at).total_seconds())
            case _:
                pass


def _family(name: str, kind: str, help: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP peaceful_{name} {help}"
    yield f"# TYPE peaceful_{name} {kind}"
    for labels, value in values.items():
        yield f"peaceful_{name}{labels} {value}"
