"""References: parameters whose values another item produces, or a function computes.

While a flow is built nothing has been produced yet, so `archive.state.path` is a reference object
that type checkers see as the value. It has no public attribute of its own: every name after it is a
field of the state. `reference_of` returns what it points to.
"""

from __future__ import annotations

import functools
import inspect
import keyword
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn, Self, TypeAlias, TypeVar, TypeVarTuple, cast

import msgspec

from peaceful._annotations import hints_of, structure_in
from peaceful._errors.usage import MappingInvalid, ReferenceInvalid, ReferenceUsedAsValue
from peaceful._model.codec import FlowId, ItemId
from peaceful._model.state import State
from peaceful._params.plain import is_secret, key_text, plain_form

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


SECRET_WORD: Final = "secret"  # noqa: S105 - it stands for a secret, and is none
"""Written in place of a secret."""

_POINTS_TO: Final = "_peaceful_points_to"

_SYMBOLS: Final = (
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "lshift",
    "rshift", "and", "xor", "or",
)  # fmt: skip

_OPERATIONS: Final = {
    "a comparison": ("eq", "ne", "lt", "le", "gt", "ge"),
    "a test for truth": ("bool",),
    "making text of it": ("str", "format", "fspath", "bytes"),
    "a loop": ("iter", "reversed", "aiter", "next", "anext"),
    "taking its length": ("len",),
    "a search in it": ("contains",),
    "taking an entry of it": ("getitem", "setitem", "delitem"),
    "a call": ("call",),
    "entering it with `with`": ("enter", "exit", "aenter", "aexit"),
    "awaiting it": ("await",),
    "arithmetic": (
        *_SYMBOLS, *(f"r{name}" for name in _SYMBOLS),
        "neg", "pos", "abs", "invert", "int", "float", "complex", "index", "round", "trunc",
        "floor", "ceil",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The stored state of an item of another flow, when this flow was declared.

    Attributes:
        reason: why there is no state, as the end of a sentence.
    """

    flow: FlowId
    state: State | None = field(compare=False)
    reason: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class StateReference:
    """A reference to a part of an item's state.

    Attributes:
        path: the field names from the state to the part; empty for the whole state.
        type: the declared type of the part.
        elsewhere: the source of the state, if the item belongs to another flow.
    """

    item: ItemId
    path: tuple[str, ...]
    type: object = field(compare=False)
    elsewhere: Elsewhere | None = None

    def __str__(self) -> str:
        """Return the stored form, such as `app_download.state.path`.

        With another flow: `flow.deploy.app_download.state.path`.
        """
        flow = () if self.elsewhere is None else ("flow", self.elsewhere.flow)
        return ".".join((*flow, self.item, "state", *self.path))


class MappedReference(msgspec.Struct, frozen=True, eq=False):
    """A value that a function computes from other values, once they are known.

    Attributes:
        name: the name under which the function is stored.
        arguments: values and references, in order.
        type: the declared return type of the function.
    """

    name: str
    function: Callable[..., object]
    arguments: tuple[object, ...]
    type: object

    def __str__(self) -> str:
        """Return the stored form, such as `url_of(app_download.state.path)`."""
        return f"{self.name}({', '.join(map(_argument_text, self.arguments))})"


Reference: TypeAlias = StateReference | MappedReference
"""The target of a reference object."""


def _argument_text(value: object) -> str:
    """Return an argument of a mapping function as text that can be read back."""
    reference = reference_of(value)
    if reference is not None:
        return str(reference)
    if is_secret(value):
        return SECRET_WORD
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value).items()
        inside = (f"{key_text(key)!r}: {_argument_text(part)}" for key, part in entries)
        return f"{{{', '.join(inside)}}}"
    if isinstance(value, (set, frozenset)):
        return f"[{', '.join(sorted(map(_argument_text, cast('set[object]', value))))}]"
    if isinstance(value, (list, tuple, deque)):
        return f"[{', '.join(map(_argument_text, cast('list[object]', value)))}]"
    return repr(plain_form(value))


class _ReferenceObject:
    """Placeholder in a flow for a value that is not known yet."""

    __slots__ = (_POINTS_TO,)

    _peaceful_points_to: Reference

    def __init__(self, points_to: Reference) -> None:
        object.__setattr__(self, _POINTS_TO, points_to)

    def __getattr__(self, name: str) -> _ReferenceObject:
        # Fields do not begin with `_`; other libraries look for such names to see what can be done.
        if name.startswith("_"):
            raise AttributeError(name)
        return _ReferenceObject(part_of(self._peaceful_points_to, name))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise ReferenceUsedAsValue(str(self._peaceful_points_to), f"setting its {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise ReferenceUsedAsValue(str(self._peaceful_points_to), f"deleting its {name!r}")

    def __repr__(self) -> str:
        return f"<reference {self._peaceful_points_to}>"

    def __hash__(self) -> int:
        return hash(id(self))

    # It never changes, so its copies are itself.

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[[Reference], object], tuple[Reference]]:
        return as_object, (self._peaceful_points_to,)


def _refusing(operation: str) -> Callable[..., NoReturn]:
    def refuse(self: _ReferenceObject, *_: object, **__: object) -> NoReturn:
        # Called as a method only, so `self` is one.
        raise ReferenceUsedAsValue(str(reference_of(self)), operation)

    return refuse


for _operation, _names in _OPERATIONS.items():
    for _name in _names:
        setattr(_ReferenceObject, f"__{_name}__", _refusing(_operation))


def part_of(whole: Reference, name: str) -> StateReference:
    """Return the reference to a field of what another reference points to.

    Raises `ReferenceInvalid` if there is no such field, `ReferenceUsedAsValue` if there are none.
    """
    structure = None if isinstance(whole, MappedReference) else structure_in(whole.type)
    if structure is None or isinstance(whole, MappedReference):
        raise ReferenceUsedAsValue(str(whole), f"reading its {name!r}")
    kind, fields = structure
    if name in fields:
        return replace(whole, path=(*whole.path, name), type=fields[name])
    if hasattr(kind, name):
        raise ReferenceUsedAsValue(str(whole), f"reading its {name!r}, which is no field,")
    raise ReferenceInvalid(
        f"{whole} has no field {name!r}.",
        details=((f"the fields of {kind.__name__}", ", ".join(fields) or "none"),),
        help="use one of these fields",
    )


def reference_of(value: object) -> Reference | None:
    """Return what a reference object points to, or `None` for any other value."""
    if type(value) is not _ReferenceObject:
        return None
    return cast(Reference, object.__getattribute__(value, _POINTS_TO))


def reference_to_state(item: ItemId, state_type: type[T], elsewhere: Elsewhere | None = None) -> T:
    """Return a reference to an item's state, which type checkers see as the state."""
    return cast(T, _ReferenceObject(StateReference(item, (), state_type, elsewhere)))


def as_object(reference: Reference) -> object:
    """Return a reference object that points to `reference`."""
    return _ReferenceObject(reference)


def mapped(name: str, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Return a reference to a value that a function computes from references, once these are known.

    ```python
    flow.add("greeting", TextFile(path=into, content=mapped("hello", hello, name.state.content)))
    ```

    Args:
        name: the function's name in stored parameters; must be unique within a flow.
        function: pure and quick; called with the arguments' values. May be a class, such as `str`.
        arguments: references and values, in the order of the function's parameters.

    Raises:
        DefinitionError: the name is not a Python identifier, or the function does not take the
            arguments.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise MappingInvalid(
            f"{name!r} cannot name a mapping function.",
            help="choose a name as Python allows it for a function",
        )
    if inspect.iscoroutinefunction(function):
        raise MappingInvalid(
            f"The mapping function {name} is `async`, and what it is called for cannot wait.",
            help="write it with `def`; let an item do what takes time",
        )
    _check_call(name, function, arguments)
    return cast(T, as_object(MappedReference(name, function, arguments, return_type(function))))


def return_type(function: Callable[..., object]) -> object:
    """Return the declared return type of a function, or `object`."""
    if isinstance(function, functools.partial):
        return return_type(cast("functools.partial[object]", function).func)
    if isinstance(function, type):
        return function
    return hints_of(_annotated(function)).get("return", object)


def parameter_types(function: Callable[..., object], count: int) -> Sequence[object | None]:
    """Return the declared types of a function's first parameters, `None` for undeclared ones."""
    hints = hints_of(_annotated(function))
    types: list[object | None] = []
    signature = _signature(function)
    for parameter in () if signature is None else signature.parameters.values():
        many = parameter.kind is parameter.VAR_POSITIONAL
        types += [hints.get(parameter.name)] * (count if many else 1)
    return [*types, *[None] * count][:count]


def _annotated(function: Callable[..., object]) -> object:
    """Return the object that carries the annotations of a callable."""
    if isinstance(function, functools.partial):
        return _annotated(cast("functools.partial[object]", function).func)
    if isinstance(function, type):
        return vars(function).get("__init__")
    if inspect.isroutine(function):
        return function
    return type(function).__call__


def _signature(function: Callable[..., object]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None  # A built-in function, which does not tell.


def _check_call(name: str, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    signature = _signature(function)
    try:
        if signature is not None:
            signature.bind(*arguments)
    except TypeError as error:
        raise MappingInvalid(
            f"The mapping function {name} cannot be called with what is given: {error}.",
            help="give one argument for each of its parameters",
        ) from error
