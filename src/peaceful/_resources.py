"""A typed map with scopes."""

from __future__ import annotations

from threading import Lock
from typing import TypeVar, cast, overload

from peaceful._errors.usage import ResourceMissing

T = TypeVar("T")


class Resources:
    """A map from a type to its one value, with nested scopes.

    A scope sees the values of those around it, and writes only to itself. The idea comes from
    Rust's `resman` and `anymap` crates.

    Reading takes no lock and may happen in any thread while another one writes: the values are a
    dictionary that is replaced, never changed. So inserting takes time in proportion to the scope.
    """

    __slots__ = ("_lock", "_parent", "_values")

    def __init__(self, parent: Resources | None = None) -> None:
        self._parent = parent
        self._values: dict[type[object], object] = {}
        self._lock = Lock()

    def child(self) -> Resources:
        """Return a new scope inside this one."""
        return Resources(self)

    @overload
    def insert(self, value: object) -> None: ...
    @overload
    def insert(self, value: T, kind: type[T]) -> None: ...

    def insert(self, value: object, kind: type[object] | None = None) -> None:
        """Put a value into this scope, in place of one of the same type.

        Args:
            value: the value.
            kind: the type to find it by; by default, the value's own. Pass a base class or a
                protocol if that is what will be asked for.
        """
        found_by = type(value) if kind is None else kind
        with self._lock:
            self._values = {**self._values, found_by: value}

    def get(self, kind: type[T]) -> T:
        """Return the value of exactly that type, from the innermost scope that has one.

        Raises:
            ResourceMissing: no scope has one.
        """
        if kind in self._values:
            # A value is kept under its own type or one that `insert` was told it has.
            return cast("T", self._values[kind])
        if self._parent is not None and kind in self._parent:
            return self._parent.get(kind)
        raise ResourceMissing(_name(kind), sorted(map(_name, self.kinds())))

    def try_get(self, kind: type[T]) -> T | None:
        """Return the value of exactly that type, or `None`."""
        return self.get(kind) if kind in self else None

    def __contains__(self, kind: type[object]) -> bool:
        """Return whether this scope or one around it has a value of exactly that type."""
        return kind in self._values or (self._parent is not None and kind in self._parent)

    def kinds(self) -> frozenset[type[object]]:
        """Return the types that this scope and those around it have values of."""
        around = () if self._parent is None else self._parent.kinds()
        return frozenset((*around, *self._values))


def _name(kind: type[object]) -> str:
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
