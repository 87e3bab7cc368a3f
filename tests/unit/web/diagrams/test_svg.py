"""Diagrams as SVG."""

from __future__ import annotations

import re
from importlib.resources import files
from xml.etree import ElementTree as ET

import pytest
from diagram_checks import stacked
from hypothesis import given
from hypothesis import strategies as st

from peaceful._web.diagrams.drawing import STATUSES, Box, Drawing, Layout, Line
from peaceful._web.diagrams.plan import Link, Look, Plan, PlanNode
from peaceful._web.http.documents import ItemWord

NAME = "{http://www.w3.org/2000/svg}"

PLAN = Plan(
    "deploy",
    "what waits for what",
    (
        PlanNode("download", "download", item="download"),
        PlanNode("bucket", "bucket", item="bucket"),
        PlanNode("object", "object", "bucket", item="object"),
    ),
    (Link("download", "object"), Link("bucket", "object")),
)


def drawn(
    plan: Plan = PLAN,
    statuses: dict[str, str] | None = None,
    *,
    in_page: bool = True,
    kind: str = "progress",
) -> str:
    """A diagram, in a layout that is of no matter here."""
    return Drawing(kind, plan, stacked(plan), statuses or {}, in_page).svg()


def parsed(statuses: dict[str, str] | None = None, *, in_page: bool = True) -> ET.Element:
    """The elements of a diagram."""
    return ET.fromstring(drawn(PLAN, statuses, in_page=in_page))


def test_a_diagram_tells_what_it_is() -> None:
    """In a title and in words, for those who do not see it."""
    root = parsed()
    assert (root.get("class"), root.get("role")) == ("diagram", "group")
    title, told = root.find(f"{NAME}title"), root.find(f"{NAME}desc")
    assert title is not None
    assert told is not None
    assert root.get("aria-labelledby") == title.get("id") == "progress-title"
    assert root.get("aria-describedby") == told.get("id")
    assert title.text == "deploy: what waits for what"
    assert told.text == "3 things; object in bucket, after download."
    assert parsed(in_page=False).get("role") == "img"


def test_a_diagram_is_as_large_as_its_text_needs() -> None:
    """Text is as high as that of the page beside it, however much there is."""
    root = parsed()
    layout = stacked(PLAN)
    assert (root.get("width"), root.get("height")) == (f"{layout.width}", f"{layout.height}")
    assert root.get("viewBox") == f"0 0 {layout.width} {layout.height}"
    assert root.get("font-size") == "12"


def test_each_item_is_a_group_with_its_status() -> None:
    """In a link to its row of the page's table."""
    links = {link.get("href"): link for link in parsed().iter(f"{NAME}a")}
    assert set(links) == {"#row-download", "#row-bucket", "#row-object"}
    (group,) = links["#row-object"]
    assert (
        group.attrib.items()
        >= {
            "class": "node item",
            "id": "node-object",
            "data-item": "object",
            "data-status": "pending",
        }.items()
    )
    assert group.find(f"{NAME}rect") is not None
    assert group.findtext(f"{NAME}text") == group.findtext(f"{NAME}title") == "object"


def test_the_name_of_what_holds_others_stands_before_the_arrows() -> None:
    """These cross it: so it comes after them, on a ground of its own, and leads nowhere itself."""
    root = parsed({"bucket": "done"})
    (link,) = (link for link in root.iter(f"{NAME}a") if link.get("href") == "#row-bucket")
    (group,) = link
    assert (group.get("class"), group.get("id")) == ("node item container", "node-bucket")
    assert group.find(f"{NAME}text") is None
    parts = [each.get("class") for each in root if each.tag == f"{NAME}g"]
    assert parts == ["containers", "frames", "edges", "titles", "nodes"]
    (title,) = next(each for each in root if each.get("class") == "titles")
    assert (title.get("class"), title.get("id")) == ("node item title", None)
    assert (title.get("data-item"), title.get("data-status")) == ("bucket", "done")
    assert [each.tag.removeprefix(NAME) for each in title] == ["rect", "svg", "text"]


def test_each_arrow_says_from_where_to_where() -> None:
    """What is in a box needs no arrow from it."""
    edges = [each for each in parsed().iter(f"{NAME}path") if each.get("class") == "edge"]
    assert [(each.get("data-from"), each.get("data-to")) for each in edges] == [
        ("download", "object")
    ]


def test_arrows_to_a_group_name_all_that_is_in_it() -> None:
    """So that each item finds those that lead to it; the group has a frame."""
    nodes = (PlanNode("a", "a"), PlanNode("b", "b"), PlanNode("c", "c"))
    boxes = {node.id: Box(0, 0, 9, 9) for node in nodes}
    way = ((1.0, 2.0), (1.0, 3.0), (1.0, 4.0), (1.0, 5.0), (1.0, 9.0))
    layout = Layout(99, 99, boxes, (Box(5, 6, 7, 8),), (Line(("a",), ("b", "c"), way),))
    text = Drawing("progress", Plan("f", "", nodes, ()), layout, {}, in_page=True).svg()
    assert 'data-from="a" data-to="b c" d="M1 2C1 3 1 4 1 5L1 9M' in text
    assert '<rect class="frame" x="5" y="6" width="7" height="8" rx="12"/>' in text


def test_both_diagrams_of_a_flow_can_be_in_one_page() -> None:
    """No ID is in both."""
    ids = [
        {each.get("id") for each in ET.fromstring(drawn(kind=kind)).iter() if each.get("id")}
        for kind in ("progress", "outcome")
    ]
    assert not ids[0] & ids[1]


def test_in_a_page_only_the_status_depends_on_how_items_stand() -> None:
    """So that a page brings the diagram to life by changing that one attribute."""
    before = drawn()
    after = drawn(PLAN, {"bucket": "done", "object": "failed"})
    assert before != after
    assert re.sub('data-status="[a-z_]+"', "", before) == re.sub('data-status="[a-z_]+"', "", after)


def test_the_page_shows_a_sign_for_each_status() -> None:
    """Its style sheet moves the row of signs to the one that is meant, and paints the box."""
    sheet = (files("peaceful._web.pages") / "static" / "peaceful.css").read_text()
    for number, word in enumerate(STATUSES):
        node = f'[data-status="{word}"]'
        assert f"{node} > rect" in sheet
        if number:
            assert f"{node} > .sign use {{ transform: translateX({-12 * number}px); }}" in sheet


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("item", ["object", "bucket"])
def test_a_file_of_its_own_shows_how_items_stand(status: str, item: str) -> None:
    """In colour, and by a sign that is another one for each."""
    root = parsed({item: status}, in_page=False)
    assert root.find(f"{NAME}rect") is not None
    groups = [each for each in root.iter(f"{NAME}g") if each.get("data-item") == item]
    assert {each.get("data-status") for each in groups} == {status}
    rects = [rect for group in groups for rect in group.iter(f"{NAME}rect")]
    assert rects[0].get("stroke") == STATUSES[status].ink
    assert {rect.get("fill") for rect in rects} == {STATUSES[status].ground}
    (use,) = (use for group in groups for use in group.iter(f"{NAME}use"))
    assert float(use.get("x", "0")) == -12 * list(STATUSES).index(status)
    assert not list(root.iter(f"{NAME}a"))


def test_no_two_statuses_look_alike_without_colour() -> None:
    """Each has a sign of its own."""
    assert len({look.sign for look in STATUSES.values()}) == len(STATUSES)


def test_every_status_of_the_api_has_a_look() -> None:
    """Also those that a diagram has another word for."""
    assert {each.value for each in ItemWord} <= STATUSES.keys()


def test_a_place_that_is_an_example_has_a_dashed_border() -> None:
    """In a page, its class says so."""
    node = PlanNode("place-1", "app", look=Look.PLACE, sort="path", by_example=True)
    text = drawn(Plan("f", "", (node,), ()), in_page=False, kind="outcome")
    assert 'stroke-dasharray="4 3"' in text
    assert 'id="outcome-place-1" class="node place path by-example"' in text


@pytest.mark.parametrize("in_page", [True, False])
def test_the_strictest_policy_lets_it_through(in_page: bool) -> None:
    """There are no styles, no scripts, and nothing from elsewhere."""
    text = drawn(PLAN, {"object": "running"}, in_page=in_page)
    assert not re.search(r"style=|<style|<script|\son\w+=|url\(|javascript:", text)
    addresses = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert all(address.startswith("#") for address in addresses)


@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(Look))
def test_hostile_names_stay_text(label: str, other: str, look: Look) -> None:
    """Whatever is in them, the diagram is well-formed, and holds what any other would."""
    nodes = (
        PlanNode("a", label, look=look, item=other),
        PlanNode("b", other, "a", look=look),
        PlanNode("c", "<script>alert(1)</script>\"'&\x1b[31m\u202e", look=look),
    )
    plan = Plan("flow", label, nodes, (Link("b", "c"),), (other,))
    for in_page in (True, False):
        root = ET.fromstring(drawn(plan, {other: label}, in_page=in_page).encode())
        kinds = {each.tag.removeprefix(NAME) for each in root.iter()}
        assert kinds <= {"svg", "title", "desc", "defs", "g", "path", "rect", "use", "text", "a"}
        texts = [each.text or "" for each in root.iter()]
        assert not any(char in text for text in texts for char in "\x1b\u202e\x00\n")


def test_a_long_name_is_shortened_in_its_middle() -> None:
    """And whole in the title that a pointer shows."""
    name = "a_very_long_name_of_an_item_whose_beginning_is_that_of_others_and_that_ends_with_42"
    root = ET.fromstring(drawn(Plan("f", "", (PlanNode("a", name, item="a"),), ())))
    shown = next(root.iter(f"{NAME}text")).text or ""
    assert len(shown) == 40
    assert shown.startswith("a_very_long_name_of_")
    assert shown.endswith("_that_ends_with_42")
    assert root.find(f".//{NAME}g/{NAME}title[.='{name}']") is not None
