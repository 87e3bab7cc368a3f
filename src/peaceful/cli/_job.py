"""What is to be run on a flow, as it was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from peaceful.commands import SyncCheck
from peaceful.errors import UsageError
from peaceful.model import CmdOutcome, ItemId
from peaceful.runtime import CmdCtx


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose of `ensure` and `clean`.

    Attributes:
        dry_run: only say what would be done.
        only: these items, or all where there is none.
        sync: which stored states must still be what is there.
    """

    dry_run: bool
    only: tuple[ItemId, ...]
    sync: SyncCheck

    @classmethod
    def of(
        cls, *, dry_run: bool, only: tuple[str, ...], more_items: tuple[str, ...], sync: str
    ) -> Choices:
        """From options as they were typed: `--only a,b`, `--only a --only b`, `--only a b`.

        Raises:
            UsageError: there are words that belong to no option, or no item is named.
        """
        if more_items and not only:
            raise UsageError(
                f"The word {more_items[0]!r} belongs to no option.",
                help=f"to limit the command to items: --only {' '.join(more_items)}",
            )
        named = [name for word in (*only, *more_items) for name in word.split(",") if name]
        if only and not named:
            # As when a script has an empty variable there: "all of them" is not what it means.
            raise UsageError("--only names no item.", help="name one: --only ITEM; or leave it out")
        return cls(dry_run, tuple(dict.fromkeys(named)), SyncCheck(sync))

    @property
    def words(self) -> list[str]:
        """The words that choose the same again."""
        words = ["--dry-run"] if self.dry_run else []
        for item in self.only:
            words += ["--only", item]
        return words if self.sync is SyncCheck.NONE else [*words, "--sync", str(self.sync)]


Run: TypeAlias = Callable[[CmdCtx], Awaitable[CmdOutcome[object]]]
"""Runs a command."""


@dataclass(frozen=True, slots=True)
class Job:
    """A command that is to be run on a flow.

    Attributes:
        words: how it was typed, and would be typed again.
        main_block: the block that it is about.
        run: runs it.
        dry_run: whether it only says what it would do.
        shows_left: whether `diff` shows what is left of it.
        only: the items that it is limited to, or none where it is not.
        only_looks: whether what it finds is its whole answer, and the way there does not matter.
    """

    words: Sequence[str]
    main_block: str
    run: Run
    dry_run: bool = False
    shows_left: bool = False
    only: Sequence[ItemId] = ()
    only_looks: bool = False
