"""Plans: what `ensure` would do, kept so that it can do just that, or refuse to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from peaceful._aio import run_in_thread
from peaceful._commands.discover import ParamsSpecsBlock
from peaceful._commands.ensure import EnsureBlock, EnsureDryBlock
from peaceful._commands.item_access import read_stored
from peaceful._commands.ownership import Ownership, OwnershipBlock, changes_told, ownership_of
from peaceful._errors.running import PlanStale
from peaceful._item.item import AnyItem
from peaceful._item.resolution import specs_of
from peaceful._item.upgrades import read_state
from peaceful._model.codec import (
    ExecutionId,
    FlowId,
    ItemId,
    JsonValue,
    Moment,
    ProfileName,
    to_json,
)
from peaceful._model.document import PlanMade
from peaceful._model.execution import Selection
from peaceful._model.outcome import WOULD, ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._params.plain import plain_form
from peaceful._present.text import one_line
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock, States, diff_of
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.flow import BuiltFlow
from peaceful._storage.files import write_file_atomically
from peaceful._storage.kept_file import kept_bytes, kept_value, read_kept

if TYPE_CHECKING:
    from pydantic import Secret, SecretBytes, SecretStr

_KIND: Final = "plan"
_FORM: Final = 1
_HELP: Final = "make another plan: `plan --out FILE`"

_SHOWN: Final = 60
"""Characters of a value that a sentence has."""


class PlannedItem(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done to an item.

    Attributes:
        status: what, in a word; `unknown` if it is known only once items before it are there.
        declared: a digest of how the item is declared; empty of what has left the flow.
        version: the version of its state's type.
        current: its state as it was found, as it is stored; null if that was not known.
        goal: the state that it should have; null if that was not known.
        message: the difference, in words.
    """

    status: ItemStatus
    declared: str = ""
    version: int = 1
    current: JsonValue = None
    goal: JsonValue = None
    message: str = ""


class Plan(Selection, frozen=True, kw_only=True):
    """What `ensure` would do, and what that follows from; limited to the selection that it is.

    Attributes:
        app: the application.
        app_version: its version, if it has one.
        profile: the profile.
        flow: the flow.
        at: when it was made; UTC.
        execution_id: the execution that made it.
        prune: whether what has left the flow would be removed.
        replace: the items that would be made anew although they are the right ones.
        params: the parameters of the flow; without secrets.
        given: those among them that are stored once it is carried out, by name.
        unset: parameters that have their defaults from then on.
        secrets: by path, a digest of each secret among them.
        salt: what the digests are made with.
        edges: which item waits for which.
        items: by item, also of what would be removed, what would be done.
        remarks: which items look after other things than before, and which stored states are of
            another version, in sentences.
        left: what has left the flow, and would stay.
    """

    app: str
    app_version: str
    profile: ProfileName
    flow: FlowId
    at: Moment
    execution_id: ExecutionId
    prune: bool
    replace: tuple[ItemId, ...]
    params: Mapping[str, JsonValue]
    given: Mapping[str, JsonValue] = {}
    unset: tuple[str, ...] = ()
    secrets: Mapping[str, str]
    salt: str
    edges: tuple[tuple[ItemId, ItemId], ...]
    items: Mapping[ItemId, PlannedItem]
    remarks: tuple[str, ...]
    left: tuple[ItemId, ...]

    @property
    def differs(self) -> bool:
        """Whether anything would be done, or is not known."""
        open_ = WOULD | {ItemStatus.UNKNOWN}
        return any(each.status in open_ for each in self.items.values())

    def save(self, path: Path) -> None:
        """Write it to a file that only its owner can read. Raises `StorageError`."""
        write_file_atomically(path, kept_bytes(_KIND, _FORM, self))

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Return the plan in a file. Raises `StorageError` unless it is whole."""
        data = read_kept(path, "name the file of a plan")
        return kept_value(data, path, _KIND, _FORM, cls, _HELP)


def plan_of(
    run: BlockRun,
    results: Mapping[ItemId, ItemResult],
    states: States,
    *,
    selection: Selection,
    prune: bool,
    replace: tuple[ItemId, ...],
) -> Plan:
    """Return the plan that follows from how the items of a dry run ended."""
    ctx, flow, ownership = run.ctx, run.ctx.flow, ownership_of(run)
    salt, new = secrets.token_bytes(16), ctx.new_params
    items: dict[ItemId, PlannedItem] = {}
    for item, result in results.items():
        declared = flow.items.get(item)
        items[item] = PlannedItem(
            status=result.status,
            declared="" if declared is None else _declared(declared.item),
            version=1 if declared is None else declared.item.state_type().state_version,
            current=result.before,
            goal=plain_form(states.goal[item]) if item in states.goal else None,
            message=result.message,
        )
    return Plan(
        app=ctx.app,
        app_version=flow.app_version,
        profile=ctx.profile,
        flow=flow.id,
        at=ctx.clock.now(),
        execution_id=run.scope.execution.id,
        **msgspec.structs.asdict(selection),
        prune=prune,
        replace=replace,
        params=flow.params,
        given={} if new is None else new.given,
        unset=() if new is None else new.unset,
        secrets={path: _digest(secret, salt) for path, secret in flow.secrets.items()},
        salt=base64.b64encode(salt).decode(),
        edges=_edges(flow),
        items=items,
        remarks=(*changes_told(ownership), *_upgrades_told(flow, ownership)),
        left=_left(ownership, items),
    )


def _upgrades_told(flow: BuiltFlow, ownership: Ownership) -> Iterator[str]:
    """Yield how the states that another version stored are read, in sentences."""
    for item, declared in flow.items.items():
        note = read_stored(declared.item, ownership.current.get(item)).note
        if note:
            yield f"what is stored of {item}: {note}"


def _left(ownership: Ownership, removed: Mapping[ItemId, PlannedItem]) -> tuple[ItemId, ...]:
    return tuple(
        name for name, entry in ownership.left.items() if name not in removed and entry.is_there
    )


def _edges(flow: BuiltFlow) -> tuple[tuple[ItemId, ItemId], ...]:
    graph = flow.graph
    return tuple((before, item) for item in graph.order for before in graph.predecessors(item))


def _declared(item: AnyItem) -> str:
    facts = [item.kind(), type(item).item_version, specs_of(item)]
    text = json.dumps(facts, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _digest(secret: object, salt: bytes) -> str:
    """Return a digest of a secret that takes long to be guessed by."""
    # Any: of whatever type the secret is.
    value: object = cast("Secret[Any] | SecretStr | SecretBytes", secret).get_secret_value()
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=2**14, r=8, p=1, dklen=16).hex()


# ---- what has changed since


def stale_facts(
    plan: Plan, ctx: CmdCtx, only: Collection[ItemId] = ()
) -> Iterator[tuple[str, str]]:
    """Yield what has changed since a plan was made, apart from states: a label, and a sentence.

    It was limited to the items that are in `only` now; empty for all.
    """
    flow = ctx.flow
    for label, before, now in (
        ("application", plan.app, ctx.app),
        ("version", plan.app_version, flow.app_version),
        ("profile", plan.profile, ctx.profile),
        ("flow", plan.flow, flow.id),
    ):
        if before != now:
            yield label, f"the plan is of {before or 'none'}, and this is {now or 'none'}"
    for name in {**plan.params, **flow.params}:
        before_value, value = plan.params.get(name), flow.params.get(name)
        if before_value != value:
            yield f"parameter {name}", f"it was {_words(before_value)}, and is {_words(value)}"
    salt = base64.b64decode(plan.salt)
    for path in {**plan.secrets, **flow.secrets}:
        secret = flow.secrets.get(path)
        if secret is None or plan.secrets.get(path) != _digest(secret, salt):
            yield f"parameter {path}", "it is another secret"
    yield from _stale_declarations(plan, flow, only)
    if plan.edges != _edges(flow):
        yield "flow", "what waits for what is otherwise"


def _stale_declarations(
    plan: Plan, flow: BuiltFlow, only: Collection[ItemId]
) -> Iterator[tuple[str, str]]:
    before = {item: each.declared for item, each in plan.items.items() if each.declared}
    for item in (each for each in before if each not in flow.items):
        yield item, "it is not in the flow any more"
    for item, each in flow.items.items():
        if item not in before:
            if not only or item in only:
                yield item, "it is not in the plan"
        elif before[item] != _declared(each.item):
            yield item, "it is declared otherwise"


def _words(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return one_line(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def stale_items(plan: Plan, now: Plan, flow: BuiltFlow) -> Iterator[tuple[str, str]]:
    """Yield what another look says otherwise than a plan, and what was done by it does not tell."""
    for item, planned in plan.items.items():
        found = now.items.get(item)
        # What was to be removed may be so by now.
        if found is not None and (why := _stale(item, planned, found, flow)):
            yield item, why
    for item, found in now.items.items():
        if item not in plan.items and found.status is not ItemStatus.UNCHANGED:
            yield item, f"it is not in the plan, and {_word(found)}"


def _stale(item: ItemId, planned: PlannedItem, found: PlannedItem, flow: BuiltFlow) -> str:
    """Return what is otherwise than planned; empty if nothing is."""
    if planned.status is ItemStatus.UNKNOWN or found.status is ItemStatus.UNCHANGED:
        # That it would be known only now was planned; and nothing is done to what is right.
        return ""
    now = f"the plan says {_word(planned)}, and now it is {_word(found)}: {found.message}"
    if item not in flow.items or found.status is ItemStatus.UNKNOWN:
        return "" if found.status is planned.status else now
    # Not the status alone: what is to be made anew may have been removed already.
    declared, version = flow.items[item].item, planned.version
    states = ((planned.current, found.current), (planned.goal, found.goal))
    same = all(_same(declared, item, version, before, after) for before, after in states)
    return "" if same else now


def _word(planned: PlannedItem) -> str:
    return planned.status.value.replace("_", " ")


def _same(item: AnyItem, item_id: ItemId, version: int, before: JsonValue, now: JsonValue) -> bool:
    """Return whether two states in their stored form are the same, as the item tells."""
    if before == now:
        return True
    first, second = (_state(item, version, each) for each in (before, now))
    return (
        first is not None and second is not None and diff_of(item, item_id, first, second) is None
    )


def _state(item: AnyItem, version: int, stored: JsonValue) -> State | None:
    return None if stored is None else read_state(item.state_type(), version, stored).state


class PlanBlock(CmdBlock[Plan]):
    """Goes through everything as `EnsureDryBlock` does, and keeps what would be done as a plan."""

    def __init__(
        self,
        only: Iterable[ItemId] = (),
        *,
        prune: bool = False,
        replace: Iterable[ItemId] = (),
        selection: Selection | None = None,
    ) -> None:
        self._prune = prune
        self._replace = tuple(replace)
        self._selection = selection or Selection(only=tuple(only))
        self._dry = EnsureDryBlock(only, prune=prune)

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Return what would be removed at first, the selected items, and what would be at last."""
        return self._dry.items(run)

    async def run(self, run: BlockRun) -> BlockResult[Plan]:
        """Ask the items."""
        result = await self._dry.run(run)
        plan = plan_of(
            run,
            result.items,
            result.value,
            selection=self._selection,
            prune=self._prune,
            replace=self._replace,
        )
        if all(each.status.ended_well for each in result.items.values()):
            # What was not looked at to its end is not to be carried out.
            run.scope.resources.insert(PlanMade(to_json(plan)))
        return BlockResult(plan, result.items)


class PlanCheckBlock(CmdBlock[None]):
    """Looks at everything once more, and refuses to go on unless all is as a plan says.

    What was done by the plan already is as it says, too. Raises `PlanStale`.
    """

    def __init__(self, plan: Plan, only: Iterable[ItemId]) -> None:
        self._plan = plan
        self._only = frozenset(only)
        self._looking = PlanBlock(self._only, prune=plan.prune, replace=plan.replace)

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Return the items of the plan."""
        return self._looking.items(run)

    async def run(self, run: BlockRun) -> BlockResult[None]:
        """Compare."""
        facts = tuple(stale_facts(self._plan, run.ctx, self._only))
        if facts:
            raise PlanStale(self._plan.at, facts)
        result = await self._looking.run(run)
        if all(each.status.ended_well for each in result.items.values()):
            stale = tuple(stale_items(self._plan, result.value, run.ctx.flow))
            if stale:
                raise PlanStale(self._plan.at, stale)
            if run.ctx.new_params is not None:
                await run_in_thread(run.ctx.new_params.store)
        return BlockResult(None, result.items)


def blocks_by(
    plan: Plan, flow: BuiltFlow, only: Collection[ItemId]
) -> tuple[CmdBlock[object], ...]:
    """Return the blocks of an `ensure` that does what a plan says, or refuses to.

    The plan was limited to the items that are in `only` now; empty for all.
    """

    def check(item: ItemId, current: State, goal: State) -> None:
        planned = plan.items.get(item)
        if planned is None or planned.status is ItemStatus.UNKNOWN:
            return
        for before, now in ((planned.current, current), (planned.goal, goal)):
            if not _same(flow.items[item].item, item, planned.version, before, plain_form(now)):
                raise PlanStale(plan.at, [(item, "it has changed since all was looked at")])

    def owned(*, store: bool) -> OwnershipBlock:
        return OwnershipBlock(
            store=store, tells=not store, replacing=plan.replace, only=only, since=plan.at
        )

    return (
        owned(store=False),
        PlanCheckBlock(plan, only),
        owned(store=True),
        ParamsSpecsBlock(),
        EnsureBlock(only, prune=plan.prune, check=check),
    )
