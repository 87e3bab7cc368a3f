"""Reading stored states, also those that an earlier version of their class has stored."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, cast
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from peaceful._annotations import is_secret_type
from peaceful._errors.base import described, raised_at
from peaceful._errors.usage import DefinitionError
from peaceful._item.readable import says_the_same
from peaceful._model.codec import JsonValue
from peaceful._model.state import State
from peaceful._params.masking import problems_in
from peaceful._params.plain import plain_form
from peaceful._user_code import OwnProcess, is_ctrl_c

S = TypeVar("S", bound=State)

Upgrade: TypeAlias = Callable[[dict[str, Any]], "Mapping[str, Any] | State"]
"""Takes what one version stored, as plain data. (Any: a value as JSON and YAML know it.)"""

F = TypeVar("F", bound=Upgrade)

_Function: TypeAlias = Callable[[dict[str, Any]], object]
"""One that may return anything. (Any: as above.)"""

_UPGRADES: Final[WeakKeyDictionary[type[State], dict[int, _Function]]] = WeakKeyDictionary()
"""By class and the version that they upgrade from."""


def upgrades(state_type: type[State], *, from_version: int) -> Callable[[F], F]:
    """Register a function that upgrades stored states of one version to the next.

    ```python
    class PageState(State):
        state_version = 2

        text: str | None


    @upgrades(PageState, from_version=1)
    def _lines_are_one_text(old: dict[str, Any]) -> dict[str, Any]:
        lines = old["lines"]
        return {"text": None if lines is None else ", ".join(lines)}
    ```

    It takes the fields of the stored state as plain data, and returns those of the next version, or
    a state of that version. A state of version 1 gets to version 3 by one function after the other;
    a version without a function is taken as the next one, if it fits it exactly.

    Args:
        state_type: the class of the state, as it is now.
        from_version: the `state_version` with which the states were stored.

    Raises:
        DefinitionError: the class has no later version, or another function for this one; or the
            function is not a plain one.
    """
    if not _is_state_class(state_type):
        raise DefinitionError(
            f"upgrades() takes the class of a state, not {state_type!r}.",
            help="write @upgrades(TheState, from_version=1) above the function",
        )
    if type(from_version) is not int or from_version >= state_type.state_version:
        raise DefinitionError(
            f"Nothing leads on from version {from_version!r} of {state_type.__name__}: "
            f"it is of version {state_type.state_version}.",
            help=f"give an earlier version, or raise {state_type.__name__}.state_version",
        )

    def register(function: F) -> F:
        if inspect.iscoroutinefunction(function) or not callable(function):
            raise DefinitionError(
                f"{_name(function)} cannot upgrade {state_type.__name__}: "
                "it takes a plain function, without `async`.",
                help="write it as a plain function from old fields to new ones",
            )
        known = _UPGRADES.setdefault(state_type, {})
        if from_version in known:
            raise DefinitionError(
                f"Two functions upgrade {state_type.__name__} from version {from_version}: "
                f"{_name(known[from_version])} and {_name(function)}.",
                help="keep one of them",
            )
        known[from_version] = function
        return function

    return register


class Reading(NamedTuple):
    """What a stored state says by the class of today.

    Attributes:
        state: the state, or None.
        note: what people should know: that it was upgraded, or why it could not be read. Empty if
            there is nothing to say.
    """

    state: State | None
    note: str = ""


def read_state(state_type: type[State], version: int, stored: JsonValue) -> Reading:
    """Return a stored state of any version as one of today's class, or why that is not possible."""
    now = state_type.state_version
    try:
        if version == now:
            return Reading(_validated(state_type, stored))
        if version > now:
            raise _Unreadable("a later version of the application wrote it")
        state = _upgraded(state_type, version, stored)
    except _Unreadable as error:
        if version == now:
            # A state with a secret, which is not stored, is not expected to be readable.
            fields = state_type.model_fields.values()
            if any(is_secret_type(field.annotation) for field in fields):
                return Reading(None)
            return Reading(None, f"it does not fit {state_type.__name__}: {error}")
        whose = f"version {version} of {state_type.__name__}, which is of version {now} here"
        return Reading(None, f"it was stored by {whose}: {error}")
    return Reading(state, f"upgraded from version {version} to {now}")


class _Unreadable(Exception):
    """A stored state that cannot be read; the text says why."""


def _upgraded(state_type: type[State], version: int, stored: JsonValue) -> State:
    """Return a state of an earlier version as one of today's, or raise `_Unreadable`."""
    known = _UPGRADES.get(state_type, {})
    now, plain = state_type.state_version, stored
    for step in range(version, now):
        function = known.get(step)
        if function is None:
            continue
        result = _called(function, step, state_type, plain)
        if step == now - 1:
            return result if isinstance(result, state_type) else _by(function, state_type, result)
        plain = _plain(function, result)
    try:
        state = _validated(state_type, plain)
    except _Unreadable as error:
        raise _Unreadable(f"{_no_function(known, version, now)}, and {error}") from None
    if not says_the_same(plain, plain_form(state)):
        raise _Unreadable(
            f"{_no_function(known, version, now)}, and its fields would be read as others"
        )
    return state


def _no_function(known: Mapping[int, _Function], version: int, now: int) -> str:
    missing = next(step for step in reversed(range(version, now)) if step not in known)
    return f"no function upgrades it from version {missing}"


def _called(
    function: _Function, step: int, state_type: type[State], plain: JsonValue
) -> Mapping[str, object] | State:
    if not isinstance(plain, Mapping):
        raise _Unreadable("it is not a mapping of fields")
    try:
        with OwnProcess():
            # A copy, because what is stored is kept: the function may change what it gets.
            result = function(copy.deepcopy(dict(plain)))
    except BaseException as error:  # the developer's function may raise anything
        if is_ctrl_c(error):
            raise
        place = raised_at(error)
        where = f" ({place})" if place else ""
        raise _Unreadable(f"{_name(function)} failed: {described(error)[0]}{where}") from error
    if isinstance(result, State) and type(result).state_version == step + 1:
        return result
    if isinstance(result, Mapping):
        return cast("Mapping[str, object]", result)
    what = type(result).__name__
    if isinstance(result, State):
        what = f"{what} of version {type(result).state_version}"
    raise _Unreadable(
        f"{_name(function)} returned {what}, not the fields of version {step + 1} "
        f"of {state_type.__name__}"
    )


def _by(
    function: _Function, state_type: type[State], result: Mapping[str, object] | State
) -> State:
    """Return what the last function returned as a state."""
    fields = _plain(function, result) if isinstance(result, State) else result
    try:
        return _validated(state_type, fields)
    except _Unreadable as error:
        raise _Unreadable(f"what {_name(function)} returned does not fit: {error}") from None


def _plain(function: _Function, result: Mapping[str, object] | State) -> JsonValue:
    try:
        return plain_form(result)
    except DefinitionError as error:
        reason = f"what {_name(function)} returned cannot be stored: {error.message}"
        raise _Unreadable(reason) from None


def _validated(state_type: type[S], fields: object) -> S:
    try:
        return state_type.model_validate(fields)
    except ValidationError as error:
        problems = problems_in(error, state_type)
        said = "; ".join(f"{field}: {reason}" if field else reason for field, reason in problems)
        raise _Unreadable(said) from None
    except Exception as error:
        raise _Unreadable(described(error)[0]) from error


def _is_state_class(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, State)


def _name(function: object) -> str:
    module = getattr(function, "__module__", "")
    return f"{module}.{getattr(function, '__qualname__', repr(function))}"
