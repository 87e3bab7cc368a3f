"""The names that users may import: those in the `__all__` of each public package."""

from __future__ import annotations

import importlib

PACKAGES = (
    "peaceful",
    "peaceful.commands",
    "peaceful.errors",
    "peaceful.interrupt",
    "peaceful.interrupt.os_signals",
    "peaceful.items",
    "peaceful.items.aws",
    "peaceful.testing",
)


def public_names(package: str) -> dict[str, object]:
    """Return the public names of a package, with what they are."""
    namespace = importlib.import_module(package)
    names: list[str] = namespace.__all__
    return {name: getattr(namespace, name) for name in names}
