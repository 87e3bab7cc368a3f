"""The register of executions: who runs what, its sender, its history; one at a time per profile.

`Executions` is what doors use. Where executions are written down is a port, `ExecutionStore`; for
one machine it is `SqliteExecutionStore`. Each running execution listens on a Unix socket in the
workspace: that is how other processes interrupt it and watch it.
"""

from peaceful.executions._admission import busy
from peaceful.executions._control_protocol import InterruptAnswer
from peaceful.executions._control_server import ControlLimits
from peaceful.executions._executions import Executions
from peaceful.executions._liveness import (
    SurvivingChild,
    surviving_children,
)
from peaceful.executions._presence import LockHolders, lock_holders_of
from peaceful.executions._record import (
    REASON_LIMIT,
    ExecutionDocument,
    ExecutionRecord,
    InterruptReceipt,
    Machine,
    OutcomeSummary,
    ProcessIdentity,
    cut_reason,
    finished,
    interrupted,
    lost,
    summary_of,
)
from peaceful.executions._running import (
    HubProgress,
    InterruptSenders,
    ProgressSource,
    RunningExecution,
)
from peaceful.executions._sqlite_store import SqliteExecutionStore
from peaceful.executions._store import (
    CANDIDATES,
    KEPT,
    ExecutionFilter,
    ExecutionPage,
    ExecutionStore,
    sought,
)

__all__ = [
    "CANDIDATES",
    "KEPT",
    "REASON_LIMIT",
    "ControlLimits",
    "ExecutionDocument",
    "ExecutionFilter",
    "ExecutionPage",
    "ExecutionRecord",
    "ExecutionStore",
    "Executions",
    "HubProgress",
    "InterruptAnswer",
    "InterruptReceipt",
    "InterruptSenders",
    "LockHolders",
    "Machine",
    "OutcomeSummary",
    "ProcessIdentity",
    "ProgressSource",
    "RunningExecution",
    "SqliteExecutionStore",
    "SurvivingChild",
    "busy",
    "cut_reason",
    "finished",
    "interrupted",
    "lock_holders_of",
    "lost",
    "sought",
    "summary_of",
    "surviving_children",
]
