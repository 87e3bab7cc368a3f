"""The base of every item's state.

In a module of its own, so that who needs only plain data does not load pydantic.
"""

from __future__ import annotations

from functools import cache
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

__all__ = ["State"]


class State(BaseModel):
    """What an item is, or should be: a frozen model that can be compared, stored and shown.

    Declare fields for the facts that matter, and `__str__` for people: a few words, no line break.
    A field that holds none where the thing is absent makes the default clean state work.

    Attributes:
        state_version: raised by a subclass when stored states of earlier versions cannot be read
            any more; such a state is discovered anew.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    state_version: ClassVar[int] = 1

    def __str__(self) -> str:
        """The fields that are set, as `name=value`; `absent` where none is."""
        known = [
            f"{name}={value}"
            for name in field_names(type(self))
            if (value := getattr(self, name)) is not None
        ]
        return ", ".join(known) or "absent"


@cache
def field_names(state_type: type[State]) -> tuple[str, ...]:
    """Return the names of the fields; pydantic takes longer to tell them than to use them."""
    return tuple(state_type.model_fields)
