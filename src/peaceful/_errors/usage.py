"""Mistakes in a definition, on the command line, in a parameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from peaceful._errors.base import PeacefulError


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


class UsageError(PeacefulError):
    """The request itself is wrong; nothing was started and nothing was changed."""

    code: ClassVar[str] = "USAGE"
    exit_code: ClassVar[int] = 2


class NameInvalid(UsageError):
    """A name of an application, profile, flow or item breaks the rule for names."""

    code: ClassVar[str] = "NAME-INVALID"

    def __init__(self, kind: str, name: str, rule: str) -> None:
        shown = name if len(name) <= 60 else name[:57] + "..."
        super().__init__(
            f"{shown!r} cannot be the name of {kind}.",
            details=(("the rule", rule),),
            help=f"choose another name for {kind}",
        )
        self.kind = kind
        self.name = name


class NameUnknown(UsageError):
    """Something was asked for by a name that nothing has."""

    code: ClassVar[str] = "NAME-UNKNOWN"

    def __init__(self, kind: str, name: str, known: Iterable[str], *, help: str = "") -> None:
        names = sorted(known)
        listing = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        super().__init__(
            f"There is no {kind} named {name!r}.",
            details=((f"each {kind} there is", listing or "none yet"),),
            help=help or (f"use one of the names above, or create the {kind} first"),
        )
        self.kind = kind
        self.name = name


@dataclass(frozen=True, slots=True)
class ParamProblem:
    """One thing wrong with one parameter.

    Attributes:
        field: the parameter, with the path inside it, such as `into` or `env.PATH`.
        origin: where the value was set: a file and line, an option, a line of the flow.
        reason: why the value is wrong.
    """

    field: str
    origin: str
    reason: str

    def __str__(self) -> str:
        return f"{self.reason} (set in {self.origin})" if self.origin else self.reason


class ParamsInvalid(UsageError):
    """Parameters have values that they may not have; all problems at once."""

    code: ClassVar[str] = "PARAMS-INVALID"

    def __init__(self, owner: str, problems: Sequence[ParamProblem], *, help: str = "") -> None:
        fields = ", ".join(problem.field for problem in problems)
        super().__init__(
            f"{owner} cannot take the given value of {fields}.",
            details=tuple((problem.field, str(problem)) for problem in problems),
            help=help or "correct the values above, then run the command again",
        )
        self.owner = owner
        self.problems: tuple[ParamProblem, ...] = tuple(problems)


class ParamsMissing(UsageError):
    """Parameters without a default have no value yet."""

    code: ClassVar[str] = "PARAMS-MISSING"

    def __init__(
        self, owner: str, names: Sequence[str], *, help: str, several: bool = False
    ) -> None:
        need = "need" if several else "needs"
        super().__init__(f"{owner} {need} a value for {', '.join(names)}.", help=help)
        self.owner = owner
        self.names: tuple[str, ...] = tuple(names)


class WorkspaceMissing(UsageError):
    """A command needs something stored that is not there: `init` was not run here."""

    code: ClassVar[str] = "NOT-INITIALISED"


class ExtraMissing(UsageError):
    """A feature needs packages of an extra that is not installed, or cannot be loaded."""

    code: ClassVar[str] = "EXTRA-MISSING"

    def __init__(self, feature: str, extra: str, module: str, why: str = "") -> None:
        state = f"cannot be loaded: {why}" if why else "is not installed"
        super().__init__(
            f"{feature} needs the Python package {module!r}, which {state}.",
            help="install what it lacks"
            if why
            else f'install it with: pip install "peaceful[{extra}]"',
        )
        self.extra = extra
        self.module = module


class SecretUnavailable(UsageError):
    """A secret cannot be taken from where it is said to be.

    Attributes:
        name: the parameter that it belongs to.
    """

    code: ClassVar[str] = "SECRET-UNAVAILABLE"

    def __init__(self, name: str, where: str, reason: str, help: str) -> None:
        super().__init__(
            f"There is no value for {name}: {reason}.", details=(("said in", where),), help=help
        )
        self.name = name


class KeyMissing(UsageError):
    """A secret is to be stored, or is stored, and there is no key to seal or open it with.

    Attributes:
        name: the parameter that the secret belongs to.
    """

    code: ClassVar[str] = "KEY-MISSING"

    def __init__(self, name: str, variable: str, file_variable: str) -> None:
        super().__init__(
            f"{name} is a secret, and there is no key to store it with, or to read it.",
            help=f"name a file with a key in {file_variable}, or set {variable}; the command "
            "`key new FILE` makes one. Or let the secret be taken from elsewhere at each command: "
            "env:NAME, file:PATH or command:LINE",
        )
        self.name = name


class KeyWrong(UsageError):
    """A stored secret cannot be opened with the keys that there are, or these are none."""

    code: ClassVar[str] = "KEY-WRONG"
