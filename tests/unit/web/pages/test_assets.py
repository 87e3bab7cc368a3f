"""The files that pages are made with."""

from __future__ import annotations

import gzip
import hashlib
import re
import tomllib
from importlib.resources import files

import pytest

from peaceful._web.pages.site import Site, assets
from peaceful.commands import ExecutionState

FOLDER = files("peaceful._web.pages") / "static"
VENDORED = tomllib.loads((FOLDER / "vendored.toml").read_text())["file"]
OURS = ("peaceful.css", "peaceful.js")


@pytest.mark.parametrize("file", VENDORED, ids=lambda file: file["name"])
def test_what_is_not_ours_is_as_published(file: dict[str, str]) -> None:
    """Byte for byte, with its licence beside it."""
    assert hashlib.sha256((FOLDER / file["name"]).read_bytes()).hexdigest() == file["sha256"]
    assert "Permission to use" in (FOLDER / file["licence"]).read_text()


def test_nothing_else_is_there() -> None:
    """Every script is ours, or is told of."""
    known = {*OURS, *(file["name"] for file in VENDORED)}
    there = {each.name for each in FOLDER.iterdir() if each.name.endswith((".js", ".css"))}
    assert there == known


def test_an_address_says_what_is_there() -> None:
    """What is at an address never changes, so browsers may keep it."""
    asset = assets()["peaceful.css"]
    assert re.fullmatch(r"peaceful\.[\w-]{10}\.css", asset.name)
    assert gzip.decompress(asset.packed) == asset.data
    assert Site("app").asset("peaceful.css") == f"/static/{asset.name}"
    assert "peaceful.css" not in {each.name for each in assets().values()}


def test_every_state_has_an_icon() -> None:
    """Each its own; and one for pages without an execution."""
    site = Site("app")
    addresses = {site.icon(state.value) for state in ExecutionState}
    assert len(addresses) == len(ExecutionState)
    assert site.icon("idle") not in addresses


@pytest.mark.parametrize("name", OURS)
def test_nothing_is_asked_of_others(name: str) -> None:
    """No address of another machine is in what pages load."""
    text = (FOLDER / name).read_text()
    assert "://" not in text
    assert "eval(" not in text
