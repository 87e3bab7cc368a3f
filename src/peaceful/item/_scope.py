"""What all items of one execution share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from peaceful.interrupt import InterruptibilityState
from peaceful.item._children import Children
from peaceful.model import Clock, Event, ExecutionId, FlowId, ProfileName
from peaceful.resources import Resources


class ExecutionScope(msgspec.Struct, frozen=True):
    """What all items of one execution share.

    Attributes:
        execution_id: the execution's ID.
        app: the application's name.
        workspace: the folder that holds `.peace`.
        profile: the profile.
        flow: the flow.
        command: what is executed, such as `ensure`.
        interruptibility: the one place that says whether the next thing may start.
        children: the child processes that run.
        clock: tells the time.
        publish: takes events; from any thread, without waiting.
        resources: what blocks and items hand on to each other, by type.
        loop: the loop that the execution runs in.
    """

    execution_id: ExecutionId
    app: str
    workspace: Path
    profile: ProfileName
    flow: FlowId
    command: str
    interruptibility: InterruptibilityState
    children: Children
    clock: Clock
    publish: Callable[[Event], None]
    resources: Resources
    loop: asyncio.AbstractEventLoop
