"""What requests need, put together in one place."""

from __future__ import annotations

from dataclasses import dataclass

from peaceful._app.contexts import Contexts
from peaceful._executions.registry import Executions
from peaceful._executions.running import InterruptSenders
from peaceful._model.clock import Clock, SystemClock
from peaceful._runtime.ctx import ExecutionSettings
from peaceful._runtime.hub import OutputSink
from peaceful._runtime.register import Starting
from peaceful._web.diagrams.graphviz import Layouts
from peaceful._web.live.watches import Watches
from peaceful._web.work.execution_log import LogSink
from peaceful._web.work.metrics import Metrics, MetricsSink
from peaceful._web.work.running import RunningExecutions, StartedBefore


@dataclass(frozen=True, slots=True)
class ServerContext:
    """What requests need, for one application in one workspace.

    Attributes:
        contexts: the application's flows and profiles in the workspace, and contexts for commands.
        executions: the register of executions, running and past, of whichever process.
        senders: by execution ID, the sender of interrupts to an execution of this process.
        running: the executions that this server runs, and how it starts them.
        started_before: by idempotency key, what was started with it.
        watches: the executions that are followed for those who watch them.
        layouts: by plan of a diagram, where everything in it stands.
        metrics: counts of what happened.
        clock: tells the time.
    """

    contexts: Contexts
    executions: Executions
    senders: InterruptSenders
    running: RunningExecutions
    started_before: StartedBefore
    watches: Watches
    layouts: Layouts
    metrics: Metrics
    clock: Clock


def server_context(
    contexts: Contexts, clock: SystemClock, settings: ExecutionSettings | None = None
) -> ServerContext:
    """Put together what requests need.

    Args:
        contexts: the application in the workspace.
        clock: tells the time.
        settings: how executions behave.
    """
    executions = contexts.executions
    watches = Watches(executions, clock)
    metrics = Metrics()

    def follow(starting: Starting) -> None:
        watches.follow(starting.info.id, starting.hub)

    def sinks() -> tuple[OutputSink, ...]:
        return (MetricsSink(metrics), LogSink())

    return ServerContext(
        contexts=contexts,
        executions=executions,
        senders=executions.senders,
        running=RunningExecutions(contexts, executions.senders, follow, sinks, settings),
        started_before=StartedBefore(),
        watches=watches,
        layouts=Layouts(),
        metrics=metrics,
        clock=clock,
    )
