"""The documents of the API.

The OpenAPI description is made from these declarations, and from the texts below `Attributes:`.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from peaceful._errors.json import ErrorJson
from peaceful._executions.records import ExecutionDocument, ExecutionRecord
from peaceful._graph.graph import Edge
from peaceful._model.codec import (
    ExecutionId,
    FlowId,
    ItemId,
    JsonObject,
    JsonValue,
    Moment,
    ProfileName,
)
from peaceful._model.document import OutcomeDocument
from peaceful._model.events import Phase, Progress, Snapshot
from peaceful._model.interrupt import InterruptLevel
from peaceful._model.location import LocationKind
from peaceful._runtime.flow import BuiltFlow


class ItemWord(enum.StrEnum):
    """How an item stands."""

    PENDING = "pending"
    """It has not started yet."""
    RUNNING = "running"
    """It is in progress."""
    DONE = "done"
    WOULD_CREATE = "would_create"
    """Of a dry run, as are the next three."""
    WOULD_CHANGE = "would_change"
    WOULD_REPLACE = "would_replace"
    WOULD_REMOVE = "would_remove"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"
    """What it is, or what would be done, can be said only once items before it are there."""
    FAILED = "failed"
    STOPPED = "stopped"
    """It ended at a safe point."""
    ABANDONED = "abandoned"
    NOT_STARTED = "not_started"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item in an execution.

    Attributes:
        status: how it stands.
        state: its state after its ending, as it is stored; null where that is not known.
        message: what was done, or why it was not.
        phase: what is done with it, of an item that has not ended; null where that is not known.
        progress: how far it is, of an item that has not ended; null where it said nothing.
        asks: what it asks people to approve, while it waits for that.
        shown: its state in a few words, once it has ended.
        seconds: how long it was in progress, once it has ended.
    """

    status: ItemWord
    state: JsonValue = None
    message: str = ""
    phase: Phase | UnsetType | None = UNSET
    progress: Progress | UnsetType | None = UNSET
    asks: str | UnsetType = UNSET
    shown: str | UnsetType = UNSET
    seconds: float | UnsetType = UNSET


class Execution(ExecutionDocument, frozen=True, kw_only=True):
    """An execution with its items.

    Attributes:
        items: by item, how it stands.
    """

    items: Mapping[ItemId, Item]


class ExecutionPage(msgspec.Struct, frozen=True):
    """Some executions, newest first, without their outcome documents.

    Attributes:
        executions: the executions.
        cursor: to be passed on to get the page after this one; null on the last page.
    """

    executions: Sequence[ExecutionDocument]
    cursor: ExecutionId | None


class Interrupted(msgspec.Struct, frozen=True):
    """That an execution is being interrupted; the same however often it is asked for.

    Attributes:
        execution_id: the execution.
        state: `interrupting`.
        level: the level that it is interrupted at.
        requested_at: when an interrupt was first requested.
    """

    execution_id: ExecutionId
    state: Literal["interrupting"]
    level: InterruptLevel
    requested_at: Moment


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A flow of the application.

    Attributes:
        id: its name.
        help: what it is for.
        parameters: what its parameters may be, as JSON Schema.
    """

    id: FlowId
    help: str
    parameters: JsonObject


class Flows(msgspec.Struct, frozen=True):
    """The flows of the application.

    Attributes:
        app: the application's name.
        flows: its flows.
    """

    app: str
    flows: Sequence[Flow]


class Node(msgspec.Struct, frozen=True):
    """An item of a flow.

    Attributes:
        id: its name.
        kind: its class.
        inside: the item that holds it, or null.
        waits_for: the items whose end it waits for.
        tags: words by which commands can be limited to it.
    """

    id: ItemId
    kind: str
    inside: ItemId | None
    waits_for: Sequence[ItemId]
    tags: Sequence[str]


class FlowWithItems(Flow, frozen=True, kw_only=True):
    """A flow, with its items as a profile's parameters make them.

    Attributes:
        items: its items, in order; null where that is not known.
        edges: what waits for what; null where that is not known.
        why: why it is not known; null where it is.
    """

    items: Sequence[Node] | None
    edges: Sequence[Edge] | None
    why: ErrorJson | None


class Place(msgspec.Struct, frozen=True):
    """A place that items touch.

    Attributes:
        id: its name in this document.
        name: what it is called.
        kind: what sort of place it is.
        inside: the place that holds it, or null.
        by_example: whether it is not there yet, and told from an example.
    """

    id: str
    name: str
    kind: LocationKind
    inside: str | None
    by_example: bool


class Act(msgspec.Struct, frozen=True):
    """What an item does from one place to another.

    Attributes:
        item: the item.
        source: where something comes from.
        target: where it goes to; the same where it happens in one place.
    """

    item: ItemId
    source: str
    target: str


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """A diagram of a flow, as data.

    Attributes:
        flow: the flow.
        kind: what is drawn: what waits for what, or which places are touched.
        items: its items, in order.
        edges: what waits for what.
        statuses: by item, how it stands in the execution that was asked for.
        places: the places that are touched.
        acts: what items do with them.
        without_places: by item that declares no place, why not; empty where it just does not.
    """

    flow: FlowId
    kind: Literal["progress", "outcome"]
    items: Sequence[Node]
    edges: Sequence[Edge]
    statuses: Mapping[ItemId, Item]
    places: Sequence[Place] | UnsetType = UNSET
    acts: Sequence[Act] | UnsetType = UNSET
    without_places: Mapping[ItemId, str] | UnsetType = UNSET


class Profiles(msgspec.Struct, frozen=True):
    """The profiles of the workspace.

    Attributes:
        profiles: their names.
    """

    profiles: Sequence[ProfileName]


class ProfileRestored(msgspec.Struct, frozen=True, kw_only=True):
    """What restoring a profile did, or would do.

    Attributes:
        profile: the profile.
        dry_run: whether it was only asked what would be done.
        files: by file of the profile, how it changes.
        lost: the things that nobody looks after any more, each as `flow: item`.
        kept_as: the file with the backup of what was there before; null if nothing was, or of a dry
            run.
    """

    profile: ProfileName
    dry_run: bool
    files: Mapping[str, Literal["added", "changed", "removed"]]
    lost: Sequence[str]
    kept_as: str | None


class ProfileChanged(msgspec.Struct, frozen=True, kw_only=True):
    """What was deleted, renamed or copied, or would be.

    Attributes:
        profile: the profile.
        to: the new name, or that of the copy; null where it is deleted.
        dry_run: whether it was only asked what would be done.
    """

    profile: ProfileName
    to: ProfileName | None
    dry_run: bool


class States(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a flow's items.

    Attributes:
        profile: the profile.
        flow: the flow.
        kind: what items are, or what they should be.
        states: by item, its state; null where it is not known.
        shown: by item, its state in a few words.
        in_progress_since: by item that was being changed, since when; its state may be out of date.
        stopped: those of them that stopped at a safe point, in the state that is shown.
        not_in_flow: the items that the flow no longer has.
        warnings: what people should know of the flow and its parameters; why it could not be built,
            for one: then it has no items.
    """

    profile: ProfileName
    flow: FlowId
    kind: str
    states: Mapping[ItemId, JsonValue]
    shown: Mapping[ItemId, str]
    in_progress_since: Mapping[ItemId, Moment]
    stopped: Sequence[ItemId]
    not_in_flow: Sequence[ItemId]
    warnings: Sequence[str]


class Diffs(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between what items are and what they should be, by what is stored.

    Attributes:
        profile: the profile.
        flow: the flow.
        diffs: by item and field, the values `before` and `after`, and their words where these say
            more (`before_shown`, `after_shown`); null where nothing differs.
        unknown: by item, why that is not known.
        left: what is stored, and no item of the flow looks after.
        taken_over: by item, the name that what it looks after was stored under.
        replaced: by item that looks after another thing now, the name of the former one.
    """

    profile: ProfileName
    flow: FlowId
    diffs: Mapping[ItemId, JsonValue]
    unknown: Mapping[ItemId, str]
    left: Sequence[ItemId]
    taken_over: Mapping[ItemId, ItemId]
    replaced: Mapping[ItemId, ItemId]


class Status(msgspec.Struct, frozen=True):
    """That the server is well.

    Attributes:
        status: `ok`.
    """

    status: Literal["ok"] = "ok"


class Detail(msgspec.Struct, frozen=True):
    """A further fact about a problem.

    Attributes:
        label: what it is about.
        text: the fact.
    """

    label: str
    text: str


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field.

    Attributes:
        field: which one.
        reason: why its value is wrong.
        origin: where the value came from.
    """

    field: str
    reason: str
    origin: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request failed (RFC 9457).

    Attributes:
        type: the code as a URN.
        title: the HTTP status in words.
        status: the HTTP status.
        detail: what happened and why it is wrong.
        code: stable, upper case.
        help: what to do now.
        details: further facts.
        errors: what is wrong, field by field.
        execution: the execution that stands in the way, or null.
        outcome: how the execution ended that can no longer be interrupted, or null.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    help: str
    details: Sequence[Detail]
    errors: Sequence[FieldError] | UnsetType = UNSET
    execution: Execution | UnsetType | None = UNSET
    outcome: OutcomeDocument | UnsetType | None = UNSET


def nodes_of(flow: BuiltFlow) -> list[Node]:
    """Return the items of a flow, in order."""
    graph = flow.graph
    return [
        Node(
            item,
            type(flow.items[item].item).kind(),
            graph.container_of(item),
            graph.predecessors(item),
            sorted(flow.items[item].tags),
        )
        for item in graph.order
    ]


def execution_document(record: ExecutionRecord, snapshot: Snapshot | None = None) -> Execution:
    """Return an execution with its items, by a snapshot of it if it has not ended."""
    fields = msgspec.structs.asdict(record.document())
    if record.outcome is None:
        return Execution(**fields, items=item_documents(snapshot or Snapshot(), record.only))
    states = {item: each.state for item, each in record.outcome.items.items()}
    items = item_documents(record.snapshot())
    items = {item: msgspec.structs.replace(items[item], state=states[item]) for item in states}
    return Execution(**fields, items=items)


def item_documents(snapshot: Snapshot, only: Collection[ItemId] = ()) -> dict[ItemId, Item]:
    """Return the items of a running execution, limited to `only` if that is not empty."""
    chosen = frozenset(only)
    names = [each for each in snapshot.items if not chosen or each in chosen]
    # An item that has left the flow is not among those of the flow.
    return {
        name: _item(snapshot, name)
        for name in dict.fromkeys((*names, *snapshot.running, *snapshot.ended))
    }


def _item(snapshot: Snapshot, name: ItemId) -> Item:
    ended = snapshot.ended.get(name)
    if ended is not None:
        return Item(
            status=ItemWord(ended.status.value),
            message=ended.message,
            shown=ended.shown,
            seconds=ended.seconds,
        )
    word = ItemWord.RUNNING if name in snapshot.running else ItemWord.PENDING
    asked = snapshot.asking.get(name)
    return Item(
        status=word,
        phase=snapshot.phases.get(name),
        progress=snapshot.running.get(name),
        asks=UNSET if asked is None else asked.question,
    )
