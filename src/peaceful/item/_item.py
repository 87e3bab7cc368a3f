"""The one class that people extend: what a thing is, what it should be, how to get there, how to clean up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from peaceful.errors import DefinitionError, ValueUnresolved
from peaceful.item._ctx import ItemCtx
from peaceful.item._declared import declared_fields
from peaceful.item._diff import StateDiff, field_wise_diff
from peaceful.item._example import example_model
from peaceful.model import Interaction
from peaceful.model.state import State
from peaceful.params import is_open

S = TypeVar("S", bound=State)


class Item(BaseModel, ABC, Generic[S]):
    """One thing that a flow looks after.

    A subclass names the type of its state (`class TextFile(Item[TextFileState])`), declares its parameters
    as fields, and writes at least `state_current`, `state_goal` and `apply`. Each function may be
    `async` or plain; a plain one is run in a thread. Functions see resolved values only.

    Items are frozen: what they find and do goes into states.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    # ---- what must be written

    @abstractmethod
    def state_current(self, ctx: ItemCtx) -> S | Awaitable[S]:
        """What the thing is now. Changes nothing."""

    @abstractmethod
    def state_goal(self, ctx: ItemCtx) -> S | Awaitable[S]:
        """What the thing should be. Changes nothing."""

    @abstractmethod
    def apply(self, ctx: ItemCtx, current: S, goal: S) -> S | Awaitable[S]:
        """Makes the thing what it should be, and returns what it then is.

        Called only where there is something to do. Must be repeatable: after an interrupt, a failure or a
        loss of power it is called again with the state that is found then.
        """

    # ---- what has a sound default

    def state_clean(self, ctx: ItemCtx) -> S | Awaitable[S]:
        """What the thing is when it is cleaned up: by default, every field of its state is none."""
        state_type = self.state_type()
        try:
            return state_type(**dict.fromkeys(state_type.model_fields))
        except ValidationError as error:
            raise DefinitionError(
                f"{type(self).__name__} does not say what it is when it is cleaned up: "
                f"not every field of {state_type.__name__} may be none.",
                help=f"write {type(self).__name__}.state_clean",
            ) from error

    def try_state_current(self, ctx: ItemCtx) -> S | None | Awaitable[S | None]:
        """As `state_current`, while some parameters may not be known: none means unknown.

        Reading a field that is not known raises `ValueUnresolved`; the framework takes that for unknown,
        so this must be written only where an item can say something without such a field, or where
        what a field names may not be there yet.
        """
        return self.state_current(ctx)

    def try_state_goal(self, ctx: ItemCtx) -> S | None | Awaitable[S | None]:
        """As `state_goal`, while some parameters may not be known: none means unknown."""
        return self.state_goal(ctx)

    def diff(self, current: S, goal: S) -> StateDiff | None:
        """What differs, or none. By default field by field. Quick, and without I/O."""
        return field_wise_diff(current, goal)

    def apply_check(self, current: S, goal: S, diff: StateDiff | None) -> bool:
        """Whether `apply` has something to do: by default, where anything differs. Quick, without I/O."""
        return diff is not None

    def apply_dry(self, ctx: ItemCtx, current: S, goal: S) -> S | Awaitable[S]:
        """What `apply` would return, without changing anything: by default, the goal."""
        return goal

    def clean(self, ctx: ItemCtx, current: S, clean: S) -> S | Awaitable[S]:
        """Cleans the thing up, and returns what it then is: by default, applies the clean state."""
        return self.apply(ctx, current, clean)

    def interactions(self) -> Sequence[Interaction]:
        """Which places the item touches, and how, for diagrams. Called with example values too."""
        return ()

    def state_example(self) -> S:
        """What the state may look like, for diagrams drawn before anything exists."""
        return example_model(self.state_type())

    # ---- what the framework uses

    @classmethod
    def state_type(cls) -> type[S]:
        """The class of the item's state.

        Raises:
            DefinitionError: the class does not name it.
        """
        return cast("type[S]", _state_type(cls))

    @classmethod
    def kind(cls) -> str:
        """The name by which stored states remember what they belong to: module and class.

        Private modules are left out, so that what is stored stays readable when they are cut anew.
        """
        parts = cls.__module__.split(".")
        public = [part for part in parts if not part.startswith("_") or part.startswith("__")]
        return ".".join((*public, cls.__qualname__))

    if not TYPE_CHECKING:
        # Type checkers make the signature from the fields, so that wrong types are found before running.
        def __init__(self, /, **values: object) -> None:
            if any(is_open(value) for value in values.values()):
                fields = declared_fields(type(self), values)
                object.__setattr__(self, "__dict__", fields)
                object.__setattr__(self, "__pydantic_fields_set__", set(values))
                object.__setattr__(self, "__pydantic_extra__", None)
                object.__setattr__(self, "__pydantic_private__", None)
            else:
                super().__init__(**values)

        def __getattr__(self, name: str) -> object:
            # Only names that are not there come here: a field is missing where its value is not known.
            if name in type(self).model_fields:
                raise ValueUnresolved(
                    f"{name} is not known yet.",
                    help="it will be, once the items that produce it have been applied",
                )
            return super().__getattr__(name)


@cache
def _kind(item_type: type[object]) -> str:
    return f"{item_type.__module__}.{item_type.__qualname__}"


@cache
def _state_type(item_type: type[Item[Any]]) -> type[State]:  # Any: of whatever state
    for base in item_type.__mro__:
        metadata = base.__dict__.get("__pydantic_generic_metadata__", {})
        for argument in metadata.get("args", ()):
            if isinstance(argument, type) and issubclass(argument, State):
                return argument
    raise DefinitionError(
        f"{item_type.__name__} does not say what type its state has.",
        help=f"write class {item_type.__name__}(Item[TheState])",
    )
