"""What there is to work on: each flow of each profile, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from peaceful.app import Contexts
from peaceful.executions import ExecutionRecord, Executions
from peaceful.model import FlowId, ProfileName


@dataclass(frozen=True, slots=True)
class Environment:
    """A flow of a profile.

    Attributes:
        profile: the profile.
        flow: the flow.
        help: what the flow is for.
        latest: its newest execution, or none.
        busy: the execution that keeps the profile busy, of this flow or another; none where none
            does.
        first: whether it is the first one of its profile.
    """

    profile: ProfileName
    flow: FlowId
    help: str
    latest: ExecutionRecord | None
    busy: ExecutionRecord | None = None
    first: bool = True


def environments(
    contexts: Contexts, executions: Executions, profiles: Iterable[ProfileName]
) -> tuple[Environment, ...]:
    """Each flow of each profile, with its newest execution.

    Args:
        contexts: the application in its workspace.
        executions: the register.
        profiles: which profiles.
    """
    busy = {each.info.profile: each for each in executions.running()}
    return tuple(
        Environment(
            profile,
            flow.id,
            flow.summary,
            latest_of(executions, profile, flow.id),
            busy.get(profile),
            not place,
        )
        for profile in profiles
        for place, flow in enumerate(contexts.app.flows.values())
    )


def latest_of(executions: Executions, profile: ProfileName, flow: FlowId) -> ExecutionRecord | None:
    """The newest execution of a flow of a profile; none where there was none."""
    return next(iter(executions.list(profile=profile, flow=flow, limit=1).records), None)


def busy_on(executions: Executions, profile: ProfileName) -> ExecutionRecord | None:
    """The execution that keeps a profile busy; none where none does."""
    running = executions.running()
    return next((each for each in running if each.info.profile == profile), None)
