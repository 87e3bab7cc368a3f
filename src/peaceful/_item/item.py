"""`Item`, the base class of items, and the check of references between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from peaceful._annotations import is_assignable, is_secret_type, structure_in, type_name
from peaceful._errors.running import ValueUnresolved
from peaceful._errors.usage import DefinitionError, ReferenceInvalid
from peaceful._item.ctx import ItemCtx
from peaceful._item.declared import declare, declared_type, given_to, why_unknown
from peaceful._item.diff import StateDiff, field_wise_diff
from peaceful._item.example import example_model
from peaceful._model.location import Interaction
from peaceful._model.state import State
from peaceful._params.masking import without_secrets
from peaceful._params.references import MappedReference, Reference
from peaceful._params.specs import is_open, places

S = TypeVar("S", bound=State)


class Item(BaseModel, ABC, Generic[S]):
    """One thing that a flow looks after.

    A subclass names the type of its state (`class TextFile(Item[TextFileState])`), declares its
    parameters as fields, and writes at least `state_current`, `state_goal` and `apply`. Each
    function may be `async` or plain; a plain one is run in a thread. Functions see resolved values
    only.

    Where a parameter is a reference, what validates the other parameters runs at once; what looks
    at all of them (model validators, `model_post_init`) runs when every value is known.

    Items are frozen: what they find and do goes into states.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", validate_default=True
    )

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

        Called only where there is something to do. Must be repeatable: after an interrupt, a
        failure or a loss of power it is called again with the state that is found then.
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

    def try_state_current(self, ctx: ItemCtx) -> S | Awaitable[S | None] | None:
        """As `state_current`, while some parameters may not be known: none means unknown.

        Reading a field that is not known raises `ValueUnresolved`; the framework takes that for
        unknown, so this must be written only where an item can say something without such a field,
        or where what a field names may not be there yet.
        """
        return self.state_current(ctx)

    def try_state_goal(self, ctx: ItemCtx) -> S | Awaitable[S | None] | None:
        """As `state_goal`, while some parameters may not be known: none means unknown."""
        return self.state_goal(ctx)

    def diff(self, current: S, goal: S) -> StateDiff | None:
        """What differs, or none. By default field by field. Quick, and without I/O."""
        return field_wise_diff(current, goal)

    def apply_check(self, current: S, goal: S, diff: StateDiff | None) -> bool:
        """Whether `apply` has something to do: by default, where anything differs. Without I/O."""
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
        return _kind(cls)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        taken = [name for name in cls.model_fields if name in _RESERVED]
        if taken:
            raise DefinitionError(
                f"{cls.__name__} has a parameter named as a function of every item: {taken[0]}.",
                help="give the parameter another name",
            )
        secret = any(is_secret_type(field.annotation) for field in cls.model_fields.values())
        if secret and not cls.model_config.get("hide_input_in_errors"):
            # What is given for a secret may be plain text, which pydantic would show where it is
            # wrong.
            cls.model_config["hide_input_in_errors"] = True
            cls.model_rebuild(force=True)

    if not TYPE_CHECKING:
        # Type checkers make the signature from the fields, so that wrong types are found before
        # running.
        def __init__(self, /, **values: object) -> None:
            try:
                if any(map(is_open, values.values())):
                    declare(self, values)
                else:
                    super().__init__(**values)
            except ValidationError as error:
                if self.model_config.get("hide_input_in_errors"):
                    raise without_secrets(error, type(self)) from None
                raise

        def __getattr__(self, name: str) -> object:
            # Only names that are not there come here: something is missing where it is not known.
            reason = why_unknown(self, name)
            if reason is not None:
                raise ValueUnresolved(
                    f"{type(self).__name__}.{name} is not known yet: {reason}.",
                    help="it will be, once the items that produce it have been applied",
                )
            return super().__getattr__(name)

        def model_copy(
            self, *, update: Mapping[str, object] | None = None, deep: bool = False
        ) -> Self:
            """As in pydantic; but an update may have references, and then it is validated."""
            given = given_to(self)
            if not update or (given is None and not any(map(is_open, update.values()))):
                return super().model_copy(update=update, deep=deep)
            before = {name: self.__dict__[name] for name in self.model_fields_set}
            return type(self)(**{**(given or before), **update})


AnyItem: TypeAlias = Item[Any]
"""An item of whatever state, which the framework treats as opaque. (Any: a class's variable.)"""

_RESERVED = frozenset(
    name for name in vars(Item) if callable(getattr(Item, name)) and not name.startswith("_")
)
"""The functions of every item, by which the framework calls it."""


@cache
def _kind(item_type: type[object]) -> str:
    parts = item_type.__module__.split(".")
    public = [part for part in parts if not part.startswith("_") or part.startswith("__")]
    return ".".join((*public, item_type.__qualname__))


@cache
def _state_type(item_type: type[Item[Any]]) -> type[State]:  # Any: of whatever state
    found = _argument_of_item(item_type)
    if isinstance(found, type) and issubclass(found, State):
        return found
    raise DefinitionError(
        f"{item_type.__name__} does not say what type its state has.",
        help=f"write class {item_type.__name__}(Item[TheState]), where TheState is a State",
    )


def _argument_of_item(item_type: type[BaseModel]) -> object:
    """What stands for S in `Item[S]` among the bases of a class: a type, a variable, or none."""
    metadata = item_type.__pydantic_generic_metadata__
    origin, arguments = metadata["origin"], metadata["args"]
    if origin is Item:
        return arguments[0]
    if origin is not None:
        found = _argument_of_item(origin)
        variables: tuple[object, ...] = origin.__pydantic_generic_metadata__["parameters"]
        meant: dict[object, object] = dict(zip(variables, arguments, strict=True))
        return meant.get(found, found)
    bases = [
        one for one in item_type.__bases__ if issubclass(one, BaseModel) and one is not BaseModel
    ]
    found_in_bases = map(_argument_of_item, bases)
    return next((found for found in found_in_bases if found is not None), None)


def checked_references(item: AnyItem) -> None:
    """Compares the type of each reference with what is due where it stands.

    Raises:
        ReferenceInvalid: a value of that type cannot go there.
    """
    if given_to(item) is None:
        return
    for name, value in item.__dict__.items():
        declared = declared_type(type(item), name)
        for place, reference, wanted in places(value, declared, f"{type(item).__name__}.{name}"):
            if not is_assignable(reference.type, wanted):
                raise _misplaced(reference, place, wanted)


def _misplaced(reference: Reference, place: str, wanted: object) -> ReferenceInvalid:
    computed = "returns" if isinstance(reference, MappedReference) else "is"
    return ReferenceInvalid(
        f"{reference} cannot be given for {place}: "
        f"it {computed} {type_name(reference.type)}, not {type_name(wanted)}.",
        help=_mend(reference, wanted),
    )


def _mend(reference: Reference, wanted: object) -> str:
    structure = structure_in(reference.type)
    if structure is not None and not isinstance(reference, MappedReference):
        _, fields = structure
        fitting = [name for name, kind in fields.items() if is_assignable(kind, wanted)]
        if fitting:
            return f"refer to a field of it: {', '.join(f'{reference}.{name}' for name in fitting)}"
    name = type_name(wanted)
    if name in _CONVERTERS:
        return f'convert it: mapped("{_CONVERTERS[name]}", {name}, {reference})'
    return f'refer to another field, or compute one: mapped("a_name", function, {reference})'


_CONVERTERS: Mapping[str, str] = {
    "str": "as_text",
    "Path": "as_path",
    "int": "as_int",
    "float": "as_float",
}
"""By the name of a class that can be called with a value, a name for that as a mapping function."""
