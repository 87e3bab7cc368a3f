"""Diagrams of flows, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import pytest

from peaceful import App, Flow, Interaction, Item, ItemCtx, Location, State, Within
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


class Asked(Item[State]):
    """Touches as many places as it is told, and counts how often it is asked for them."""

    times: ClassVar[int] = 0
    places: int = 1

    def state_current(self, ctx: ItemCtx) -> State:
        """Nothing."""
        return State()

    def state_goal(self, ctx: ItemCtx) -> State:
        """Nothing."""
        return State()

    def apply(self, ctx: ItemCtx, current: State, goal: State) -> State:
        """Does nothing."""
        return goal

    def interactions(self) -> Sequence[Interaction]:
        """Counts."""
        Asked.times += 1
        return [Within(Location.host(f"host_{number}")) for number in range(self.places)]


def asking(site: Any, items: int, places: int) -> str:
    """A flow of such items; the path of its diagram."""
    app: App = site.app

    @app.flow("many")
    def many(flow: Flow) -> None:
        """Has many items."""
        for at in range(items):
            flow.add(f"item_{at}", Asked(places=places))

    Asked.times = 0
    return "/api/flows/many/graph"


@pytest.mark.parametrize("kind", ["progress", "outcome"])
async def test_what_is_too_large_to_draw_is_still_there_as_text(site: Any, kind: str) -> None:
    """The answer says so, before any item is asked for anything."""
    path = asking(site, 401, 1)
    answer = await site.client.get(path, params={"format": "svg", "kind": kind})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "DIAGRAM-TOO-LARGE")
    assert "401 boxes" in problem["detail"]
    assert "format=dot" in problem["help"]
    assert Asked.times == 0
    answer = await site.client.get(path, params={"format": "dot", "kind": kind})
    assert answer.text.count("label=") == (402 if kind == "progress" else 403)


async def test_places_are_counted_while_items_are_asked(site: Any) -> None:
    """As soon as they are too many, the others are not asked any more."""
    path = asking(site, 300, 100)
    answer = await site.client.get(path, params={"format": "svg", "kind": "outcome"})
    assert (answer.status_code, answer.json()["code"]) == (422, "DIAGRAM-TOO-LARGE")
    assert Asked.times == 5


@pytest.mark.parametrize("kind", ["progress", "outcome"])
async def test_a_page_says_for_people_that_something_is_too_large(site: Any, kind: str) -> None:
    """Not how programs ask for it; the rest of the page is there."""
    asking(site, 401, 1)
    for path in ("/flows/many?profile=dev", f"/profiles/dev/many?kind={kind}"):
        page = await site.client.get(path, headers={"accept": "text/html"})
        assert page.status_code == 200
        said = "many is too large to draw: it would take at least 401 boxes"
        assert page.text.count(said) == (2 if "flows" in path else 1)
        assert "format=" not in page.text


@pytest.fixture
def without_graphviz(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> Path:
    """A folder that hides Graphviz: what is in it is loaded in its place."""
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "pygraphviz.py").write_text("raise ModuleNotFoundError('No such module')")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.mark.parametrize("kind", ["progress", "outcome"])
async def test_without_graphviz_all_but_the_picture_is_there(
    site: Any, without_graphviz: Path, kind: str
) -> None:
    """For programs, with a code and what to do."""
    answer = await site.client.get(PATH, params={"kind": kind, "format": "svg"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (501, "EXTRA-MISSING")
    assert "peaceful[web]" in problem["help"]
    for form in ("dot", "json"):
        answer = await site.client.get(PATH, params={"kind": kind, "format": form})
        assert answer.status_code == 200


async def test_without_graphviz_pages_list_the_items_by_layers(
    site: Any, without_graphviz: Path
) -> None:
    """And say how to get diagrams; places are listed, too."""
    execution_id = await site.started()
    await site.ended(execution_id)
    for path in ("/flows/make?profile=dev", f"/executions/{execution_id}"):
        page = await site.client.get(path, headers={"accept": "text/html"})
        text = unescape(page.text)
        assert "<svg xmlns" not in text
        assert "needs the Python package 'pygraphviz', which is not installed." in text
        assert 'To get diagrams, install it with: pip install "peaceful[web]".' in text
        layers = text.partition('<ol class="layers"')[2].partition("</ol>")[0]
        rows = re.findall(r'href="#row-(\w)"', layers)
        assert sorted(rows) == ["a", "b", "c"]
        assert layers.count("<ul>") == 2
        assert layers.index("#row-a") < layers.rindex("<ul>") < layers.index("#row-b")
    page = await site.client.get("/flows/make?profile=dev", headers={"accept": "text/html"})
    places = page.text.partition('<ul class="places"')[2]
    assert "declares no place" in places
    assert 'href="#row-c"' in places


async def test_a_broken_graphviz_is_no_matter_to_the_rest(
    site: Any, without_graphviz: Path
) -> None:
    """Whatever becomes of it: the page shows the items, and says what happened."""
    (without_graphviz / "pygraphviz.py").write_text("import os; os.abort()")
    page = await site.client.get("/flows/make?profile=dev", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "The diagram could not be drawn: Graphviz crashed." in page.text
    assert '<ol class="layers"' in page.text
    answer = await site.client.get(PATH, params={"format": "svg"})
    assert (answer.status_code, answer.json()["code"]) == (500, "DIAGRAM-FAILED")
    (detail,) = answer.json()["details"]
    assert "exit code -6" in detail["text"]


async def test_how_items_stand_does_not_lay_out_again(site: Any, without_graphviz: Path) -> None:
    """Statuses are painted on what was laid out before."""
    (without_graphviz / "pygraphviz.py").unlink()
    before = await site.client.get(PATH, params={"format": "svg"})
    execution_id = await site.started()
    await site.ended(execution_id)
    (without_graphviz / "pygraphviz.py").write_text("raise ModuleNotFoundError('Not again')")
    asked = {"format": "svg", "execution": execution_id}
    after = await site.client.get(PATH, params=asked)
    assert after.status_code == 200
    assert before.text != after.text
    assert 'data-item="a" data-status="done"' in after.text


async def test_hostile_names_of_places_stay_text(site: Any) -> None:
    """In pages as in pictures."""
    app: App = site.app
    names = ('"', "<b>bold</b>", "\\N", "a\nb", "<script>x</script>", "Grüße 世界", "x" * 3000)

    class Hostile(Asked):
        def interactions(self) -> Sequence[Interaction]:
            """Everywhere."""
            return [Within(Location.host(name)) for name in names]

    @app.flow("hostile")
    def hostile(flow: Flow) -> None:
        """Has one."""
        flow.add("item", Hostile())

    path = "/api/flows/hostile/graph"
    answer = await site.client.get(path, params={"kind": "outcome", "format": "svg"})
    titles = [
        each.text for each in ET.fromstring(answer.content).iter(NODE.replace("}g", "}title"))
    ]
    for name in names:
        assert name.replace("\n", "\ufffd") in titles
    page = await site.client.get("/flows/hostile?profile=dev", headers={"accept": "text/html"})
    assert "<script>x" not in page.text
    assert "<b>bold" not in page.text
