"""IDs of executions, as short as they can be without standing for two."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from peaceful.model import ExecutionId

_SHORTEST: Final = 8


def short_id(execution: ExecutionId, among: Iterable[ExecutionId] = ()) -> str:
    """The shortest beginning of an ID, of at least 8 characters, that no other one shares.

    The first digits of a UUID of version 7 are its time: 8 of them are the same for all executions
    that started within 65.536 s of each other.

    Args:
        execution: the ID.
        among: the other IDs that it may be taken for; the ID itself may be there too.
    """
    shared = max((_shared(execution, other) for other in among if other != execution), default=0)
    return _prefix(execution, shared)


def short_ids(executions: Iterable[ExecutionId]) -> dict[ExecutionId, str]:
    """For each ID its shortest beginning, of at least 8 characters, that no other one shares.

    Takes the time of sorting them: what an ID shares most of its beginning with is next to it.

    Args:
        executions: the IDs; one that comes twice counts once.
    """
    shared = dict.fromkeys(executions, 0)
    for here, there in pairwise(sorted(shared)):
        length = _shared(here, there)
        shared[here] = max(shared[here], length)
        shared[there] = length
    return {execution: _prefix(execution, length) for execution, length in shared.items()}


def _shared(one: str, other: str) -> int:
    """How many characters two IDs have in common from their beginning on."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _prefix(execution: str, shared: int) -> str:
    length = max(_SHORTEST, shared + 1)
    # A hyphen at the end would look like a mistake, and tells nothing apart.
    if execution[length - 1 : length] == "-":
        length += 1
    return execution[:length]
