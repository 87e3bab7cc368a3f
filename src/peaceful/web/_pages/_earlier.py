"""Which execution another one carries on."""

from __future__ import annotations

from peaceful.executions import ExecutionRecord, Executions
from peaceful.model import ExecutionId


def carried_on(executions: Executions, record: ExecutionRecord) -> ExecutionId:
    """The ID of the execution that one carries on; empty where it carries on none.

    That is the one before it on the same profile and flow, if it did the same, and did not get to
    its end.

    Args:
        executions: the register.
        record: the execution.
    """
    info = record.info
    page = executions.list(profile=info.profile, flow=info.flow, limit=1, cursor=record.id)
    for before in page.records:
        same = before.info.command == info.command and before.dry_run == record.dry_run
        if same and before.state.resumable:
            return before.id
    return ""
