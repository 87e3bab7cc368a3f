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
    from peaceful.cli._show import Show
    from peaceful.commands import RunRequest


def show_for(
    invocation: Invocation, title: Callable[[ExecutionInfo], str], request: RunRequest
) -> Show:
    """What shows the progress of a command.

    Args:
        invocation: the run of the command line.
        title: what is executed, in words.
        request: what is run.
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
            # Then what it finds is the whole answer, and the way there does not matter.
            only_looks = request.dry_run or request.command == "diff"
            look = BarLook(
                title=title,
                main_block=request.main_block,
                ctrl_c=invocation.signals.heeds(InterruptSource.SIGINT),
                closing=not told_below,
                vanishing=told_below and only_looks,
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
