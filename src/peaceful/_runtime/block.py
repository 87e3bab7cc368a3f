"""Blocks, and the calls of items' functions that they make."""

from __future__ import annotations

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Final, Generic, TypeVar, cast

import msgspec

from peaceful._aio import DaemonThreadPool
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import ChildFailed, ItemCrashed, ItemFailure
from peaceful._errors.system import refusal
from peaceful._errors.usage import DefinitionError
from peaceful._item.ctx import ExecutionScope, ItemCtx
from peaceful._item.diff import Change, StateDiff
from peaceful._item.item import AnyItem, Item
from peaceful._item.safe_point import EndedWithChild, StoppedAtSafePoint
from peaceful._model.codec import ItemId
from peaceful._model.events import Warned
from peaceful._model.outcome import ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._present.summary import differences
from peaceful._present.text import count
from peaceful._runtime.ctx import CmdCtx, ExecutionSettings
from peaceful._runtime.escalation import was_cancelled
from peaceful._user_code import OwnProcess, is_ctrl_c
from peaceful.interrupt import InterruptStrategy

T_co = TypeVar("T_co", covariant=True)


_DELEGATES: Final[Mapping[str, str]] = {
    "try_state_current": "state_current",
    "try_state_goal": "state_goal",
    "clean": "apply",
}
"""Functions whose default only calls another one, which is then called directly."""

_QUICK: Final = frozenset({"state_clean", "apply_dry"})
"""Functions whose default is quick, so that a thread would cost more than it saves."""


_STRAY: Final = "nobody interrupted it; its own code, or another item's, cancelled its task"


def ending_of(
    error: BaseException, item: ItemId, doing: str, *, cancelled: bool, asked_to_end: bool
) -> ItemResult:
    """Return how an item ended whose work raised an error.

    | raised | ended |
    |---|---|
    | the end at a safe point | stopped |
    | the end of a child process by the interrupt | abandoned |
    | a cancellation that was asked for (`cancelled`) | abandoned |
    | the failure of a child process, after children were `asked_to_end` | abandoned |
    | anything else | failed |
    """
    match error:
        case EndedWithChild():
            return ItemResult(ItemStatus.ABANDONED, message=error.where)
        case StoppedAtSafePoint():
            return ItemResult(ItemStatus.STOPPED, message=error.where or "at a safe point")
        case asyncio.CancelledError() if cancelled:
            return ItemResult(ItemStatus.ABANDONED, message="cancelled")
        case PeacefulError() if asked_to_end and _of_child(error):
            return ItemResult(ItemStatus.ABANDONED, message="its child process was ended")
        case PeacefulError():
            return ItemResult(ItemStatus.FAILED, message=error.message, error=error)
        case _:
            failure = failure_of(item, doing, error)
            return ItemResult(ItemStatus.FAILED, message=failure.message, error=failure)


def failure_of(item: ItemId, doing: str, error: BaseException) -> ItemFailure:
    """Return the failure of an item that raised something else than one."""
    failure = refusal(item, doing, error) or ItemCrashed(item, doing, error)
    failure.__cause__ = error
    return failure


def _of_child(error: BaseException | None) -> bool:
    """Return whether a child process failed, directly or as the cause of the item's own error."""
    while error is not None:
        if isinstance(error, ChildFailed):
            return True
        error = error.__cause__
    return False


@cache
def _plan(item_type: type[AnyItem], name: str) -> tuple[str, bool]:
    """Return the function of an item to call, and whether in a thread."""
    function = getattr(item_type, name)
    if function is getattr(Item, name):
        if name in _DELEGATES:
            return _plan(item_type, _DELEGATES[name])
        if name in _QUICK:
            return name, False
    return name, not inspect.iscoroutinefunction(function)


class ItemCalls:
    """Calls functions of items: `async` ones in the loop, plain ones in `threads`.

    Whatever an item raises ends that item alone, including `SystemExit` of a script that it runs.
    """

    __slots__ = ("threads",)

    def __init__(self, threads: DaemonThreadPool) -> None:
        self.threads: DaemonThreadPool = threads

    async def __call__(self, item: AnyItem, name: str, ctx: ItemCtx, *states: object) -> Any:  # noqa: ANN401 - of whatever type the function returns
        """Call a function of an item that takes its context.

        Raises:
            PeacefulError: the item failed, and says why; or `failure_of` what it raised.
            StoppedAtSafePoint: the item ends here.
            CancelledError: the item's task was cancelled.
            KeyboardInterrupt: somebody pressed Ctrl-C, and nothing else handles it.
        """
        name, in_thread = _plan(type(item), name)
        function: Callable[..., Any] = getattr(item, name)  # Any: of whatever type it returns
        try:
            if in_thread:
                result = await self.threads.run(function, ctx, *states)
            else:
                with OwnProcess():
                    result = function(ctx, *states)
            if inspect.isawaitable(result):
                with OwnProcess():
                    result = await result
                if _is_cancelled_from_within():
                    # The next thing that is awaited would raise it; but this work has ended well.
                    with suppress(asyncio.CancelledError):
                        await asyncio.sleep(0)
            return result
        except (PeacefulError, StoppedAtSafePoint):
            raise
        except BaseException as error:  # noqa: BLE001 - the item's own code, which may raise anything
            # It has its cause, or is the very error.
            raise _explained(error, ctx, name, in_loop=not in_thread)  # noqa: B904


def _explained(error: BaseException, ctx: ItemCtx, name: str, *, in_loop: bool) -> BaseException:
    """Return the error to raise for the one that an item raised."""
    group = _as_group(error)
    if group is not None:
        # Of a task group. Where there is one thing in it, that is what happened.
        leaves = _leaves(group)
        if len(leaves) == 1:
            return _explained(leaves[0], ctx, name, in_loop=in_loop)
    if isinstance(error, (PeacefulError, StoppedAtSafePoint)):
        return error
    if in_loop and is_ctrl_c(error):
        return error
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is not None and was_cancelled(task):
            return error
        if _is_cancelled_from_within():
            error = asyncio.CancelledError(_STRAY).with_traceback(error.__traceback__)
    return failure_of(ctx.item, name, error)


def _is_cancelled_from_within() -> bool:
    """Return whether an item's code has cancelled the present task, and no interrupt."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0 and not was_cancelled(task)


def _as_group(error: BaseException) -> BaseExceptionGroup[BaseException] | None:
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error)
    return None


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Return the errors in a group; if all are stops at safe points, only the first."""
    leaves: list[BaseException] = []
    for error in group.exceptions:
        group_within = _as_group(error)
        leaves += [error] if group_within is None else _leaves(group_within)
    only_stops = all(isinstance(error, StoppedAtSafePoint) for error in leaves)
    return leaves[:1] if only_stops else leaves


def diff_of(item: AnyItem, item_id: ItemId, current: object, goal: object) -> StateDiff | None:
    """Return what differs between two states, as the item compares them, or None.

    Raises `ItemFailure` for an unexpected error or result, `DefinitionError` for a coroutine
    function.
    """
    diff = _called(item, item_id, "diff", current, goal)
    if diff is None or isinstance(diff, StateDiff):
        return diff
    wrong = TypeError(f"it returned {type(diff).__name__}, not StateDiff or none")
    raise failure_of(item_id, "diff", wrong)


def identity_of(item: AnyItem, item_id: ItemId) -> str | None:
    """Return which thing an item looks after, or None. Raises like `diff_of`.

    Raises `ValueUnresolved` while that is not known yet.
    """
    identity = _called(item, item_id, "identity")
    if identity is None or (isinstance(identity, str) and identity):
        return identity
    wrong = TypeError(f"it returned {identity!r}, not a text or none")
    raise failure_of(item_id, "identity", wrong)


def needs_apply(
    item: AnyItem, item_id: ItemId, current: object, goal: object, diff: StateDiff | None
) -> bool:
    """Return whether the item needs applying. Raises like `diff_of`."""
    return bool(_called(item, item_id, "apply_check", current, goal, diff))


def is_reached(
    item: AnyItem, item_id: ItemId, state: object, goal: object, diff: StateDiff | None
) -> bool:
    """Return whether nothing is left to do towards a goal. Raises like `diff_of`.

    An item that runs every time needs applying where nothing differs, and yet is at its goal.
    """
    return diff is None or not needs_apply(item, item_id, state, goal, diff)


def replaces(item: AnyItem, item_id: ItemId, current: object, goal: object) -> bool:
    """Return whether the item's thing can only be made anew. Raises like `diff_of`."""
    return bool(_called(item, item_id, "replaces", current, goal))


def removed_first(item: AnyItem, item_id: ItemId, former: str) -> bool:
    """Return whether its former thing goes before its own one is made. Raises like `diff_of`."""
    return bool(_called(item, item_id, "removed_first", former))


def _called(item: AnyItem, item_id: ItemId, name: str, *arguments: object) -> object:
    _check_plain(type(item), name)
    try:
        with OwnProcess():
            return getattr(item, name)(*arguments)
    except PeacefulError:
        raise
    except BaseException as error:  # the item's own code, which may raise anything
        if is_ctrl_c(error):
            raise
        raise failure_of(item_id, name, error) from error


@cache
def _check_plain(item_type: type[AnyItem], name: str) -> None:
    if inspect.iscoroutinefunction(getattr(item_type, name)):
        raise DefinitionError(
            f"{item_type.__name__}.{name} is a coroutine function, and must be a plain one.",
            help=f"write `def {name}`; what has to be waited for belongs into `state_current`",
        )


class States(msgspec.Struct, frozen=True):
    """Known states of items.

    Attributes:
        current: by item, what it is now.
        goal: by item, what it should be.
    """

    current: Mapping[ItemId, State] = msgspec.field(default_factory=dict[ItemId, State])
    goal: Mapping[ItemId, State] = msgspec.field(default_factory=dict[ItemId, State])


class StateDiffs(msgspec.Struct, frozen=True):
    """Differences between what items are and what they should be, or between two profiles.

    Attributes:
        diffs: by item; None if nothing differs. Items with an unknown state are not in it.
        unknown: those items, with the reason.
        left: what is stored, and no item of the flow looks after.
        taken_over: by item, the name that what it looks after was stored under.
        replaced: by item that looks after another thing now, the name of the former one.
        params: of two profiles, the parameters that differ; else None.
    """

    diffs: Mapping[ItemId, StateDiff | None]
    unknown: Mapping[ItemId, str]
    left: tuple[ItemId, ...] = ()
    taken_over: Mapping[ItemId, ItemId] = msgspec.field(default_factory=dict[ItemId, ItemId])
    replaced: Mapping[ItemId, ItemId] = msgspec.field(default_factory=dict[ItemId, ItemId])
    params: tuple[Change, ...] | None = None

    @property
    def headline(self) -> str:
        """The numbers in a few words: `2 items of 6 differ, 1 not known, 1 has left`."""
        differing = sum(each is not None for each in self.diffs.values())
        same, left = len(self.diffs) - differing, len(self.left)
        parts = [differences(differing, same, len(self.unknown), profiles=self.params is not None)]
        if self.params:
            number = len(self.params)
            parts.append(f"{count(number, 'parameter')} {'differs' if number == 1 else 'differ'}")
        if left:
            parts.append(f"{left:,} {'has' if left == 1 else 'have'} left the flow")
        return ", ".join(parts)


class DiskWaits(msgspec.Struct):
    """Counter of the items that only wait for the disk. Used as a context manager by each.

    While they wait, the pass over the items may start others (`on_wait`); otherwise the loop would
    idle during every sync.
    """

    count: int = 0
    on_wait: Callable[[], object] | None = None

    def __enter__(self) -> None:
        self.count += 1
        if self.on_wait is not None:
            self.on_wait()

    def __exit__(self, *_: object) -> None:
        self.count -= 1


def _no_boundary(_: ItemCtx) -> bool:
    raise RuntimeError("only the work of an `ItemPass` with `changes=True` is let to change items")


class ChangeBoundary(msgspec.Struct):
    """The boundary between looking at items and changing them, kept by the pass over the items."""

    lets: Callable[[ItemCtx], bool] = _no_boundary


class BlockRun(msgspec.Struct, frozen=True):
    """The arguments of a block's run.

    Attributes:
        block: the block's name.
        ctx: the context of the command: profile, flow, state store.
        scope: what the block's items share; its resources contain the values of earlier blocks.
        settings: how the execution behaves.
        calls: calls functions of items.
        left_behind: tasks of abandoned items, which may still run.
        results: how items of the block have ended so far; a pass over them writes it.
        disk_waits: the items that have done their work, and wait for its record to be on disk.
        boundary: asked by `may_change`; a pass over the items sets it.
    """

    block: str
    ctx: CmdCtx
    scope: ExecutionScope
    settings: ExecutionSettings
    calls: ItemCalls
    left_behind: set[asyncio.Task[None]]
    results: dict[ItemId, ItemResult] = msgspec.field(default_factory=dict)
    disk_waits: DiskWaits = msgspec.field(default_factory=DiskWaits)
    boundary: ChangeBoundary = msgspec.field(default_factory=ChangeBoundary)

    def may_change(self, ctx: ItemCtx) -> bool:
        """Return whether an item may be changed, after it was looked at. Ask once, right before.

        If it may, that counts as a start. If not, the work ends with `ItemStatus.NOT_STARTED`.

        Raises:
            RuntimeError: this is not asked in an `ItemPass` with `changes=True`.
        """
        return self.boundary.lets(ctx)

    def warn(self, text: str) -> None:
        """Tell people of something that is no failure, in a sentence; from any thread."""
        self.scope.publish(Warned(self.scope.clock.now(), text))


class BlockResult(msgspec.Struct, Generic[T_co], frozen=True):
    """The result of a block.

    Attributes:
        value: what it gives to later blocks, which find it by its type.
        items: how each of its items ended; empty if it has none.
    """

    value: T_co
    items: Mapping[ItemId, ItemResult] = msgspec.field(default_factory=dict[ItemId, ItemResult])


class CmdBlock(ABC, Generic[T_co]):
    """One part of an execution: often one pass over the items.

    Put blocks of your own before, after and between those of a command: see `CmdExecution`.
    """

    @property
    def name(self) -> str:
        """The block's name in outcomes and events."""
        return type(self).__name__.removesuffix("Block")

    @property
    def strategy(self) -> InterruptStrategy | None:
        """What an interrupt does within the block; None for the execution's strategy.

        At the boundary after the block, the execution's own strategy decides.
        """
        return None

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Return the items that the block will go through, in order; none by default."""
        return ()

    @abstractmethod
    async def run(self, run: BlockRun) -> BlockResult[T_co]:
        """Do the block's work.

        Args:
            run: what it may use. Values of earlier blocks are in `run.scope.resources`.

        Raises:
            PeacefulError: the block itself failed, as opposed to an item; it ends the execution.
        """
