"""Lazy loading of a package's names (PEP 562)."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # As in `typing`, which takes longer to load than all of this.
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def late(namespace: dict[str, object], homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return a package's `__getattr__`, which loads its names when they are used.

    Args:
        namespace: the package's `globals()`.
        homes: the module of each name.
    """

    def load(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        __import__(home)  # Not by `importlib`, which is loaded late, too.
        value = namespace[name] = getattr(sys.modules[home], name)
        return value

    return load
