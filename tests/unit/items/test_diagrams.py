"""What diagrams are made from: which places items touch, and what states may look like."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from peaceful import Flow, Interaction, Location, Pull, State, Within, mapped
from peaceful._item.item import AnyItem
from peaceful._item.resolution import example_of
from peaceful.items import Blank, FileDownload, ShCmd, TarExtract

HERE = Location.host("localhost")


@pytest.mark.parametrize(
    ("item", "interaction"),
    [
        (Blank(path=Path("f"), lines=()), Within(Location.path("f", HERE))),
        (
            FileDownload(src=SecretStr("https://me:pw@files.example:8/a/f?sig=1"), dest=Path("f")),
            Pull(Location.path("f", HERE), Location.path("/a/f", Location.host("files.example:8"))),
        ),
        (
            TarExtract(tar_path=Path("a.tar"), dest=Path("out")),
            Pull(Location.path("out", HERE), Location.path("a.tar", HERE)),
        ),
        (ShCmd(check="true", apply="true"), Within(HERE)),
        (ShCmd(check="true", apply="true", cwd=Path("d")), Within(Location.path("d", HERE))),
    ],
)
def test_interactions_name_places_without_secrets(item: AnyItem, interaction: Interaction) -> None:
    """Hosts, paths, and which way things go."""
    assert tuple(item.interactions()) == (interaction,)


def test_examples_need_nothing_that_is_not_there() -> None:
    """A flow can be drawn before anything exists, from the examples of the items before."""
    flow = Flow("f")
    url = flow.add("url", ShCmd(current="echo", goal="echo", apply="true"))
    src = mapped("src", str, url.state.stdout)
    one = flow.add("one", FileDownload(src=src, dest=Path("f")))
    flow.add("two", TarExtract(tar_path=one.state.path, dest=Path("out")))
    examples: dict[str, State] = {}
    interactions: dict[str, tuple[Interaction, ...]] = {}
    for name, declared in flow.build().items.items():
        item = example_of(declared.item, examples.get)
        examples[name] = item.state_example()
        interactions[name] = tuple(item.interactions())

    assert str(examples["two"]) == "1 file, 1.0 MB"
    assert interactions["one"] == (Pull(Location.path("f", HERE), Location.host("example output")),)
    assert interactions["two"] == (Pull(Location.path("out", HERE), Location.path("f", HERE)),)


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (Blank(path=Path("f"), lines=()), "1 line"),
        (FileDownload(src="https://files.example/", dest=Path("f")), "5.0 MB"),
        (TarExtract(tar_path=Path("a.tar"), dest=Path("out")), "1 file, 1.0 MB"),
        (ShCmd(check="true", apply="true"), "as it should be"),
        (ShCmd(current="x", goal="y", apply="true"), "example output"),
    ],
)
def test_examples_are_such_as_could_be(item: AnyItem, shown: str) -> None:
    """They are shown as real states are."""
    assert str(item.state_example()) == shown
