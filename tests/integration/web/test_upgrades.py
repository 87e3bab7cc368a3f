"""Pages and the API, when a later version of the program finds what an earlier one stored."""

from __future__ import annotations

from typing import Any

from gated_app import Made
from later_versions import page, ran, replace_flow

from peaceful import Flow


async def test_a_parameter_is_taken_back(site: Any) -> None:
    """By the API, and by a form: its field is emptied, or its name is in `unset`."""
    path = site.folder / ".peace/gated/dev/make/flow_params.yaml"

    async def given() -> None:
        await site.ended(await site.started(command="discover", params={"value": "x"}))
        assert "value: x" in path.read_text()

    await given()
    await site.ended(await site.started(command="discover", unset=["value"]))
    assert "value" not in path.read_text()
    for form in ({"param.value": ""}, {"unset": "value"}):
        await given()
        await ran(site, "/discover_cmd", flow_id="make", **form)
        assert "value" not in path.read_text()
    refused = await site.start(command="discover", unset=["valeu"])
    assert refused.status_code == 422
    assert {"label": "did you mean", "text": "value"} in refused.json()["details"]


async def test_a_form_that_is_sent_as_it_is_stores_nothing(site: Any) -> None:
    """The page says which values are defaults, and none becomes a choice by being shown."""
    path = site.folder / ".peace/gated/dev/make/flow_params.yaml"
    await site.ended(await site.started(command="discover", unset=["value"]))
    shown = await page(site, "/profiles/dev/make")
    assert 'value <span class="soft">default</span>' in shown
    assert 'placeholder="made"' in shown
    await ran(site, "/discover_cmd", flow_id="make", **{"param.value": ""})
    assert "value" not in path.read_text()


async def test_a_flow_that_cannot_be_built(site: Any) -> None:
    """What is stored is shown, and can be cleaned up; what needs the flow is not offered."""
    await site.ended(await site.started())
    assert site.gates.made.keys() == {"dev.a", "dev.b", "dev.c"}

    def make(flow: Flow, host: str, value: str = "made") -> None:
        flow.add("a", Made(name=host, value=value))

    replace_flow(site, "make", make)
    shown = await page(site, "/profiles/dev/make")
    assert "flow make needs a value for host" in shown
    assert "What is stored" in shown
    assert "/profiles/dev/make/clean" in shown
    assert "would change" not in shown
    assert 'href="/ensure_cmd"' not in shown
    states = await site.get("/api/profiles/dev/make/states")
    assert states["states"].keys() == {"a", "b", "c"}
    assert "init --host TEXT" in states["warnings"][0]
    differs = await site.client.get("/api/profiles/dev/make/diff")
    assert differs.status_code == 422
    assert "a, b and c" in await page(site, "/profiles/dev/make/clean")
    ended = await ran(site, "/clean_cmd", flow_id="make")
    assert ended["state"] == "complete"
    assert "host" in " ".join(ended["outcome"]["warnings"])
    assert not site.gates.made


async def test_a_flow_that_is_gone(site: Any) -> None:
    """The overview and its profile's page show what is left of it, and offer to clean it up."""
    await site.ended(await site.started())
    del site.app.flows["make"]
    for path in ("/", "/profiles/dev"):
        shown = await page(site, path)
        assert "not in gated any more; stored states are left" in shown
        assert "/profiles/dev/make/clean" in shown
        assert "/profiles/prod/make/clean" not in shown
    shown = await page(site, "/profiles/dev/make")
    assert "gated has no flow make: only what is stored is known of it" in shown
    assert "/flows/make" not in shown
    assert "/ensure_cmd" not in shown
    states = await site.get("/api/profiles/dev/make/states")
    assert states["not_in_flow"] == ["a", "b", "c"]
    assert (await site.client.get("/api/profiles/prod/make/states")).status_code == 404
    ended = await ran(site, "/clean_cmd", flow_id="make")
    assert (ended["state"], ended["flow"]) == ("complete", "make")
    assert not site.gates.made
    await page(site, f"/executions/{ended['id']}")
    assert "stored states are left" not in await page(site, "/")
