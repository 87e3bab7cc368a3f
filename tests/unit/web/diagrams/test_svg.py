"""Diagrams as SVG."""

from __future__ import annotations

import re
from importlib.resources import files
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful.web._diagrams import (
    PROGRESS,
    STATUSES,
    Link,
    Look,
    Node,
    Plan,
    Style,
    drawn,
    svg,
)
from peaceful.web._http._documents import ItemWord

NAME = "{http://www.w3.org/2000/svg}"
IN_PAGE = Style(name="progress", boxes="node-", rows="#row-", alone=False)

PLAN = Plan(
    "deploy",
    "what waits for what",
    (
        Node("download", "download", item="download"),
        Node("bucket", "bucket", item="bucket"),
        Node("object", "object", "bucket", item="object"),
    ),
    (Link("download", "object"), Link("bucket", "object")),
)


def parsed(statuses: dict[str, str] | None = None, style: Style = IN_PAGE) -> ET.Element:
    """The elements of a diagram."""
    return ET.fromstring(svg(drawn(PLAN), statuses or {}, style))


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
    assert parsed(style=PROGRESS).get("role") == "img"


def test_each_item_is_a_group_with_its_status() -> None:
    """In a link to its row of the page's table."""
    links = {link.get("href"): link for link in parsed().iter(f"{NAME}a")}
    assert set(links) == {"#row-download", "#row-bucket", "#row-object"}
    (group,) = links["#row-bucket"]
    assert (
        group.attrib.items()
        >= {
            "class": "node item container",
            "id": "node-bucket",
            "data-item": "bucket",
            "data-status": "pending",
        }.items()
    )
    assert group.find(f"{NAME}rect") is not None
    assert group.findtext(f"{NAME}text") == group.findtext(f"{NAME}title") == "bucket"
    assert links["#row-object"][0].get("class") == "node item"


def test_each_arrow_says_from_where_to_where() -> None:
    """What is in a box needs no arrow from it."""
    edges = [each for each in parsed().iter(f"{NAME}path") if each.get("class") == "edge"]
    assert [(each.get("data-from"), each.get("data-to")) for each in edges] == [
        ("download", "object")
    ]


def test_arrows_to_a_block_name_all_that_is_in_it() -> None:
    """So that each item finds those that lead to it."""
    nodes = tuple(Node(f"n{at}", f"n{at}", item=f"n{at}") for at in range(11))
    plan = Plan("flow", "", nodes, tuple(Link("n0", f"n{at}") for at in range(1, 11)))
    text = svg(drawn(plan), {}, IN_PAGE)
    assert 'data-from="n0" data-to="n1 n2 n3 n4 n5 n6 n7 n8 n9 n10"' in text


def test_an_arrow_that_leads_back_points_up() -> None:
    """From the lower box to the upper one."""
    plan = Plan("flow", "", (Node("a", "a"), Node("b", "b")), (Link("a", "b", back=True),))
    assert 'data-from="b" data-to="a"' in svg(drawn(plan), {}, IN_PAGE)


def test_in_a_page_only_the_status_depends_on_how_items_stand() -> None:
    """So that a page brings the diagram to life by changing that one attribute."""
    before = svg(drawn(PLAN), {}, IN_PAGE)
    after = svg(drawn(PLAN), {"bucket": "done", "object": "failed"}, IN_PAGE)
    assert before != after
    assert re.sub('data-status="[a-z_]+"', "", before) == re.sub('data-status="[a-z_]+"', "", after)


def test_the_page_shows_a_sign_for_each_status() -> None:
    """Its style sheet moves the row of signs to the one that is meant, and paints the box."""
    sheet = (files("peaceful.web._pages") / "static" / "peaceful.css").read_text()
    for number, word in enumerate(STATUSES):
        node = f'[data-status="{word}"]'
        assert f"{node} > rect" in sheet
        if number:
            assert f"{node} > .sign use {{ transform: translateX({-12 * number}px); }}" in sheet


@pytest.mark.parametrize("status", STATUSES)
def test_a_file_of_its_own_shows_how_items_stand(status: str) -> None:
    """In colour, and by a sign that is another one for each."""
    root = parsed({"object": status}, PROGRESS)
    assert root.find(f"{NAME}rect") is not None
    group = next(each for each in root.iter(f"{NAME}g") if each.get("data-item") == "object")
    assert group.get("data-status") == status
    rect = group.find(f"{NAME}rect")
    assert rect is not None
    assert rect.get("stroke") == STATUSES[status].ink
    (use,) = group.iter(f"{NAME}use")
    assert float(use.get("x", "0")) == -12 * list(STATUSES).index(status)
    assert not list(root.iter(f"{NAME}a"))


def test_no_two_statuses_look_alike_without_colour() -> None:
    """Each has a sign of its own."""
    assert len({look.sign for look in STATUSES.values()}) == len(STATUSES)


def test_every_status_of_the_api_has_a_look() -> None:
    """Also those that a diagram has another word for."""
    assert {each.value for each in ItemWord} <= STATUSES.keys()


@pytest.mark.parametrize("style", [IN_PAGE, PROGRESS])
def test_the_strictest_policy_lets_it_through(style: Style) -> None:
    """There are no styles, no scripts, and nothing from elsewhere."""
    text = svg(drawn(PLAN), {"object": "running"}, style)
    assert not re.search(r"style=|<style|<script|\son\w+=|url\(|javascript:", text)
    addresses = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert all(address.startswith("#") for address in addresses)


@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(Look))
def test_hostile_names_stay_text(label: str, other: str, look: Look) -> None:
    """Whatever is in them, the diagram is well-formed, and holds what any other would."""
    nodes = (
        Node("a", label, look=look, item=other),
        Node("b", other, "a", look=look),
        Node("c", "<script>alert(1)</script>\"'&\x1b[31m\u202e", look=look),
    )
    drawing = drawn(Plan("flow", label, nodes, (Link("b", "c"),), (other,)))
    for style in (IN_PAGE, PROGRESS):
        root = ET.fromstring(svg(drawing, {other: label}, style).encode())
        kinds = {each.tag.removeprefix(NAME) for each in root.iter()}
        assert kinds <= {"svg", "title", "desc", "defs", "g", "path", "rect", "use", "text", "a"}
        texts = [each.text or "" for each in root.iter()]
        assert not any(char in text for text in texts for char in "\x1b\u202e\x00\n")


def test_a_long_name_is_shortened_in_its_middle() -> None:
    """And whole in the title that a pointer shows."""
    name = "a_very_long_name_of_an_item_that_ends_with_42"
    root = ET.fromstring(svg(drawn(Plan("f", "", (Node("a", name, item="a"),), ())), {}, IN_PAGE))
    shown = next(root.iter(f"{NAME}text")).text or ""
    assert len(shown) == 26
    assert shown.startswith("a_very_long")
    assert shown.endswith("with_42")
    assert root.find(f".//{NAME}g/{NAME}title[.='{name}']") is not None
