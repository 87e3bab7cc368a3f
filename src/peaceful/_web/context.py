"""The services that requests need, put together in one place."""

from __future__ import annotations

from collections.abc import Collection

from peaceful._app.contexts import Contexts
from peaceful._model.clock import Clock
from peaceful._model.codec import ProfileName
from peaceful._runtime.ctx import ExecutionSettings
from peaceful._web.diagrams.graphviz import Layouts
from peaceful._web.live.watches import Watches
from peaceful._web.work.running import IdempotencyKeys, RunningExecutions
from peaceful._web.work.sinks import Metrics, MetricsSink, ServerLogSink


class ServerContext:
    """The services that requests need, for one application in one workspace."""

    def __init__(
        self,
        contexts: Contexts,
        clock: Clock,
        settings: ExecutionSettings | None = None,
        approve: Collection[ProfileName] = (),
    ) -> None:
        self.contexts = contexts
        self.executions = contexts.executions
        self.clock = clock
        self.idempotency_keys = IdempotencyKeys()
        self.layouts = Layouts()
        self.metrics = Metrics()
        self.watches = Watches(contexts.executions, clock)
        self.running = RunningExecutions(
            contexts,
            on_start=lambda starting: self.watches.follow(starting.info.id, starting.hub),
            sinks=lambda: (MetricsSink(self.metrics), ServerLogSink()),
            settings=settings,
            approve=approve,
        )
