"""What has been renamed, has left or was found, on pages and by the API."""

from __future__ import annotations

from typing import Any, ClassVar

from gated_app import Made
from later_versions import page, ran, replace_flow

from peaceful import Flow


class Known(Made):
    """Something that says which thing it is."""

    identifies: ClassVar[tuple[str, ...]] = ("name",)


def _flow_of(site: Any, **names: str) -> None:
    """Let the program be one whose flow has these items, by name the thing."""

    def make(flow: Flow, value: str = "made") -> None:
        for item, name in names.items():
            flow.add(item, Known(name=f"{flow.profile}.{name}", value=value))

    replace_flow(site, "make", make)


async def test_an_item_is_renamed(site: Any) -> None:
    """Before it is run, the page shows the new name with what the old one has made."""
    _flow_of(site, old="a")
    await site.ended(await site.started())
    _flow_of(site, new="a")
    assert "old" not in (await site.get("/api/profiles/dev/make/states"))["states"]
    diff = await site.get("/api/profiles/dev/make/diff")
    assert (diff["taken_over"], diff["left"]) == ({"new": "old"}, [])
    ended = await site.ended(await site.started())
    assert ended["items"]["new"]["status"] == "unchanged"
    assert "new takes over what old has made" in ended["outcome"]["warnings"]
    assert "new takes over what old has made" in await page(site, f"/executions/{ended['id']}")


async def test_an_item_leaves(site: Any) -> None:
    """Pages tell of it, and a request may ask to prune it."""
    _flow_of(site, one="a", two="b")
    await site.ended(await site.started())
    _flow_of(site, one="a")
    assert "left the flow" in await page(site, "/profiles/dev/make")
    assert (await site.get("/api/profiles/dev/make/diff"))["left"] == ["two"]
    await site.ended(await site.started())
    assert site.gates.made.keys() == {"dev.a", "dev.b"}
    ended = await site.ended(await site.started(prune=True))
    assert ended["items"]["two"]["status"] == "done"
    assert site.gates.made.keys() == {"dev.a"}
    refused = await site.start(command="discover", prune=True)
    assert refused.status_code == 422


async def test_an_item_is_given_another_thing(site: Any) -> None:
    """The page says what the former thing is called now; the execution removes it."""
    _flow_of(site, one="a")
    await site.ended(await site.started())
    _flow_of(site, one="b")
    ended = await ran(site, "/ensure_cmd", flow_id="make")
    shown = await page(site, f"/executions/{ended['id']}")
    assert "the former one is known as one__before" in shown
    assert {item: each["status"] for item, each in ended["items"].items()} == {
        "one": "done",
        "one__before": "done",
    }
    assert site.gates.made.keys() == {"dev.b"}


async def test_what_was_found(site: Any) -> None:
    """It is left alone, which the page says; with `found`, it is removed."""
    site.gates.made["dev.a"] = "somebody's"
    _flow_of(site, one="a")
    await site.ended(await site.started())
    ended = await ran(site, "/clean_cmd", flow_id="make")
    assert "left alone: it was there before" in await page(site, f"/executions/{ended['id']}")
    assert site.gates.made.keys() == {"dev.a"}
    await ran(site, "/clean_cmd", flow_id="make", found="on")
    assert not site.gates.made


async def test_what_has_left_is_cleaned_up_by_name(site: Any) -> None:
    """Else whoever carries on with it, as by the page's button, would clean up everything."""
    _flow_of(site, one="a", two="b")
    await site.ended(await site.started())
    _flow_of(site, one="a")
    ended = await site.ended(await site.started(command="clean", left=True))
    assert site.gates.made.keys() == {"dev.a"}
    record = site.app.contexts(site.folder).executions.get(ended["id"])
    assert record.only == ("two",)
