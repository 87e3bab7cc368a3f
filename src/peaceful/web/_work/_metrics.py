"""Counts of what this server's executions do, in the text format of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from peaceful.executions import JsonObject, ProgressSource
from peaceful.model import ItemStatus, JsonValue
from peaceful.web._live._picture import object_of, state_after

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of the format."""

_BOUNDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds; upper bounds of the histogram's buckets."""


_NOT_STARTED: Final = ItemStatus.NOT_STARTED.value


class Metrics:
    """Counts of what happened since the server was started.

    Attributes:
        executions: by ending, how many executions ended so.
        interrupts: by door and level, how many interrupts were accepted.
        items: by result, how many items ended so.
    """

    def __init__(self) -> None:
        self.executions: Final[Counter[str]] = Counter()
        self.interrupts: Final[Counter[tuple[str, str]]] = Counter()
        self.items: Final[Counter[str]] = Counter()
        self._streams = 0
        self._seconds: list[int] = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0

    def interrupted_for(self, seconds: float) -> None:
        """An execution ended that many seconds after its first interrupt."""
        place = next((n for n, bound in enumerate(_BOUNDS) if seconds <= bound), len(_BOUNDS))
        self._seconds[place] += 1
        self._sum += seconds

    @contextmanager
    def stream(self) -> Generator[None]:
        """An event stream is open, of the API or of a page, for the length of a context."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def text(self, *, running: int) -> str:
        """All counts.

        Args:
            running: how many executions run now.
        """
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
        name = "interrupt_to_end_seconds"
        buckets: dict[str, float] = {}
        total = 0
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self._seconds, strict=True):
            total += count
            buckets[f'_bucket{{le="{bound}"}}'] = total
        yield from _family(
            name,
            "histogram",
            "Seconds from the first interrupt of an execution to its end.",
            {**buckets, "_sum": round(self._sum, 6), "_count": total},
        )


class CountingSource:
    """Counts what its one reader is told of an execution.

    Args:
        inner: tells what happens.
        metrics: takes the counts.
    """

    def __init__(self, inner: ProgressSource, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    def snapshot(self) -> JsonValue:
        """How everything stands now."""
        return self._inner.snapshot()

    def subscribe(self) -> AsyncIterator[JsonObject]:
        """The events from now on."""
        # Not in the generator, which would begin when first asked.
        return _counted(self._inner.subscribe(), self._metrics)


async def _counted(
    events: AsyncIterator[JsonObject], metrics: Metrics
) -> AsyncIterator[JsonObject]:
    interrupted_at: datetime | None = None
    async for event in events:
        match event.get("event"):
            case "item_ended":
                metrics.items[str(event["status"])] += 1
            case "interrupt_requested":
                signal = object_of(event, "signal")
                metrics.interrupts[str(signal["source"]), str(signal["level"])] += 1
                interrupted_at = interrupted_at or datetime.fromisoformat(str(event["at"]))
            case "execution_ended":
                metrics.executions[state_after(event)] += 1
                # Of those nothing was told until now.
                left = object_of(event, "counts").get(_NOT_STARTED)
                if isinstance(left, int):
                    metrics.items[_NOT_STARTED] += left
                if interrupted_at is not None:
                    ended_at = datetime.fromisoformat(str(event["at"]))
                    metrics.interrupted_for((ended_at - interrupted_at).total_seconds())
            case _:
                pass
        yield event


def _family(name: str, kind: str, help: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP peaceful_{name} {help}"
    yield f"# TYPE peaceful_{name} {kind}"
    for labels, value in values.items():
        yield f"peaceful_{name}{labels} {value}"
