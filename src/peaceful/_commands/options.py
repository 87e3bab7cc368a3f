"""The options of commands: each takes some of them, by the same names from every door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self, TypedDict

from peaceful._commands.diff import SyncCheck
from peaceful._model.codec import ItemId


class PlanOptions(TypedDict, total=False):
    """The options of a plan; see `Options`."""

    only: Iterable[ItemId]
    prune: bool
    replace: Iterable[ItemId]


class EnsureOptions(PlanOptions, total=False):
    """The options of `ensure`; see `Options`."""

    dry_run: bool
    sync: SyncCheck


class CleanOptions(TypedDict, total=False):
    """The options of `clean`; see `Options`."""

    only: Iterable[ItemId]
    dry_run: bool
    sync: SyncCheck
    left: bool
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options that a command was given.

    Attributes:
        dry_run: whether only to show what would be done.
        only: the items that it is limited to; empty for all. Of `states move`, the old name and the
            new one.
        sync: which stored states of these items must still match what is there.
        prune: whether `ensure` removes what has left the flow, at last.
        replace: the items that `ensure` removes and makes anew, with all that stands on them.
        left: whether `clean` is limited to what has left the flow.
        found: whether `clean` also removes what was there before it was looked after.
    """

    dry_run: bool = False
    only: tuple[ItemId, ...] = ()
    sync: SyncCheck = SyncCheck.NONE
    prune: bool = False
    replace: tuple[ItemId, ...] = ()
    left: bool = False
    found: bool = False

    @classmethod
    def of(cls, given: EnsureOptions | CleanOptions | PlanOptions) -> Self:
        """Return the options that a caller of the Python API gave."""
        values: Mapping[str, Any] = given  # Any: of the type that the option has
        lists = {name: tuple(values[name]) for name in _LISTS if name in values}
        return cls(**{**values, **lists})

    @property
    def given(self) -> tuple[str, ...]:
        """The names of those that are not as they are by default."""
        return tuple(each.name for each in _FIELDS if getattr(self, each.name) != each.default)


_FIELDS: Final = fields(Options)

_LISTS: Final = tuple(each.name for each in _FIELDS if each.default == ())
