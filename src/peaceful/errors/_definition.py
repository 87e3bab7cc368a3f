"""Errors in a flow as its developer wrote it. Exit code 1; found when the flow is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from peaceful.errors._base import PeacefulError


class DefinitionError(PeacefulError):
    """The flow, an item or the application is written in a way that cannot work."""

    code: ClassVar[str] = "DEFINITION"


class CycleFound(DefinitionError):
    """Items wait for each other in a circle.

    Attributes:
        cycle: the items in order; the first one is repeated at the end.
    """

    code: ClassVar[str] = "CYCLE"

    def __init__(self, cycle: Sequence[str]) -> None:
        shown = list(cycle)
        if len(shown) > 12:
            shown[6:-5] = [f"… {len(shown) - 11} more …"]
        super().__init__(
            f"Items wait for each other in a circle: {' → '.join(shown)}.",
            help="remove one of these edges or references",
        )
        self.cycle: tuple[str, ...] = tuple(cycle)


class ContainedTwice(DefinitionError):
    """An item is declared to be inside two others, and a thing is only in one place.

    Attributes:
        item: the item that is contained.
        containers: the two that are said to hold it, in the order in which they were declared.
    """

    code: ClassVar[str] = "CONTAINED-TWICE"

    def __init__(self, item: str, containers: tuple[str, str]) -> None:
        first, second = containers
        super().__init__(
            f"{item} is contained by {first}, and by {second} too.",
            help=f"let one of them contain {item}, and join the other by an edge",
        )
        self.item = item
        self.containers = containers


class NameTaken(DefinitionError):
    """Two things of one kind have the same name."""

    code: ClassVar[str] = "NAME-TAKEN"

    def __init__(self, kind: str, name: str, *, where: str = "") -> None:
        super().__init__(
            f"There are two {kind}s named {name!r}.",
            details=(("declared again in", where),) if where else (),
            help=f"give each {kind} a name of its own",
        )
        self.kind = kind
        self.name = name


class ReferenceInvalid(DefinitionError):
    """A reference points to something that does not exist or has another type."""

    code: ClassVar[str] = "REFERENCE-INVALID"


class ReferenceUsedAsValue(DefinitionError):
    """A reference was used as if its value were known while the flow is being built."""

    code: ClassVar[str] = "REFERENCE-NOT-A-VALUE"

    def __init__(self, reference: str, operation: str) -> None:
        super().__init__(
            f"{reference} is a reference: its value is not known while the flow is built, "
            f"so {operation} cannot work on it.",
            help=f'compute from it with mapped("a_name", function, {reference})',
        )
        self.reference = reference


class MappingInvalid(DefinitionError):
    """A mapping function's name is taken by another function, or none is known by it."""

    code: ClassVar[str] = "MAPPING-INVALID"


class ResourceMissing(DefinitionError):
    """Something was asked for by its type, and nothing of that type was put in.

    Attributes:
        kind: the type that was asked for, with its module.
    """

    code: ClassVar[str] = "RESOURCE-MISSING"

    def __init__(self, kind: str, known: Sequence[str]) -> None:
        super().__init__(
            f"There is no {kind} among the resources.",
            details=(("what there is", ", ".join(known) or "nothing yet"),),
            help=f"insert a {kind} into the resources before it is asked for",
        )
        self.kind = kind
