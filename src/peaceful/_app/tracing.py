"""OpenTelemetry spans of executions and their items, for programs that collect spans.

Set up a tracer provider in the program, or by `opentelemetry-instrument`, as for any other library.
Without one, nothing of OpenTelemetry is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from peaceful._model.codec import ItemId
from peaceful._model.events import (
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    ItemStarted,
)
from peaceful._model.execution import ExecutionInfo, ExecutionState
from peaceful._model.outcome import ItemStatus

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from peaceful._errors.json import ErrorJson
    from peaceful._runtime.hub import OutputSink

_API: Final = "opentelemetry.trace"

_BY_NAME: Final = "OTEL_PYTHON_TRACER_PROVIDER"
"""The environment variable that sets up a provider without a line of code."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def tracing_sinks() -> tuple[OutputSink, ...]:
    """Return the sink that makes spans, or none if nobody collects spans."""
    # Whoever has set up a provider in this process has loaded this before.
    if _API not in sys.modules and _BY_NAME not in os.environ:
        return ()
    try:
        from opentelemetry import trace
    except ModuleNotFoundError:
        return ()
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return ()
    from peaceful import __version__

    return (TracingSink(provider.get_tracer("peaceful", __version__)),)


class TracingSink:
    """A sink that makes a span of each execution, and a child span of each item in each block.

    Spans hold names, statuses and times, and the codes of errors: no parameters, states or
    messages, so no secrets.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._execution: Span | None = None
        self._common: Mapping[str, str] = {}
        self._block = ""
        self._items: dict[ItemId, Span] = {}

    def receive(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case ExecutionStarted():
                    self._begin(event.execution, event.at)
                case BlockStarted():
                    self._block = event.block
                case ItemStarted():
                    self._items[event.item] = self._item_span(event)
                case ItemEnded():
                    self._end_item(event)
                case InterruptRequested():
                    self._interrupted(event)
                case ExecutionEnded():
                    self._end(event)
                case _:
                    pass

    def close(self) -> None:
        """End the spans of what has no ending now."""
        for span in self._items.values():
            span.end()
        if self._execution is not None:
            self._execution.end()
        self._items, self._execution = {}, None

    def _begin(self, execution: ExecutionInfo, at: datetime) -> None:
        self._common = {
            "peaceful.app": execution.app,
            "peaceful.profile": execution.profile,
            "peaceful.flow": execution.flow,
            "peaceful.command": execution.command,
            "peaceful.execution.id": execution.id,
        }
        self._execution = self._tracer.start_span(
            f"{execution.app} {execution.command}",
            attributes={
                **self._common,
                "peaceful.door": execution.started_by.door,
                "peaceful.dry_run": execution.dry_run,
            },
            start_time=_nanoseconds(at),
        )

    def _item_span(self, event: ItemStarted) -> Span:
        from opentelemetry import trace

        within = None if self._execution is None else trace.set_span_in_context(self._execution)
        return self._tracer.start_span(
            f"{self._block} {event.item}",
            context=within,
            attributes={**self._common, "peaceful.block": self._block, "peaceful.item": event.item},
            start_time=_nanoseconds(event.at),
        )

    def _end_item(self, event: ItemEnded) -> None:
        span = self._items.pop(event.item, None)
        if span is None:  # It was never in progress.
            return
        span.set_attribute("peaceful.item.status", event.status.value)
        if event.status is ItemStatus.FAILED:
            _fail(span, event.error)
        span.end(_nanoseconds(event.at))

    def _interrupted(self, event: InterruptRequested) -> None:
        if self._execution is not None:
            self._execution.add_event(
                "interrupt",
                {
                    "peaceful.interrupt.level": str(event.signal.level),
                    "peaceful.interrupt.source": event.signal.source.value,
                    "peaceful.interrupt.in_progress": list(event.in_progress),
                },
                _nanoseconds(event.at),
            )

    def _end(self, event: ExecutionEnded) -> None:
        if self._execution is None:
            return
        if event.outcome is not None:
            self._execution.set_attribute("peaceful.execution.outcome", event.outcome.value)
        for status, count in event.counts.items():
            self._execution.set_attribute(f"peaceful.items.{status.value}", count)
        if event.state is ExecutionState.FAILED:
            _fail(self._execution, event.error)
        self._execution.end(_nanoseconds(event.at))
        self._execution = None


def _fail(span: Span, error: ErrorJson | None) -> None:
    from opentelemetry.trace import StatusCode

    code = None if error is None else error.code
    span.set_status(StatusCode.ERROR, code)
    if code is not None:
        span.set_attribute("error.type", code)


def _nanoseconds(moment: datetime) -> int:
    """Return the nanoseconds since 1970, without the rounding of floats."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
