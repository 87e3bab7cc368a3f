"""How long what is interrupted may take: only whoever runs the program knows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from peaceful._cli.program.options import seconds
from peaceful._model.interrupt import STOP_TIMEOUT
from peaceful._runtime.ctx import MAX_CONCURRENCY, ExecutionSettings
from peaceful._runtime.escalation import LadderTimes

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation

_VARIABLE: Final = "PEACEFUL_STOP_TIMEOUT"

_GITHUB: Final = 6.0
"""Seconds where `GITHUB_ACTIONS` is set: it kills what has not ended 10 s after its SIGINT."""

_GRACE: Final = 0.2
"""The share of the time between CANCEL and the cancellation of items that have not ended."""


def stop_timeout(invocation: Invocation) -> float:
    """Return the seconds from the first signal that nobody has pressed to KILL.

    By the option, the environment, the application or the platform, in this order. Raises
    `UsageError` if the environment variable is no such number.
    """
    option = invocation.options.stop_timeout
    if option is not None:
        return option
    text = os.environ.get(_VARIABLE, "")
    if text:
        return seconds(text, _VARIABLE)
    if invocation.app.stop_timeout is not None:
        return invocation.app.stop_timeout
    return _GITHUB if os.environ.get("GITHUB_ACTIONS") else STOP_TIMEOUT


def execution_settings(invocation: Invocation) -> ExecutionSettings:
    """Return the settings of the executions of a command."""
    times = LadderTimes()
    grace = min(times.cancel_grace, _GRACE * stop_timeout(invocation))
    return ExecutionSettings(
        max_concurrency=invocation.options.max_concurrency or MAX_CONCURRENCY,
        ladder=LadderTimes(grace, times.cleanup_timeout),
    )
