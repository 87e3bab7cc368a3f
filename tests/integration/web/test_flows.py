"""Flows, profiles, and what is stored of them, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from peaceful import App, Flow

SWORDFISH = SecretStr("swordfish")


async def test_flows_tell_their_parameters(site: Any) -> None:
    """As JSON Schema, for forms."""
    flows = await site.get("/api/flows")
    assert flows["app"] == "gated"
    make, other = flows["flows"]
    assert (make["id"], make["help"]) == ("make", "Makes three things.")
    assert make["parameters"]["properties"]["value"]["default"] == "made"
    assert other["parameters"]["required"] == ["needed"]


async def test_a_flow_tells_its_items(site: Any) -> None:
    """As the parameters of a profile make it; without them, why that is not known."""
    flow = await site.get("/api/flows/make", profile="prod")
    assert [each["id"] for each in flow["items"]] == ["a", "b", "c"]
    assert flow["items"][1]["waits_for"] == ["a"]
    assert [each["tags"] for each in flow["items"]] == [[], ["late"], ["late"]]
    assert flow["edges"] == [{"source": "a", "target": "b", "kind": "logic"}]
    assert flow["why"] is None
    flow = await site.get("/api/flows/other", profile="dev")
    assert flow["items"] is None
    assert flow["why"]["code"] == "PARAMS-MISSING"


async def test_defaults_of_secrets_are_not_told(site: Any) -> None:
    """Only that there is one."""
    app: App = site.app

    @app.flow("safe")
    def safe(flow: Flow, password: SecretStr = SWORDFISH) -> None:
        """Keeps a secret."""

    response = await site.client.get("/api/flows/safe")
    assert "swordfish" not in response.text
    password = response.json()["parameters"]["properties"]["password"]
    assert (password["format"], password["writeOnly"]) == ("password", True)
    assert "default" not in password


async def test_profiles_and_stored_states(site: Any) -> None:
    """What items are, what they should be, and what differs."""
    assert (await site.get("/api/profiles"))["profiles"] == ["dev", "prod"]
    path = "/api/profiles/dev/make"
    assert (await site.get(f"{path}/states"))["states"] == dict.fromkeys("abc")
    await site.ended(await site.started(command="discover"))
    for kind, value in (("current", None), ("goal", "made")):
        states = await site.get(f"{path}/states", kind=kind)
        assert states["states"] == {item: {"value": value} for item in "abc"}
    diff = await site.get(f"{path}/diff")
    assert diff["diffs"]["a"] == {"value": {"before": None, "after": "made"}}
    await site.ended(await site.started())
    diff = await site.get(f"{path}/diff")
    assert diff["diffs"] == dict.fromkeys("abc")
    assert diff["unknown"] == {}


async def test_a_diagram_shows_how_an_execution_stands(site: Any) -> None:
    """Item by item."""
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = "/api/flows/make/graph"
    while True:
        graph = await site.get(path, execution=execution_id)
        if graph["statuses"]["a"]["status"] == "running":
            break
    assert graph["statuses"]["b"]["status"] == "pending"
    gate.open.set()
    await site.ended(execution_id)
    graph = await site.get(path, execution=execution_id)
    assert {each["status"] for each in graph["statuses"].values()} == {"done"}
    wrong = await site.client.get("/api/flows/other/graph", params={"execution": execution_id})
    assert wrong.status_code == 422


@pytest.mark.parametrize("query", [{"kind": "nothing"}, {"format": "png"}])
async def test_other_diagrams_are_refused(site: Any, query: dict[str, str]) -> None:
    """With what there is."""
    response = await site.client.get("/api/flows/make/graph", params=query)
    assert response.status_code == 422
