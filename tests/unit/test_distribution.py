"""What an installer learns of the distribution is what the code needs and is."""

from importlib import metadata

import pytest
from packaging.requirements import Requirement

import peaceful

EXTRAS = {"aws", "archive", "cli", "fleet", "http", "otel", "secrets", "ssh", "web"}


def _asked_for(extra: str) -> list[Requirement]:
    """The requirements that an extra adds; those of the package itself for an empty name."""
    requirements = [Requirement(text) for text in metadata.requires("peaceful") or ()]
    return [
        one
        for one in requirements
        if ("extra ==" in str(one.marker)) is bool(extra)
        and (one.marker is None or one.marker.evaluate({"extra": extra}))
    ]


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
