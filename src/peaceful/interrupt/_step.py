"""What an interruptible iteration or wait comes to: a value, a last value, or none."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeAlias, TypeVar

T = TypeVar("T")


class NoValue(enum.Enum):
    """The type of `NO_VALUE`."""

    NO_VALUE = "no value"


NO_VALUE: Final[Literal[NoValue.NO_VALUE]] = NoValue.NO_VALUE
"""Stands where there is no value, since `None` may be one."""


# Not slotted, neither of the two: before Python 3.14, a class that is frozen, slotted and generic
# cannot be called as `Interrupted[int]()`.
@dataclass(frozen=True)
class NoInterrupt(Generic[T]):
    """A value; what comes next may start.

    Attributes:
        value: the value.
    """

    value: T


@dataclass(frozen=True)
class Interrupted(Generic[T]):
    """The end, because of an interrupt.

    Attributes:
        value: the value that was in progress when the interrupt took hold, and was finished;
            `NO_VALUE` if it took hold between two, at a boundary.
    """

    value: T | NoValue = NO_VALUE

    @property
    def has_value(self) -> bool:
        """Whether something was in progress, and was finished."""
        return self.value is not NO_VALUE


Step: TypeAlias = NoInterrupt[T] | Interrupted[T]
"""What one step of an interruptible iteration, or an interruptible wait, comes to."""
