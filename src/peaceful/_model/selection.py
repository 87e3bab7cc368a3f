"""The items that a command is limited to, as somebody has said it."""

from __future__ import annotations

import msgspec

from peaceful._model.codec import ExecutionId, ItemId


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Some items of a flow: those with a name or a tag, or else all; without those excluded.

    Attributes:
        only: items by name.
        exclude: items that are left out, however they were chosen.
        tags: all items that have one of these.
        with_dependents: whether what stands on the items in `only` and `tags` is chosen as well.
    """

    only: tuple[ItemId, ...] = ()
    exclude: tuple[ItemId, ...] = ()
    tags: tuple[str, ...] = ()
    with_dependents: bool = False

    @classmethod
    def of(cls, limited: object) -> Selection:
        """Return the selection of something that has the same attributes, such as a request."""
        return Selection(**{name: getattr(limited, name) for name in cls.__struct_fields__})

    def __bool__(self) -> bool:
        """Return whether it limits anything."""
        return bool(self.only or self.exclude or self.tags or self.with_dependents)

    def __str__(self) -> str:
        """Return it in words, such as `a, all tagged data, but not c`."""
        chosen = [*self.only, *(f"all tagged {tag}" for tag in self.tags)]
        words = ", ".join(chosen) or "everything"
        words += ", with what stands on it" if self.with_dependents else ""
        return f"{words}, but not {', '.join(self.exclude)}" if self.exclude else words

    @property
    def words(self) -> list[str]:
        """The options that say the same on a command line."""
        named = {"--only": self.only, "--tag": self.tags, "--exclude": self.exclude}
        words = [
            word for option, names in named.items() for name in names for word in (option, name)
        ]
        return [*words, *["--with-dependents"] * self.with_dependents]

    def is_same(self, other: Selection) -> bool:
        """Return whether another one says the same, in whatever order."""
        mine, others = (
            (frozenset(each.only), frozenset(each.exclude), frozenset(each.tags))
            for each in (self, other)
        )
        return mine == others and self.with_dependents == other.with_dependents


class Asked(msgspec.Struct, frozen=True):
    """What an execution was asked for, besides its command.

    Attributes:
        selection: how the items that it is limited to were chosen, if not by their names.
        plan: the execution that made the plan which it is held to; null if there is none.
    """

    selection: Selection = Selection()
    plan: ExecutionId | None = None
