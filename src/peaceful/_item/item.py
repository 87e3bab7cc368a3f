"""`Item`, the base class of items, and the check of references between them."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Generic,
    Self,
    TypeAlias,
    TypeVar,
    Unpack,
    cast,
)
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict, ValidationError

from peaceful._annotations import is_assignable, is_secret_type, structure_in, type_name
from peaceful._disclosure import know_secrets
from peaceful._errors.running import ValueUnresolved
from peaceful._errors.usage import DefinitionError, ReferenceInvalid
from peaceful._item.ctx import ItemCtx
from peaceful._item.declared import declare, declared_arguments, declared_type, why_unknown
from peaceful._item.diff import StateDiff, field_wise_diff
from peaceful._model.location import Interaction
from peaceful._model.state import State
from peaceful._params.masking import secret_texts, without_secrets
from peaceful._params.plain import plain_form
from peaceful._params.references import MappedReference, Reference
from peaceful._params.specs import is_pending, reference_places

S = TypeVar("S", bound=State)

_MAIN: Final = "__main__"
"""The name of the module that Python runs as the program."""

_CONVERTERS: Mapping[str, str] = {
    "str": "as_text",
    "Path": "as_path",
    "int": "as_int",
    "float": "as_float",
}
"""Suggested names of mapping functions, by the name of the class that is called."""


_WAS: Final[WeakKeyDictionary[type, tuple[str, ...]]] = WeakKeyDictionary()
"""By class of items, the kinds that it had before."""


def _texts(given: object) -> tuple[str, ...] | None:
    """Return one text or several, or None for anything else."""
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, list | tuple):
        return None
    several = cast("Sequence[object]", given)
    texts = tuple(one for one in several if isinstance(one, str))
    return texts if len(texts) == len(several) else None


class Item(BaseModel, ABC, Generic[S]):
    """One thing that a flow creates, changes and cleans up. Users subclass it.

    A subclass names the type of its state (`class TextFile(Item[TextFileState])`), declares its
    parameters as fields, and implements at least `state_current`, `state_goal` and `apply`. Each
    function may be `async` or plain; a plain one runs in a thread. Functions see resolved values
    only.

    Where a parameter is a reference, field validators of the other parameters run at once; model
    validators and `model_post_init` run when every value is known.

    Items are frozen: they return what they find and do as states.

    Attributes:
        identifies: the parameters that say which thing in the world it looks after; see `identity`.
        takes_over: whether it replaces the whole of a thing that it finds, which is then its own to
            clean up. Else, what was there before the item first changed it is left alone.
        item_version: stored with states, for functions that upgrade them.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", validate_default=True
    )

    identifies: ClassVar[tuple[str, ...]] = ()
    takes_over: ClassVar[bool] = False
    item_version: ClassVar[int] = 1

    # ---- what must be written

    @abstractmethod
    def state_current(self, ctx: ItemCtx) -> S | Awaitable[S]:
        """Return the present state of the thing. Must not change anything."""

    @abstractmethod
    def state_goal(self, ctx: ItemCtx) -> S | Awaitable[S]:
        """Return the state that the thing should have. Must not change anything."""

    @abstractmethod
    def apply(self, ctx: ItemCtx, current: S, goal: S) -> S | Awaitable[S]:
        """Bring the thing from its current state to the goal, and return its new state.

        Called only if `apply_check` returns true. Must be repeatable: after an interrupt, a failure
        or a loss of power it is called again with the state that is found then.
        """

    # ---- what has a sound default

    def state_clean(self, ctx: ItemCtx) -> S | Awaitable[S]:
        """Return the state of the cleaned-up thing: by default, every field is `None`."""
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
        """Return the present state, or `None` if it is unknown, while parameters may be unresolved.

        Reading an unresolved field raises `ValueUnresolved`, which the framework takes for `None`.
        Override this only if the item knows something without such a field, or if what a field
        names may not exist yet.
        """
        return self.state_current(ctx)

    def try_state_goal(self, ctx: ItemCtx) -> S | Awaitable[S | None] | None:
        """Return the goal state, or `None` if it is unknown, while parameters may be unresolved."""
        return self.state_goal(ctx)

    def diff(self, current: S, goal: S) -> StateDiff | None:
        """Return the difference, or `None`: by default, field by field. Quick, without I/O."""
        return field_wise_diff(current, goal)

    def apply_check(self, current: S, goal: S, diff: StateDiff | None) -> bool:
        """Return whether `apply` has work to do: by default, if anything differs.

        What returns true also where nothing differs runs every time. Must do no I/O.
        """
        return diff is not None

    def replaces(self, current: S, goal: S) -> bool:
        """Return whether the thing can only be removed and made anew; by default, never.

        Then `ensure` refuses to go on until it is told to replace it, with all that stands on it.
        Quick, without I/O.
        """
        return False

    def apply_dry(self, ctx: ItemCtx, current: S, goal: S) -> S | Awaitable[S]:
        """Return what `apply` would return, without changing anything; by default, the goal."""
        return goal

    def clean(self, ctx: ItemCtx, current: S, clean: S) -> S | Awaitable[S]:
        """Clean the thing up, and return its state: by default, apply the clean state."""
        return self.apply(ctx, current, clean)

    def identity(self) -> str | None:
        """Return the name of the thing that it looks after, such as `file:/srv/app.yaml`.

        By it, the thing is known when the item is renamed, moved or changed. No two items of a
        profile have the same one; without secrets, quick, without I/O. By default it is made of the
        kind and of the parameters in `identifies`; without these it is `None`: then only the item's
        name in the flow tells, and the item's places (`interactions`), if it says some.
        """
        if not self.identifies:
            return None
        values = [plain_form(getattr(self, name)) for name in self.identifies]
        text = values[0] if len(values) == 1 else None
        return f"{self.kind()}:{text if isinstance(text, str) else json.dumps(values)}"

    def removed_first(self, former: str) -> bool:
        """Return whether the thing that it looked after before goes before its own one is made.

        With all that stands on it: both cannot be there at once. Else it goes afterwards. By
        default, it goes first if one of the two lies within the other, as identities tell: one of
        them begins with the other one, and goes on with `/` or `#`.

        Args:
            former: the identity of the former thing.
        """
        own = self.identity() or ""
        outer, inner = sorted((own, former), key=len)
        outer = outer.rstrip("/")
        return bool(outer) and inner.startswith((f"{outer}/", f"{outer}#"))

    def interactions(self) -> Sequence[Interaction]:
        """Return the places that the item touches, for diagrams, also with example values."""
        return ()

    def state_example(self) -> S:
        """Return an example state, for diagrams that are drawn before anything exists."""
        from peaceful._item.example import example_model  # only diagrams need it

        return example_model(self.state_type())

    # ---- what the framework uses

    @classmethod
    def state_type(cls) -> type[S]:
        """Return the class of the item's state.

        Raises:
            DefinitionError: the class does not name it.
        """
        return cast("type[S]", _state_type(cls))

    @classmethod
    def kind(cls) -> str:
        """Return the module and the class, by which stored states remember the type of their item.

        Private modules are left out, so that stored states stay readable when modules are moved. A
        program's own module has the name by which others import it, not `__main__`.
        """
        return _kind(cls)

    def __init_subclass__(
        cls, *, was: str | Sequence[str] = (), **config: Unpack[ConfigDict]
    ) -> None:
        """Define a kind of items.

        Args:
            was: the kinds that the class had when it was in another module or had another name,
                such as `"tool.items.OldName"`: what is stored of them belongs to it.
            config: pydantic's settings.
        """
        super().__init_subclass__(**config)
        kinds = _texts(was)
        if kinds is None:
            raise DefinitionError(
                f"{cls.__name__} does not say by its kind what it was: {was!r}.",
                help='write the earlier module and class as text: was="tool.items.OldName"',
            )
        _WAS[cls] = kinds

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        taken = [name for name in cls.model_fields if name in _RESERVED]
        if taken:
            raise DefinitionError(
                f"{cls.__name__} has a parameter named as a function of every item: {taken[0]}.",
                help="give the parameter another name",
            )
        for name in cls.identifies:
            if name not in cls.model_fields or is_secret_type(cls.model_fields[name].annotation):
                raise DefinitionError(
                    f"{cls.__name__}.identifies names {name}, which is no parameter, or a secret.",
                    help="name parameters that say which thing it is, such as a path",
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
                if any(map(is_pending, values.values())):
                    declare(self, values)
                else:
                    super().__init__(**values)
            except ValidationError as error:
                if self.model_config.get("hide_input_in_errors"):
                    raise without_secrets(error, type(self)) from None
                raise
            if self.model_config.get("hide_input_in_errors"):
                know_secrets(secret_texts(self.__dict__))

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
            given = declared_arguments(self)
            if not update or (given is None and not any(map(is_pending, update.values()))):
                return super().model_copy(update=update, deep=deep)
            before = {name: self.__dict__[name] for name in self.model_fields_set}
            return type(self)(**{**(given or before), **update})


AnyItem: TypeAlias = Item[Any]
"""An item with any type of state. (Any: a class's type variable.)"""

_RESERVED = frozenset(
    name for name in vars(Item) if callable(getattr(Item, name)) and not name.startswith("_")
)
"""The functions of every item, which no parameter may be named after."""


@cache
def _kind(item_type: type[object]) -> str:
    module = item_type.__module__
    parts = (_program() if module == _MAIN else module).split(".")
    public = [part for part in parts if not part.startswith("_") or part.startswith("__")]
    return ".".join((*public, item_type.__qualname__))


@cache
def kinds_of(item_type: type[Item[Any]]) -> frozenset[str]:  # Any: of whatever state
    """Return the kind of a class, and those that it had before."""
    # Earlier versions stored what a program defined itself as of `__main__`.
    as_program = [f"{_MAIN}.{item_type.__qualname__}"] if item_type.__module__ == _MAIN else []
    return frozenset((item_type.kind(), *_WAS.get(item_type, ()), *as_program))


def _program() -> str:
    """Return the name by which the program's own module is imported, as `multiprocessing` does."""
    main = sys.modules[_MAIN]
    spec: ModuleSpec | None = getattr(main, "__spec__", None)
    if spec is not None:
        return spec.name
    file: str | None = getattr(main, "__file__", None)
    # Nothing is imported by the name of a notebook, `python -c`, or a script without a suffix.
    return Path(file).stem if file and file.endswith(".py") else _MAIN


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
    """Return the argument for S in `Item[S]` among the bases: a type, a variable, or `None`."""
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


def check_references(item: AnyItem) -> None:
    """Raise `ReferenceInvalid` if the type of a reference does not fit where it is used."""
    if declared_arguments(item) is None:
        return
    for name, value in item.__dict__.items():
        declared = declared_type(type(item), name)
        for place, reference, wanted in reference_places(
            value, declared, f"{type(item).__name__}.{name}"
        ):
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
