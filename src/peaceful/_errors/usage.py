"""Errors in a definition, on the command line, in a parameter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from peaceful._errors.base import PeacefulError


class DefinitionError(PeacefulError, code="DEFINITION"):
    """The flow, an item or the application is defined in a way that cannot work."""


class CycleFound(DefinitionError, code="CYCLE"):
    """Items wait for each other in a cycle.

    Attributes:
        cycle: the items in order; the first one is repeated at the end.
    """

    def __init__(self, cycle: Sequence[str]) -> None:
        shown = list(cycle)
        if len(shown) > 12:
            shown[6:-5] = [f"… {len(shown) - 11} more …"]
        super().__init__(
            f"Items wait for each other in a circle: {' → '.join(shown)}.",
            help="remove one of these edges or references",
        )
        self.cycle: tuple[str, ...] = tuple(cycle)


class ContainedTwice(DefinitionError, code="CONTAINED-TWICE"):
    """An item is declared to be inside two others, but can be in one place only.

    Attributes:
        item: the item that is contained.
        containers: the two containers, in the order in which they were declared.
    """

    def __init__(self, item: str, containers: tuple[str, str]) -> None:
        first, second = containers
        super().__init__(
            f"{item} is contained by {first}, and by {second} too.",
            help=f"let one of them contain {item}, and join the other by an edge",
        )
        self.item = item
        self.containers = containers


class NameTaken(DefinitionError, code="NAME-TAKEN"):
    """Two things of one kind have the same name."""

    def __init__(self, kind: str, name: str, *, where: str = "") -> None:
        super().__init__(
            f"There are two {kind}s named {name!r}.",
            details=(("declared again in", where),) if where else (),
            help=f"give each {kind} a name of its own",
        )
        self.kind = kind
        self.name = name


class ReferenceInvalid(DefinitionError, code="REFERENCE-INVALID"):
    """A reference points to something that does not exist or has another type."""


class ReferenceUsedAsValue(DefinitionError, code="REFERENCE-NOT-A-VALUE"):
    """A reference was used as a value, which is not known while the flow is being built."""

    def __init__(self, reference: str, operation: str) -> None:
        super().__init__(
            f"{reference} is a reference: its value is not known while the flow is built, "
            f"so {operation} cannot work on it.",
            help=f'compute from it with mapped("a_name", function, {reference})',
        )
        self.reference = reference


class MappingInvalid(DefinitionError, code="MAPPING-INVALID"):
    """A mapping function's name is taken by another function, or no function has that name."""


class StateNotReadable(DefinitionError, code="STATE-NOT-READABLE"):
    """A state that an item returned would not read back from what is stored as it was.

    Attributes:
        item: the item's ID.
        state: the name of the state's class.
        field: the field, with the path inside it; empty if it is the state as a whole.
    """

    def __init__(
        self, item: str, function: str, state: str, field: str, reason: str, *, help: str = ""
    ) -> None:
        place = f"{state}.{field}" if field else state
        declared = ".".join(re.split(r"[.[]", place)[:2])
        super().__init__(
            f"{item} cannot be stored: {place}, as {function} returned it, "
            f"would not read back as it was: {reason}.",
            help=help
            or f"declare {declared} by the very types that it holds, "
            "each of which can be told from the others when it is read",
        )
        self.item = item
        self.state = state
        self.field = field


class ResourceMissing(DefinitionError, code="RESOURCE-MISSING"):
    """A resource was requested by its type, and there is none.

    Attributes:
        kind: the requested type, with its module.
    """

    def __init__(self, kind: str, known: Sequence[str]) -> None:
        super().__init__(
            f"There is no {kind} among the resources.",
            details=(("what there is", ", ".join(known) or "nothing yet"),),
            help=f"insert a {kind} into the resources before it is asked for",
        )
        self.kind = kind


class UsageError(PeacefulError, code="USAGE", exit_code=2):
    """The request itself is wrong; nothing was started and nothing was changed."""


class NameInvalid(UsageError, code="NAME-INVALID"):
    """A name of an application, profile, flow or item breaks the rule for names."""

    def __init__(self, kind: str, name: str, rule: str) -> None:
        shown = name if len(name) <= 60 else name[:57] + "..."
        super().__init__(
            f"{shown!r} cannot be the name of {kind}.",
            details=(("the rule", rule),),
            help=f"choose another name for {kind}",
        )
        self.kind = kind
        self.name = name


_FARTHEST: Final = 3
"""The most letters that are added, left out, changed or exchanged in what somebody meant."""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return the names that somebody may have meant who wrote another one, the best first.

    In these, at most a third of its letters differ, or it is their beginning.
    """
    most = min(max(1, len(name) // 3), _FARTHEST)
    typed, ranked = name.lower(), list[tuple[int, int, str]]()
    for number, each in enumerate(known):
        meant = each.lower()
        steps = _steps(typed, meant) if abs(len(typed) - len(meant)) <= most else most + 1
        if len(typed) > 1 and meant.startswith(typed):
            steps = min(steps, most)
        if typed and steps <= most:
            ranked.append((steps, number, each))
    return [each for _, _, each in sorted(ranked)[:3]]


def _steps(one: str, other: str) -> int:
    """Return how many letters differ; two neighbours that were exchanged count once.

    The distance of optimal string alignment, row by row.
    """
    before, row = list[int](), list(range(len(other) + 1))
    for i, letter in enumerate(one):
        last, before, row = before, row, [i + 1]
        for j, its in enumerate(other):
            step = min(before[j] + (letter != its), before[j + 1] + 1, row[j] + 1)
            if i and j and letter == other[j - 1] and one[i - 1] == its:
                step = min(step, last[j - 1] + 1)
            row.append(step)
    return row[-1]


class NameUnknown(UsageError, code="NAME-UNKNOWN"):
    """Nothing has the given name."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, help: str = "") -> None:
        names = sorted(known)
        near = nearest(name, names)
        listing = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        super().__init__(
            f"There is no {kind} named {name!r}.",
            details=(
                *((("did you mean", ", ".join(near)),) if near else ()),
                (f"each {kind} there is", listing or "none yet"),
            ),
            help=help or ("use one of the names above" if names else "make one first"),
        )
        self.kind = kind
        self.name = name


@dataclass(frozen=True, slots=True)
class ParamProblem:
    """One problem with one parameter.

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


class ParamsInvalid(UsageError, code="PARAMS-INVALID"):
    """Parameters have invalid values; all problems at once."""

    def __init__(self, owner: str, problems: Sequence[ParamProblem], *, help: str = "") -> None:
        fields = ", ".join(problem.field for problem in problems)
        super().__init__(
            f"{owner} cannot take the given value of {fields}.",
            details=tuple((problem.field, str(problem)) for problem in problems),
            help=help or "correct the values above, then run the command again",
        )
        self.owner = owner
        self.problems: tuple[ParamProblem, ...] = tuple(problems)


class ParamsMissing(UsageError, code="PARAMS-MISSING"):
    """Parameters without a default have no value yet."""

    def __init__(
        self, owner: str, names: Sequence[str], *, help: str, several: bool = False
    ) -> None:
        need = "need" if several else "needs"
        super().__init__(f"{owner} {need} a value for {', '.join(names)}.", help=help)
        self.owner = owner
        self.names: tuple[str, ...] = tuple(names)


class FlowStoredTwice(UsageError, code="FLOW-STORED-TWICE"):
    """A flow has folders under its present and an earlier name, or under two earlier ones.

    Attributes:
        folders: the folders.
    """

    def __init__(self, flow: str, folders: Sequence[str]) -> None:
        super().__init__(
            f"What flow {flow} has made is stored in {len(folders)} folders, by present and "
            "earlier names.",
            details=tuple(("it is in", folder) for folder in folders),
            help="look which of them tells of what is there, and move the others out of the "
            "workspace",
        )
        self.folders: tuple[str, ...] = tuple(folders)


class WorkspaceMissing(UsageError, code="NOT-INITIALISED"):
    """A command needs stored data that does not exist: `init` was not run here."""

    def __init__(
        self,
        message: str,
        *,
        details: tuple[tuple[str, str], ...] = (),
        help: str = "set it up: `init`; or say where it is: --workspace DIR",
    ) -> None:
        super().__init__(message, details=details, help=help)


class ExtraMissing(UsageError, code="EXTRA-MISSING"):
    """A feature needs packages of an extra that is not installed, or cannot be loaded."""

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


class SecretUnavailable(UsageError, code="SECRET-UNAVAILABLE"):
    """A secret cannot be read from its declared source.

    Attributes:
        name: the parameter that it belongs to.
    """

    def __init__(self, name: str, where: str, reason: str, help: str) -> None:
        super().__init__(
            f"There is no value for {name}: {reason}.", details=(("said in", where),), help=help
        )
        self.name = name


class KeyMissing(UsageError, code="KEY-MISSING"):
    """There is no key to encrypt or decrypt a stored secret.

    Attributes:
        name: the parameter that the secret belongs to.
    """

    def __init__(self, name: str, variable: str, file_variable: str) -> None:
        super().__init__(
            f"{name} is a secret, and there is no key to store it with, or to read it.",
            help=f"name a file with a key in {file_variable}, or set {variable}; to make one: "
            "`key new FILE`; or let the secret be taken from elsewhere at each command: "
            "env:NAME, file:PATH or command:LINE",
        )
        self.name = name


class KeyWrong(UsageError, code="KEY-WRONG"):
    """A stored secret cannot be decrypted with the given keys, or these are invalid."""
