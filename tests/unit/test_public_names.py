"""What is public is what `__all__` says, everywhere."""

import ast
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from public_names import PACKAGES, public_names

import peaceful

MOST_NAMES = 170


def _public_modules() -> Iterator[str]:
    yield "peaceful"
    for module in pkgutil.walk_packages(peaceful.__path__, prefix="peaceful."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            yield module.name


PUBLIC_MODULES = list(_public_modules())


def _top_level(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported, those under `if` included."""
    for statement in statements:
        if isinstance(statement, ast.If):
            yield from _top_level([*statement.body, *statement.orelse])
        else:
            yield statement


def _bound_names(module: str) -> Iterator[tuple[str, str]]:
    """The names that a module defines or imports from this distribution, each with its source."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    for statement in _top_level(ast.parse(Path(spec.origin).read_text()).body):
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, module
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, module
            case ast.Assign(targets=targets):
                yield from ((t.id, module) for t in targets if isinstance(t, ast.Name))
            case ast.ImportFrom(module=str(source), names=aliases) if (
                source.split(".")[0] == "peaceful"
            ):
                yield from ((alias.asname or alias.name, source) for alias in aliases)
            case _:
                pass


def _is_public(name: str) -> bool:
    if name == "TYPE_CHECKING":  # Only type checkers read it.
        return False
    return not name.startswith("_") or name == "__version__"


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_all_names_what_is_public(module: str) -> None:
    """`__all__` lists each name once that a module defines, or a package takes from inside it.

    A package may hand on names of other packages too. Nothing else is listed.
    """
    listed: list[str] = importlib.import_module(module).__all__
    bound = {name: source for name, source in _bound_names(module) if _is_public(name)}
    is_package = hasattr(importlib.import_module(module), "__path__")
    expected = {
        name
        for name, source in bound.items()
        if source == module or (is_package and source.startswith(f"{module}."))
    }

    assert len(listed) == len(set(listed))
    assert expected - set(listed) == set()
    assert set(listed) - set(bound) == set()


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_what_all_names_is_there(module: str) -> None:
    """Each name in `__all__` can be imported, also where it is only loaded when asked for."""
    namespace = importlib.import_module(module)

    missing = [name for name in namespace.__all__ if not hasattr(namespace, name)]

    assert missing == []


def test_few_names_are_public() -> None:
    """What is promised can be learned, and kept: who adds a name looks for one to take away."""
    names = {name for package in PACKAGES for name in public_names(package)}

    assert len(names) <= MOST_NAMES
