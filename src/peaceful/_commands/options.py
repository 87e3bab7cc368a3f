"""The options of commands: each takes some of them, by the same names from every door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self, TypedDict, cast

import msgspec

from peaceful._commands.diff import SyncCheck
from peaceful._model.codec import ItemId
from peaceful._model.execution import Selection
from peaceful._runtime.ctx import CmdCtx


class _Limits(TypedDict, total=False):
    only: Iterable[ItemId]
    exclude: Iterable[ItemId]
    tags: Iterable[str]
    with_dependents: bool


class PlanOptions(_Limits, total=False):
    """The options of a plan; see `Options`."""

    prune: bool
    replace: Iterable[ItemId]


class EnsureOptions(PlanOptions, total=False):
    """The options of `ensure`; see `Options`."""

    dry_run: bool
    sync: SyncCheck
    fail_fast: bool


class CleanOptions(_Limits, total=False):
    """The options of `clean`; see `Options`."""

    dry_run: bool
    sync: SyncCheck
    left: bool
    found: bool
    fail_fast: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options that a command was given.

    Attributes:
        dry_run: whether only to show what would be done.
        only: the items that it is limited to; empty for all. Of `states move`, the old name and the
            new one.
        exclude: the items that are left out, however they were chosen.
        tags: tags of items; these items are chosen as well as those in `only`.
        with_dependents: whether what stands on all of these is, too.
        sync: which stored states of these items must still match what is there.
        prune: whether `ensure` removes what has left the flow, at last.
        replace: the items that `ensure` removes and makes anew, with all that stands on them.
        left: whether `clean` is limited to what has left the flow.
        found: whether `clean` also removes what was there before it was looked after.
        fail_fast: whether nothing more is started once an item has failed.
    """

    dry_run: bool = False
    only: tuple[ItemId, ...] = ()
    exclude: tuple[ItemId, ...] = ()
    tags: tuple[str, ...] = ()
    with_dependents: bool = False
    sync: SyncCheck = SyncCheck.NONE
    prune: bool = False
    replace: tuple[ItemId, ...] = ()
    left: bool = False
    found: bool = False
    fail_fast: bool = False

    @classmethod
    def of(cls, given: EnsureOptions | CleanOptions | PlanOptions) -> Self:
        """Return the options that a caller of the Python API gave."""
        # Any: of the type that the option has.
        values = cast("Mapping[str, Any]", given)
        lists: dict[str, Any] = {name: tuple(values[name]) for name in _LISTS if name in values}
        return cls(**{**values, **lists})

    @property
    def selection(self) -> Selection:
        """The items that the command is limited to."""
        return Selection.of(self)

    def ctx(self, ctx: CmdCtx) -> CmdCtx:
        """Return the context of a command with these options."""
        if not self.fail_fast:
            return ctx
        return replace(ctx, settings=msgspec.structs.replace(ctx.settings, fail_fast=True))

    @property
    def given(self) -> tuple[str, ...]:
        """The names of those that are not as they are by default."""
        return tuple(each.name for each in _FIELDS if getattr(self, each.name) != each.default)


_FIELDS: Final = fields(Options)

_LISTS: Final = tuple(each.name for each in _FIELDS if each.default == ())
