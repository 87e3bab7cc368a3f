"""References: parameters whose values another item will have produced.

While a flow is built nothing has been produced yet, so `archive.state.path` is a reference object that
pretends, for type checkers, to be the value. The object has no public attribute of its own: every name
after it belongs to the state. What it points to is read with `reference_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias, TypeVar, TypeVarTuple, cast, get_type_hints

from peaceful.errors import MappingInvalid, ReferenceInvalid, ReferenceUsedAsValue
from peaceful.model import ItemId
from peaceful.params._types import field_type, model_class

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class StateReference:
    """Points to a part of the state that an item will have.

    Attributes:
        item: the item.
        path: the way from the state to the part; empty for the whole state.
        type: what the part is declared as.
    """

    item: ItemId
    path: tuple[str, ...]
    type: object

    def __str__(self) -> str:
        """The readable form that is stored, such as `app_download.state.path`."""
        return ".".join((self.item, "state", *self.path))


@dataclass(frozen=True, slots=True)
class MappedReference:
    """Computes a value from other values, once they are known.

    Attributes:
        name: the name under which the function is stored.
        function: what computes it.
        arguments: values and references, in order.
        type: what the function is declared to return.
    """

    name: str
    function: Callable[..., object]
    arguments: tuple[object, ...]
    type: object

    def __str__(self) -> str:
        """The readable form that is stored, such as `url_of(app_download.state.path)`."""
        shown = (
            str(reference) if (reference := reference_of(argument)) else repr(argument)
            for argument in self.arguments
        )
        return f"{self.name}({', '.join(shown)})"


Reference: TypeAlias = StateReference | MappedReference
"""What a reference object points to."""

_POINTS_TO: Final = "_peaceful_points_to"


class _ReferenceObject:
    """Stands in a flow for a value that is not known yet."""

    __slots__ = (_POINTS_TO,)

    _peaceful_points_to: Reference

    def __init__(self, points_to: Reference) -> None:
        object.__setattr__(self, _POINTS_TO, points_to)

    def __getattr__(self, name: str) -> _ReferenceObject:
        points_to = self._peaceful_points_to
        if name.startswith("__"):
            raise AttributeError(name)
        if isinstance(points_to, MappedReference):
            raise ReferenceUsedAsValue(str(points_to), f"reading its {name!r}")
        return _ReferenceObject(_part(points_to, name))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise ReferenceUsedAsValue(str(self._peaceful_points_to), f"setting its {name!r}")

    def __repr__(self) -> str:
        return f"<reference {self._peaceful_points_to}>"

    def __hash__(self) -> int:
        return hash(id(self))


def _refusing(operation: str) -> Callable[..., NoReturn]:
    def refuse(self: _ReferenceObject, *_: object) -> NoReturn:
        raise ReferenceUsedAsValue(str(self._peaceful_points_to), operation)

    return refuse


_OPERATIONS: Final = {
    "a comparison": ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"),
    "a test for truth": ("__bool__",),
    "making text of it": ("__str__", "__format__", "__fspath__", "__bytes__"),
    "a loop": ("__iter__", "__len__", "__contains__", "__getitem__"),
    "a call": ("__call__",),
    "arithmetic": (
        *(f"__{side}{name}__" for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "or", "and")
          for side in ("", "r")),
        "__neg__", "__int__", "__float__", "__index__",
    ),
}  # fmt: skip
for _operation, _names in _OPERATIONS.items():
    for _name in _names:
        setattr(_ReferenceObject, _name, _refusing(_operation))


def _part(whole: StateReference, name: str) -> StateReference:
    model = model_class(whole.type)
    if model is None:
        raise ReferenceUsedAsValue(str(whole), f"reading its {name!r}")
    if name not in model.model_fields:
        known = ", ".join(model.model_fields) or "none"
        raise ReferenceInvalid(
            f"{whole} has no field {name!r}.",
            details=((f"the fields of {model.__name__}", known),),
            help="use one of these fields",
        )
    return StateReference(whole.item, (*whole.path, name), field_type(model, name))


def reference_of(value: object) -> Reference | None:
    """What a reference object points to, or none where the value is an ordinary one."""
    return value._peaceful_points_to if type(value) is _ReferenceObject else None


def reference_to_state(item: ItemId, state_type: type[T]) -> T:
    """A reference to the whole state of an item; its attributes are references to parts of it.

    Args:
        item: the item whose state it is.
        state_type: the class of the state, which type checkers see as the type of the reference.
    """
    return cast(T, _ReferenceObject(StateReference(item, (), state_type)))


def mapped(name: str, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """A value computed from references, once these are known.

    ```python
    flow.add("greeting", TextFile(path=into, content=mapped("hello", hello, name.state.content)))
    ```

    Args:
        name: the function's name in what is stored; one name for one function within a flow.
        function: pure and quick; called with the arguments' values.
        arguments: references, and values, in the order of the function's parameters.

    Raises:
        MappingInvalid: the name is not a Python identifier.
    """
    if not name.isidentifier():
        raise MappingInvalid(
            f"{name!r} cannot name a mapping function.",
            help="choose a name as Python allows it for a function",
        )
    return cast(
        T, _ReferenceObject(MappedReference(name, function, arguments, _return_type(function)))
    )


def _return_type(function: Callable[..., object]) -> object:
    try:
        return get_type_hints(function).get("return", object)
    except (TypeError, NameError):
        # Built-in functions have no hints, and hints may name what only a type checker imports: then
        # the type is checked when the value is known.
        return object


def as_object(reference: Reference) -> object:
    """A reference object that points to the given thing."""
    return _ReferenceObject(reference)
