"""Diagrams of flows, over HTTP."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from peaceful import App, Flow
from peaceful.items.blank import Blank

PATH = "/api/flows/make/graph"
NODE = "{http://www.w3.org/2000/svg}g"


@pytest.mark.parametrize("kind", ["progress", "outcome"])
async def test_a_diagram_is_a_picture(site: Any, kind: str) -> None:
    """Shown in the browser, and saved under a name that says what it is."""
    answer = await site.client.get(PATH, params={"kind": kind, "format": "svg"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == f'inline; filename="make-{kind}.svg"'
    groups = ET.fromstring(answer.content).iter(NODE)
    items = [each.get("data-item") for each in groups if each.get("data-item")]
    assert items == ["a", "b", "c"]


@pytest.mark.parametrize("kind", ["progress", "outcome"])
async def test_a_diagram_is_text_for_graphviz(site: Any, kind: str) -> None:
    """Under its own media type."""
    answer = await site.client.get(PATH, params={"kind": kind, "format": "dot"})
    assert answer.headers["content-type"] == "text/vnd.graphviz; charset=utf-8"
    assert answer.text.startswith('digraph "make: what ')


async def test_a_picture_shows_how_an_execution_stood(site: Any) -> None:
    """Each item with its status."""
    execution_id = await site.started(only=["a"])
    await site.ended(execution_id)
    asked = {"execution": execution_id, "format": "svg"}
    answer = await site.client.get(PATH, params=asked)
    groups = ET.fromstring(answer.content).iter(NODE)
    found = {each.get("data-item"): each.get("data-status") for each in groups}
    assert (found["a"], found["b"], found["c"]) == ("done", "not_started", "not_started")


async def test_places_are_told_as_data(site: Any) -> None:
    """With what each item does, and which say nothing of places."""
    app: App = site.app

    @app.flow("write")
    def write(flow: Flow) -> None:
        """Writes a file."""
        flow.add("first", Blank(path=site.folder / "a" / "first", lines=("x",)))
        flow.add("second", Blank(path=site.folder / "a" / "second", lines=("x",)))

    graph = await site.get("/api/flows/write/graph", kind="outcome")
    places = {place["id"]: place for place in graph["places"]}
    assert [place["kind"] for place in places.values()] == ["host", "path", "path", "path"]
    first, second = graph["acts"]
    assert first["item"] == "first"
    assert first["source"] == first["target"]
    place = places[second["target"]]
    assert (place["name"], place["by_example"]) == ("second", True)
    assert places[place["inside"]]["name"].endswith("/a")
    assert (await site.get(PATH, kind="outcome"))["without_places"] == dict.fromkeys("abc", "")


@pytest.mark.parametrize("wrong", [{"kind": "sculpture"}, {"format": "png"}])
async def test_only_what_is_known_can_be_asked_for(site: Any, wrong: dict[str, str]) -> None:
    """Anything else is said to be wrong, with what there is."""
    answer = await site.client.get(PATH, params=wrong)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] in wrong


async def test_what_is_too_large_to_draw_is_still_there_as_text(site: Any) -> None:
    """The answer says so."""
    app: App = site.app

    @app.flow("many")
    def many(flow: Flow) -> None:
        """Has many items."""
        for at in range(401):
            flow.add(f"item_{at}", Blank(path=site.folder / "x", lines=("x",)))

    path = "/api/flows/many/graph"
    answer = await site.client.get(path, params={"format": "svg"})
    assert (answer.status_code, answer.json()["code"]) == (422, "DIAGRAM-TOO-LARGE")
    answer = await site.client.get(path, params={"format": "dot"})
    assert answer.text.count("label=") == 402
