"""What an installer learns of the distribution is what the code needs and is."""

import ast
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import peaceful

EXTRAS = {"aws", "archive", "cli", "http", "otel", "secrets", "web"}


def _asked_for(extra: str) -> list[Requirement]:
    """The requirements that an extra adds; those of the package itself for an empty name."""
    requirements = [Requirement(text) for text in metadata.requires("peaceful") or ()]
    return [
        one
        for one in requirements
        if ("extra ==" in str(one.marker)) is bool(extra)
        and (one.marker is None or one.marker.evaluate({"extra": extra}))
    ]


def _imported() -> set[str]:
    """The top-level packages that some line of the package imports."""
    return {
        name.partition(".")[0]
        for file in Path(peaceful.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _names(node)
    }


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=aliases):
            yield from (alias.name for alias in aliases)
        case ast.ImportFrom(module=str(source)):
            yield source
        case ast.Call(
            func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(source))]
        ):
            yield source
        case _:
            pass


def test_the_version_is_one() -> None:
    """The package's version is the distribution's."""
    assert peaceful.__version__ == metadata.version("peaceful")


def test_types_are_offered() -> None:
    """The distribution says that its types may be used."""
    assert "Typing :: Typed" in metadata.metadata("peaceful").get_all("Classifier", [])


def test_extras_are_as_documented() -> None:
    """There is an extra for each part that needs more, and `all` is all of them."""
    assert set(metadata.metadata("peaceful").get_all("Provides-Extra", [])) == {*EXTRAS, "all"}
    of_parts = {(one.name, str(one.specifier)) for extra in EXTRAS for one in _asked_for(extra)}
    assert {(one.name, str(one.specifier)) for one in _asked_for("all")} == of_parts


@pytest.mark.parametrize("extra", ["", *sorted(EXTRAS)])
def test_locked_packages_are_those_asked_for(extra: str) -> None:
    """What is installed from the locks is what the distribution asks for, extra by extra."""
    for requirement in _asked_for(extra):
        assert metadata.version(requirement.name) in requirement.specifier


def test_what_is_asked_for_is_used() -> None:
    """The distribution asks for nothing that no line of the package imports."""
    imported = _imported()
    provided_by = {
        package: {name.lower() for name in names}
        for package, names in metadata.packages_distributions().items()
    }
    used = {name for package in imported for name in provided_by.get(package, ())}
    asked = {one.name.lower() for extra in ("", *EXTRAS) for one in _asked_for(extra)}
    assert asked <= used
