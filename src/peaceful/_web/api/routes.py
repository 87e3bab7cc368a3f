"""The routes of the API."""

from __future__ import annotations

from typing import Final

from peaceful._app.web_settings import Role
from peaceful._commands.plan import Plan
from peaceful._model.codec import JsonObject
from peaceful._model.events import Snapshot
from peaceful._model.execution import Approval, ExecutionState
from peaceful._model.names import NAME_RULE
from peaceful._storage.backup import BackupFile
from peaceful._storage.stored_state import StateKind
from peaceful._web.api import executions, flows, profiles
from peaceful._web.api.flows import DOT, FORMATS, KINDS, SVG
from peaceful._web.http.bodies import PROBLEM
from peaceful._web.http.documents import (
    Diffs,
    Execution,
    ExecutionPage,
    Flows,
    FlowWithItems,
    Graph,
    Interrupted,
    Problem,
    ProfileChanged,
    ProfileRestored,
    Profiles,
    States,
    Status,
)
from peaceful._web.http.fields import (
    MOST_SHOWN,
    ApproveBody,
    CopyBody,
    EditBody,
    InterruptBody,
    MoveBody,
    StartRequest,
)
from peaceful._web.http.route import Param, Reply, Route
from peaceful._web.work.running import LONGEST_KEY
from peaceful._web.work.sinks import METRICS_TYPE

_NAME: Final[JsonObject] = {"type": "string", "maxLength": 100, "description": NAME_RULE}
_ID: Final = Param(
    "id", "path", "The execution's ID.", {"type": "string", "format": "uuid"}, required=True
)
_FLOW: Final = Param("flow", "path", "The flow's name.", _NAME, required=True)
_PROFILE: Final = Param("profile", "path", "The profile's name.", _NAME, required=True)
_ITEM: Final = Param("item", "path", "The name it is stored under.", _NAME, required=True)
_PROFILE_ASKED: Final = Param(
    "profile", "query", "The profile whose parameters make the flow; by default, the one in use.",
    _NAME,
)  # fmt: skip
_UNKNOWN: Final = Reply("There is no such thing.", Problem, PROBLEM)
_WRONG: Final = Reply("The request is wrong, field by field.", Problem, PROBLEM)
_EDITED: Final = {
    202: Reply("It was started; Location says where it can be watched.", Execution),
    200: Reply("The same was running already.", Execution),
    404: _UNKNOWN,
    409: Reply("What is stored, or an execution on the profile, is in the way.", Problem, PROBLEM),
    422: _WRONG,
}
_BOOL: Final[JsonObject] = {"type": "boolean", "default": False}
_CHANGED: Final = {
    200: Reply("It is done; or would be.", ProfileChanged),
    404: _UNKNOWN,
    409: Reply("What is there, or an execution on the profile, is in the way.", Problem, PROBLEM),
    422: _WRONG,
}
_PAGE: Final = (
    Param("profile", "query", "Those of the profile.", _NAME),
    Param("flow", "query", "Those of the flow.", _NAME),
    Param(
        "state", "query", "Those in one of the states.",
        {"type": "array", "items": {"enum": [each.value for each in ExecutionState]}},
    ),
    Param(
        "limit", "query", "How many at most.",
        {"type": "integer", "minimum": 1, "maximum": MOST_SHOWN, "default": 50},
    ),
    Param("cursor", "query", "From the page before.", {"type": "string", "format": "uuid"}),
)  # fmt: skip

ROUTES: Final = (
    Route(
        "POST", "/api/executions", executions.start, Role.RUN, "start_execution",
        "Starts an execution; one at a time for a profile.",
        params=(
            Param(
                "Idempotency-Key", "header", "Sent again, the same request starts nothing new.",
                {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
            ),
        ),
        body=StartRequest,
        answers={
            202: Reply("It was started; Location says where it can be watched.", Execution),
            200: Reply("The same was running already.", Execution),
            409: Reply("Another execution runs on the profile.", Problem, PROBLEM),
            422: _WRONG,
        },
    ),
    Route(
        "GET", "/api/executions", executions.list_executions, Role.VIEW, "list_executions",
        "Lists executions, running and past, newest first.",
        params=_PAGE,
        answers={200: Reply("A page of them.", ExecutionPage), 422: _WRONG},
    ),
    Route(
        "GET", "/api/executions/{id}", executions.one, Role.VIEW, "one_execution",
        "Shows an execution with its items.",
        params=(_ID,),
        answers={200: Reply("The execution.", Execution), 404: _UNKNOWN},
    ),
    Route(
        "GET", "/api/executions/{id}/plan", executions.plan, Role.VIEW, "execution_plan",
        "Shows the plan that an execution of plan has made; of secrets, it says nothing.",
        params=(_ID,),
        answers={
            200: Reply("The plan.", Plan),
            404: _UNKNOWN,
            422: Reply("It has made none.", Problem, PROBLEM),
        },
    ),
    Route(
        "POST", "/api/executions/{id}/interrupt", executions.interrupt, Role.INTERRUPT,
        "interrupt_execution", "Interrupts an execution, whichever process runs it.",
        params=(_ID,),
        body=InterruptBody,
        body_required=False,
        answers={
            202: Reply("It is being interrupted, now or since before.", Interrupted),
            404: _UNKNOWN,
            409: Reply("It has ended, or cannot be interrupted.", Problem, PROBLEM),
            422: _WRONG,
            503: Reply("Its process does not answer.", Problem, PROBLEM),
        },
    ),
    Route(
        "POST", "/api/executions/{id}/approvals", executions.approve, Role.APPROVE,
        "approve_plan", "Approves the plan that an execution has made, or refuses it.",
        params=(_ID,),
        body=ApproveBody,
        answers={
            200: Reply("It counts.", Approval),
            404: _UNKNOWN,
            409: Reply(
                "There is no plan, it is one's own, or somebody was faster.", Problem, PROBLEM
            ),
            422: _WRONG,
        },
    ),
    Route(
        "POST", "/api/executions/{id}/approvals/{item}", executions.approve, Role.APPROVE,
        "approve_item", "Approves what an item asks, whichever process runs it, or refuses it.",
        params=(_ID, Param("item", "path", "The item that asks.", _NAME, required=True)),
        body=ApproveBody,
        answers={
            200: Reply("It counts; an approval is on disk.", Approval),
            404: _UNKNOWN,
            409: Reply("The item does not ask, or somebody was faster.", Problem, PROBLEM),
            422: _WRONG,
            503: Reply("Its process does not answer.", Problem, PROBLEM),
        },
    ),
    Route(
        "GET", "/api/executions/{id}/progress", executions.progress, Role.VIEW,
        "execution_progress",
        "Shows how everything stands in an execution now, or stood at its end.",
        params=(_ID,),
        answers={200: Reply("How everything stands.", Snapshot), 404: _UNKNOWN},
    ),
    Route(
        "GET", "/api/executions/{id}/events", executions.events, Role.VIEW, "execution_events",
        "Tells what happens in an execution, as Server-Sent Events, until it has ended.",
        params=(
            _ID,
            Param(
                "Last-Event-ID", "header",
                "What was missed since that event comes first; or, where that is not known any "
                "more, how everything stands.",
                {"type": "string"},
            ),
        ),
        answers={
            200: Reply("The events.", None, "text/event-stream"),
            204: Reply("It had ended before."),
            404: _UNKNOWN,
        },
    ),
    Route(
        "GET", "/api/flows", flows.flows, Role.VIEW, "list_flows",
        "Lists the flows of the application.",
        answers={200: Reply("The flows.", Flows)},
    ),
    Route(
        "GET", "/api/flows/{flow}", flows.flow, Role.VIEW, "one_flow",
        "Shows a flow with its parameters, and its items as a profile's parameters make them.",
        params=(_FLOW, _PROFILE_ASKED),
        answers={200: Reply("The flow.", FlowWithItems), 404: _UNKNOWN},
    ),
    Route(
        "GET", "/api/flows/{flow}/graph", flows.graph, Role.VIEW, "flow_graph",
        "Draws a flow: what waits for what, or which places it touches; and how each of its items "
        "stands in an execution.",
        params=(
            _FLOW,
            _PROFILE_ASKED,
            Param(
                "kind", "query", "What is drawn: what waits for what, or which places are touched.",
                {"enum": list(KINDS), "default": "progress"},
            ),
            Param(
                "format", "query", "As data, as a picture, or as text for Graphviz.",
                {"enum": list(FORMATS), "default": "json"},
            ),
            Param(
                "execution", "query", "The execution.", {"type": "string", "format": "uuid"}
            ),
        ),
        answers={
            200: Reply("The diagram.", Graph, others=(SVG, DOT)),
            404: _UNKNOWN,
            422: _WRONG,
            501: Reply("Graphviz, which lays pictures out, is missing here.", Problem, PROBLEM),
        },
    ),
    Route(
        "GET", "/api/profiles", flows.profiles, Role.VIEW, "list_profiles",
        "Lists the profiles of the workspace.",
        answers={200: Reply("Their names.", Profiles)},
    ),
    Route(
        "DELETE", "/api/profiles/{profile}", profiles.delete, Role.RUN, "delete_profile",
        "Deletes a profile of which nothing is left that was made.",
        params=(_PROFILE,), body=EditBody, body_required=False, answers=_CHANGED,
    ),
    Route(
        "POST", "/api/profiles/{profile}/rename", profiles.rename, Role.RUN, "rename_profile",
        "Gives a profile another name.",
        params=(_PROFILE,), body=CopyBody, answers=_CHANGED,
    ),
    Route(
        "POST", "/api/profiles/{profile}/copy", profiles.copy, Role.RUN, "copy_profile",
        "Makes a profile with the parameters of another one, and without any state.",
        params=(_PROFILE,), body=CopyBody, answers=_CHANGED,
    ),
    Route(
        "POST", "/api/profiles/{profile}/backup", profiles.back_up, Role.RUN, "back_up_profile",
        "Answers with the whole profile, as it can be restored.",
        params=(_PROFILE,),
        answers={
            200: Reply("The backup.", BackupFile),
            404: _UNKNOWN,
            409: Reply("An execution runs on the profile.", Problem, PROBLEM),
        },
    ),
    Route(
        "POST", "/api/profiles/{profile}/restore", profiles.restore, Role.RUN, "restore_profile",
        "Makes a profile what a backup of it says; it may be missing.",
        params=(
            _PROFILE,
            Param("dry_run", "query", "Whether only to say what would be done.", _BOOL),
            Param(
                "sure", "query",
                "Whether things may be lost sight of that the backup does not know, and damaged "
                "files are set aside.",
                _BOOL,
            ),
        ),
        body=BackupFile,
        answers={
            200: Reply("What was done, or would be.", ProfileRestored),
            409: Reply("What was made since, or an execution, is in the way.", Problem, PROBLEM),
            422: Reply("It is no backup of the profile, or a damaged one.", Problem, PROBLEM),
        },
    ),
    Route(
        "GET", "/api/profiles/{profile}/{flow}/states", flows.states, Role.VIEW, "stored_states",
        "Shows what is stored of a flow's items.",
        params=(
            _PROFILE,
            _FLOW,
            Param(
                "kind", "query", "What items are, or what they should be.",
                {"enum": [each.value for each in StateKind], "default": StateKind.CURRENT.value},
            ),
        ),
        answers={200: Reply("The states.", States), 404: _UNKNOWN, 422: _WRONG},
    ),
    Route(
        "POST", "/api/profiles/{profile}/{flow}/states/{item}/forget", executions.forget,
        Role.RUN, "forget_state",
        "Drops what is stored of an item, by an execution; what there is of it stays.",
        params=(_PROFILE, _FLOW, _ITEM), body=EditBody, body_required=False, answers=_EDITED,
    ),
    Route(
        "POST", "/api/profiles/{profile}/{flow}/states/{item}/adopt", executions.adopt,
        Role.RUN, "adopt_state",
        "Lets what was found count as made, by an execution.",
        params=(_PROFILE, _FLOW, _ITEM), body=EditBody, body_required=False, answers=_EDITED,
    ),
    Route(
        "POST", "/api/profiles/{profile}/{flow}/states/{item}/move", executions.move,
        Role.RUN, "move_state",
        "Stores what is stored of an item under another name, by an execution.",
        params=(_PROFILE, _FLOW, _ITEM), body=MoveBody, answers=_EDITED,
    ),
    Route(
        "GET", "/api/profiles/{profile}/{flow}/diff", flows.diff, Role.VIEW, "stored_diff",
        "Shows what differs between what items are and what they should be, by what is stored.",
        params=(_PROFILE, _FLOW),
        answers={200: Reply("The differences.", Diffs), 404: _UNKNOWN, 422: _WRONG},
    ),
    Route(
        "GET", "/healthz", executions.healthz, None, "health",
        "Says that the server is there.",
        answers={200: Reply("It is.", Status)},
    ),
    Route(
        "GET", "/readyz", executions.readyz, None, "readiness",
        "Says whether the server can do its work.",
        answers={
            200: Reply("It can.", Status),
            503: Reply("It is about to end.", Problem, PROBLEM),
        },
    ),
    Route(
        "GET", "/metrics", executions.metrics, Role.VIEW, "metrics",
        "Counts what happens, for Prometheus.",
        answers={200: Reply("The counts.", None, METRICS_TYPE)},
    ),
)  # fmt: skip
