"""What blocks of a flow's commands give to each other and to whoever runs the command."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from peaceful.item import StateDiff
from peaceful.model import ItemId
from peaceful.model.state import State
from peaceful.present import differences


class States(msgspec.Struct, frozen=True):
    """What items are, and what they should be, as far as it is known.

    Attributes:
        current: by item, what it is now.
        goal: by item, what it should be.
    """

    current: Mapping[ItemId, State] = msgspec.field(default_factory=dict[ItemId, State])
    goal: Mapping[ItemId, State] = msgspec.field(default_factory=dict[ItemId, State])


class StateDiffs(msgspec.Struct, frozen=True):
    """What differs between what items are and what they should be.

    Attributes:
        diffs: by item; none where nothing differs. Items of which one of the two is not known are
            not in it.
        unknown: those items, with the reason.
    """

    diffs: Mapping[ItemId, StateDiff | None]
    unknown: Mapping[ItemId, str]

    @property
    def headline(self) -> str:
        """How much differs, in a few words: `2 items of 6 differ, 1 not known`."""
        differing = sum(each is not None for each in self.diffs.values())
        return differences(differing, len(self.diffs) - differing, len(self.unknown))
