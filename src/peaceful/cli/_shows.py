"""Choosing how progress is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from peaceful.cli._bar import BarLook, BarSink
from peaceful.cli._json_lines import JsonLinesSink
from peaceful.cli._log import LogSink
from peaceful.cli._options import Format, ProgressStyle
from peaceful.model import ExecutionInfo, InterruptSource, SystemClock

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation
    from peaceful.cli._job import Job
    from peaceful.cli._show import Show


def show_for(invocation: Invocation, title: Callable[[ExecutionInfo], str], job: Job) -> Show:
    """What shows the progress of a command.

    Args:
        invocation: the run of the command line.
        title: what is executed, in words.
        job: the command.
    """
    stderr = invocation.stderr
    style = invocation.options.progress
    if style is ProgressStyle.AUTO:
        style = ProgressStyle.BAR if _can_draw(invocation) else ProgressStyle.LOG
    zone = datetime.now().astimezone().tzinfo
    assert zone is not None
    match style:
        case ProgressStyle.BAR:
            told_below = (
                invocation.stdout.same_place(stderr) and invocation.options.format is Format.TEXT
            )
            look = BarLook(
                title=title,
                main_block=job.main_block,
                ctrl_c=invocation.signals.heeds(InterruptSource.SIGINT),
                closing=not told_below,
                vanishing=told_below and job.only_looks,
                color=invocation.colors(stderr),
            )
            return BarSink(stderr, look, SystemClock())
        case ProgressStyle.JSON:
            return JsonLinesSink(stderr)
        case ProgressStyle.NONE:
            return LogSink(stderr, title, zone, interrupts_only=True)
        case _:
            return LogSink(stderr, title, zone)


def _can_draw(invocation: Invocation) -> bool:
    """Whether there is a terminal that a picture can be drawn on, and that nobody else draws on."""
    stderr = invocation.stderr
    return stderr.is_terminal and os.environ.get("TERM") != "dumb" and stderr.in_foreground()
