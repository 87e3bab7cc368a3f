"""Names of a package that are loaded when they are used (PEP 562)."""

from collections.abc import Callable, Mapping
from importlib import import_module


def late(namespace: dict[str, object], homes: Mapping[str, str]) -> Callable[[str], object]:
    """What a package calls `__getattr__`, so that its names are loaded when they are used.

    Args:
        namespace: the package's `globals()`.
        homes: by name, the module that it is in.
    """

    def load(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        value = namespace[name] = getattr(import_module(home), name)
        return value

    return load
