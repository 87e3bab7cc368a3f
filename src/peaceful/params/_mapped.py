"""Mapping functions: values computed from references, once these are known."""

from __future__ import annotations

import functools
import inspect
import keyword
from collections.abc import Callable, Sequence
from typing import TypeVar, TypeVarTuple, cast

from peaceful.errors import MappingInvalid
from peaceful.params._reference import MappedReference, as_object
from peaceful.params._types import hints_of

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def mapped(name: str, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """A value computed from references, once these are known.

    ```python
    flow.add("greeting", TextFile(path=into, content=mapped("hello", hello, name.state.content)))
    ```

    Args:
        name: the function's name in what is stored; one name for one function within a flow.
        function: pure and quick; called with the arguments' values. A class will do, such as `str`.
        arguments: references, and values, in the order of the function's parameters.

    Raises:
        MappingInvalid: the name is not a Python identifier, or the function cannot be called so.
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
    """What a function is declared to return; `object` where it does not say."""
    if isinstance(function, functools.partial):
        return return_type(cast("functools.partial[object]", function).func)
    if isinstance(function, type):
        return function
    return hints_of(_annotated(function)).get("return", object)


def parameter_types(function: Callable[..., object], count: int) -> Sequence[object | None]:
    """What a function declares its first parameters to be; none where it says nothing."""
    hints = hints_of(_annotated(function))
    types: list[object | None] = []
    for parameter in _signature(function):
        many = parameter.kind is parameter.VAR_POSITIONAL
        types += [hints.get(parameter.name)] * (count if many else 1)
    return [*types, *[None] * count][:count]


def _annotated(function: Callable[..., object]) -> object:
    """The thing that bears the annotations of a callable."""
    if isinstance(function, functools.partial):
        return _annotated(cast("functools.partial[object]", function).func)
    if isinstance(function, type):
        return vars(function).get("__init__")
    if inspect.isroutine(function):
        return function
    return type(function).__call__


def _signature(function: Callable[..., object]) -> Sequence[inspect.Parameter]:
    try:
        return tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ()  # A built-in function, which does not tell.


def _check_call(name: str, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # A built-in function, which does not tell.
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise MappingInvalid(
            f"The mapping function {name} cannot be called with what is given: {error}.",
            help="give one argument for each of its parameters",
        ) from error
