"""The register of executions: who runs what, its sender, its history; one at a time per profile.

`Executions` is what doors use. Where executions are written down is a port, `ExecutionStore`; for
one machine it is `SqliteExecutionStore`. Each running execution listens on a Unix socket in the
workspace: that is how other processes interrupt it and watch it.
"""

from peaceful.executions._admission import busy
from peaceful.executions._control_protocol import InterruptAnswer
from peaceful.executions._control_server import ControlLimits
from peaceful.executions._executions import Executions
from peaceful.executions._hub_progress import HubProgress
from peaceful.executions._identity import Machine, ProcessIdentity
from peaceful.executions._lock_holders import lock_holders_of
from peaceful.executions._presence import LockHolders
from peaceful.executions._progress import ProgressSource
from peaceful.executions._receipt import InterruptReceipt
from peaceful.executions._record import (
    ExecutionRecord,
    JsonObject,
    begun,
    finished,
    interrupted,
    lost,
)
from peaceful.executions._running import RunningExecution
from peaceful.executions._senders import InterruptSenders
from peaceful.executions._signal import REASON_LIMIT, cut_reason, signal_from_json
from peaceful.executions._sqlite_store import SqliteExecutionStore
from peaceful.executions._store import (
    CANDIDATES,
    KEPT,
    ExecutionFilter,
    ExecutionPage,
    ExecutionStore,
    sought,
)
from peaceful.executions._summary import OutcomeSummary, summary_of
from peaceful.executions._surviving import (
    SurvivingChild,
    surviving_children,
)

__all__ = [
    "CANDIDATES",
    "KEPT",
    "REASON_LIMIT",
    "ControlLimits",
    "ExecutionFilter",
    "ExecutionPage",
    "ExecutionRecord",
    "ExecutionStore",
    "Executions",
    "HubProgress",
    "InterruptAnswer",
    "InterruptReceipt",
    "InterruptSenders",
    "JsonObject",
    "LockHolders",
    "Machine",
    "OutcomeSummary",
    "ProcessIdentity",
    "ProgressSource",
    "RunningExecution",
    "SqliteExecutionStore",
    "SurvivingChild",
    "begun",
    "busy",
    "cut_reason",
    "finished",
    "interrupted",
    "lock_holders_of",
    "lost",
    "signal_from_json",
    "sought",
    "summary_of",
    "surviving_children",
]
