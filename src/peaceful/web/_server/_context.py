"""The server's context, put together in one place.

What requests need lies in a typed map, each part under its class, and each of use without the
others:

| part | is |
|---|---|
| `Contexts` | flows and profiles of the application in the workspace, and contexts for commands |
| `Executions` | what is known of executions, running and past, and of whichever process |
| `RunningExecutions` | the executions that this server runs, and how it starts them |
| `InterruptSenders` | from execution ID to the sender of its interrupts |
| `ProgressTrackers` | from execution ID to what follows the execution |
| `StartedBefore` | from idempotency key to what was started with it |
| `Metrics` | counts of what happened |
| `Layouts` | from plans of diagrams to where everything in them stands |
| `LivePages` | from execution ID to what keeps its page up to date |
| `SystemClock` | the clock |

A request asks for the parts that it needs. Where one was not put in, it gets an error that names
it.
"""

from __future__ import annotations

from peaceful.app import Contexts
from peaceful.executions import HubProgress, InterruptSenders
from peaceful.model import SystemClock
from peaceful.resources import Resources
from peaceful.runtime import ExecutionSettings, OutputSink, Starting
from peaceful.web._diagrams import Layouts
from peaceful.web._live._trackers import ProgressTrackers
from peaceful.web._pages import LivePages
from peaceful.web._server._execution_log import LogSink
from peaceful.web._work._idempotency import StartedBefore
from peaceful.web._work._metrics import Metrics, MetricsSink
from peaceful.web._work._running import RunningExecutions


def server_context(
    contexts: Contexts, clock: SystemClock, settings: ExecutionSettings | None = None
) -> Resources:
    """Everything that requests need, for one application in one workspace.

    Args:
        contexts: the application in the workspace.
        clock: tells the time.
        settings: how executions behave.
    """
    executions = contexts.executions
    trackers = ProgressTrackers(clock)
    metrics = Metrics()

    def follow(starting: Starting) -> None:
        trackers.follow(starting.info.id, HubProgress(starting.hub))

    def sinks() -> tuple[OutputSink, ...]:
        return (MetricsSink(metrics), LogSink())

    parts = Resources()
    parts.insert(contexts)
    parts.insert(executions)
    parts.insert(executions.senders, InterruptSenders)
    parts.insert(trackers)
    parts.insert(metrics)
    parts.insert(clock)
    parts.insert(RunningExecutions(contexts, executions.senders, follow, sinks, settings))
    parts.insert(StartedBefore())
    parts.insert(LivePages())
    parts.insert(Layouts())
    return parts
