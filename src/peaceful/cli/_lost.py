"""What killed executions left behind, told to whoever comes next."""

from __future__ import annotations

from collections.abc import Sequence

from peaceful.executions import ExecutionRecord, SurvivingChild
from peaceful.model import ExecutionState
from peaceful.present import count, name_list, one_line


def lost_notices(latest: ExecutionRecord | None, survivors: Sequence[SurvivingChild]) -> list[str]:
    """Sentences about executions whose process was killed.

    Args:
        latest: the newest execution of the profile, or none where there was none.
        survivors: the processes that killed executions have left behind.
    """
    by_execution: dict[str, list[SurvivingChild]] = {}
    for child in survivors:
        by_execution.setdefault(child.execution_id, []).append(child)
    notices: list[str] = []
    if latest is not None and latest.state is ExecutionState.LOST:
        notices.append(_notice(latest.id, by_execution.pop(latest.id, [])))
    return [*notices, *(_notice(each, children) for each, children in by_execution.items())]


def _notice(execution_id: str, children: Sequence[SurvivingChild]) -> str:
    killed = f"Execution {execution_id} was killed"
    if not children:
        return f"{killed} while it ran; what was in progress then is looked at anew."
    run = "runs" if len(children) == 1 else "run"
    names = name_list([f"pid {child.pid} ({one_line(child.command, 60)})" for child in children], 5)
    return (
        f"{killed}; {count(len(children), 'child process', 'child processes')} of it still {run}: "
        f"{names}."
    )
