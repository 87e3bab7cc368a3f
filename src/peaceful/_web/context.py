"""The services that requests need, put together in one place."""

from __future__ import annotations

from dataclasses import dataclass

from peaceful._app.contexts import Contexts
from peaceful._executions.registry import Executions
from peaceful._model.clock import Clock, SystemClock
from peaceful._runtime.ctx import ExecutionSettings
from peaceful._runtime.hub import OutputSink
from peaceful._runtime.register import Starting
from peaceful._web.diagrams.graphviz import Layouts
from peaceful._web.live.watches import Watches
from peaceful._web.work.running import IdempotencyKeys, RunningExecutions
from peaceful._web.work.sinks import Metrics, MetricsSink, ServerLogSink


@dataclass(frozen=True, slots=True)
class ServerContext:
    """The services that requests need, for one application in one workspace."""

    contexts: Contexts
    executions: Executions
    running: RunningExecutions
    idempotency_keys: IdempotencyKeys
    watches: Watches
    layouts: Layouts
    metrics: Metrics
    clock: Clock


def server_context(
    contexts: Contexts, clock: SystemClock, settings: ExecutionSettings | None = None
) -> ServerContext:
    """Return the services for an application in a workspace."""
    watches = Watches(contexts.executions, clock)
    metrics = Metrics()

    def follow(starting: Starting) -> None:
        watches.follow(starting.info.id, starting.hub)

    def sinks() -> tuple[OutputSink, ...]:
        return (MetricsSink(metrics), ServerLogSink())

    return ServerContext(
        contexts=contexts,
        executions=contexts.executions,
        running=RunningExecutions(contexts, follow, sinks, settings),
        idempotency_keys=IdempotencyKeys(),
        watches=watches,
        layouts=Layouts(),
        metrics=metrics,
        clock=clock,
    )
