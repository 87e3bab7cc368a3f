"""Starting, listing, looking at and interrupting executions over HTTP."""

from __future__ import annotations

import asyncio
import threading
import uuid
from typing import Any

import pytest

UNKNOWN = "01890000-0000-7000-8000-000000000000"
PROBLEM = "application/problem+json"


async def test_an_execution_is_started_and_ends(site: Any) -> None:
    """It has an address at once, can be looked at while it runs, and afterwards has an outcome."""
    gate = site.gates.gate("dev", "a")
    response = await site.start()
    assert response.status_code == 202
    shown = response.json()
    assert uuid.UUID(shown["id"]).version == 7
    assert response.headers["location"] == f"/api/executions/{shown['id']}"
    assert shown["state"] == "running"
    assert shown["can_interrupt"]
    assert shown["started_by"]["door"] == "api"
    await gate.reached.wait()
    running = await site.get(response.headers["location"])
    assert running["state"] == "running"
    assert set(running["items"]) == {"a", "b", "c"}
    gate.open.set()
    ended = await site.ended(shown["id"])
    assert ended["state"] == "complete"
    assert not ended["can_interrupt"]
    assert {item: each["status"] for item, each in ended["items"].items()} == dict.fromkeys(
        "abc", "done"
    )
    assert ended["outcome"]["outcome"] == "complete"


async def test_a_dry_run_says_what_would_be_done(site: Any) -> None:
    """In its own words, in the answer, in the diagram and on its page; and nothing is done."""
    execution_id = await site.started(dry_run=True)
    ended = await site.ended(execution_id)
    assert ended["dry_run"]
    graph = await site.get("/api/flows/make/graph", execution=execution_id)
    for items in (ended["items"], ended["outcome"]["items"], graph["statuses"]):
        assert {item: each["status"] for item, each in items.items()} == dict.fromkeys(
            "abc", "would_create"
        )
    page = await site.client.get(f"/executions/{execution_id}")
    assert page.status_code == 200
    assert page.text.count("would create") >= 3
    states = await site.get("/api/profiles/dev/make/states")
    assert states["states"] == dict.fromkeys("abc")


async def test_many_profiles_run_at_once(site: Any) -> None:
    """Each in the server's process, one for a profile."""
    gates = [site.gates.gate(profile, "a") for profile in ("dev", "prod")]
    ids = [await site.started(profile) for profile in ("dev", "prod")]
    for gate in gates:
        await gate.reached.wait()
    page = await site.get("/api/executions", state="running")
    assert [each["id"] for each in page["executions"]] == ids[::-1]


async def test_the_same_is_not_started_twice(site: Any) -> None:
    """A second request for the same gets the running one; another one is refused with it."""
    site.gates.gate("dev", "a")
    execution_id = await site.started()
    again = await site.start()
    assert (again.status_code, again.json()["id"]) == (200, execution_id)
    assert again.headers["location"] == f"/api/executions/{execution_id}"
    for other in (
        {"command": "clean"},
        {"dry_run": True},
        {"only": ["a"]},
        {"exclude": ["a"]},
        {"tags": ["late"]},
    ):
        refused = await site.start(**other)
        assert refused.status_code == 409
        assert refused.headers["content-type"] == PROBLEM
        assert refused.json()["code"] == "BUSY"
        assert refused.json()["execution"]["id"] == execution_id


async def test_of_many_at_once_one_is_started(site: Any) -> None:
    """The others get it, whoever is first."""
    site.gates.gate("dev", "a")
    responses = await asyncio.gather(*(site.start() for _ in range(20)))
    assert sorted(each.status_code for each in responses) == [200] * 19 + [202]
    assert len({each.json()["id"] for each in responses}) == 1


async def test_the_next_can_start_once_one_has_ended(site: Any) -> None:
    """As soon as its end can be seen."""
    ids: list[str] = []
    for command in ("ensure", "clean", "ensure", "diff", "discover"):
        ids.append(await site.started(command=command))
        assert (await site.ended(ids[-1]))["state"] == "complete"
    page = await site.get("/api/executions")
    assert [each["id"] for each in page["executions"]] == ids[::-1]


async def test_a_repeated_request_starts_nothing_new(site: Any) -> None:
    """With an idempotency key, the answer is the same after the end, too."""
    body = {"profile": "dev", "flow": "make", "command": "ensure"}

    async def post(key: str, **more: Any) -> Any:
        headers = {"Idempotency-Key": key}
        return await site.client.post("/api/executions", json={**body, **more}, headers=headers)

    first = await asyncio.gather(*(post("one") for _ in range(5)))
    execution_id = first[0].json()["id"]
    await site.ended(execution_id)
    again = await post("one")
    assert {each.status_code for each in (*first, again)} == {202}
    assert {each.json()["id"] for each in (*first, again)} == {execution_id}
    reused = await post("one", command="clean")
    assert (reused.status_code, reused.json()["code"]) == (422, "IDEMPOTENCY-KEY-REUSED")
    assert (await post("two")).json()["id"] != execution_id
    assert (await post("x" * 256)).status_code == 422


async def test_a_key_of_a_request_that_failed_can_be_used_again(site: Any) -> None:
    """Nothing was started with it."""
    gate = site.gates.gate("dev", "a")
    await site.started()
    body = {"profile": "dev", "flow": "make", "command": "clean"}
    headers = {"Idempotency-Key": "k"}
    refused = await site.client.post("/api/executions", json=body, headers=headers)
    assert refused.status_code == 409
    gate.open.set()
    await site.ended(refused.json()["execution"]["id"])
    accepted = await site.client.post("/api/executions", json=body, headers=headers)
    assert accepted.status_code == 202


async def test_an_interrupt_finishes_what_is_in_progress(site: Any) -> None:
    """202, also when it is repeated; then 409 with the outcome."""
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}/interrupt"
    first = await site.client.post(path, json={"reason": "lunch"})
    again = await site.client.post(path)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert first.json()["state"] == "interrupting"
    assert first.json()["level"] == "stop"
    shown = await site.get(f"/api/executions/{execution_id}")
    assert shown["state"] == "interrupting"
    assert shown["interrupt"]["source"] == "api"
    assert shown["interrupt"]["reason"] == "lunch"
    assert shown["interrupt"]["requested_at"] == first.json()["requested_at"]
    gate.open.set()
    ended = await site.ended(execution_id)
    assert ended["state"] == "interrupted"
    assert ended["items"]["a"]["status"] == "done"
    assert ended["items"]["b"]["status"] == "not_started"
    late = await site.client.post(path)
    assert late.status_code == 409
    assert late.json()["code"] == "EXECUTION-ENDED"
    assert late.json()["outcome"]["outcome"] == "block_interrupted"
    resumed = await site.ended(await site.started())
    assert resumed["items"]["a"]["status"] == "unchanged"
    assert resumed["items"]["b"]["status"] == "done"


async def test_an_item_that_blocks_everything_else(site: Any) -> None:
    """Requests are answered, each level is heard, and what is killed is in nobody's way."""
    held = site.gates.blocking["dev.a"] = threading.Event()
    gate = site.gates.gate("dev", "a")
    gate.open.set()
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}"
    try:
        for level in ("stop", "cancel"):
            heard = await site.client.post(f"{path}/interrupt", json={"level": level})
            assert (heard.status_code, heard.json()["level"]) == (202, level)
            shown = await site.get(path)
            assert (shown["state"], shown["items"]["a"]["status"]) == ("interrupting", "running")
        # Others are not kept waiting by what blocks.
        assert (await site.ended(await site.started("prod")))["state"] == "complete"
        await site.client.post(f"{path}/interrupt", json={"level": "kill"})
        ended = await site.ended(execution_id)
        assert (ended["state"], ended["items"]["a"]["status"]) == ("interrupted", "abandoned")
        assert "it does not let go" in ended["items"]["a"]["message"]
    finally:
        held.set()


async def test_an_interrupt_leaves_what_is_only_looked_at(site: Any) -> None:
    """Everything that shows an execution says which items are looked at and which are changed."""
    looking, changing = site.gates.look("dev", "a"), site.gates.gate("dev", "c")
    execution_id = await site.started()
    await looking.reached.wait()
    await changing.reached.wait()
    shown = (await site.get(f"/api/executions/{execution_id}"))["items"]
    phases = {item: (each["status"], each["phase"]) for item, each in shown.items()}
    assert phases == {
        "a": ("running", "looking"),
        "b": ("pending", None),
        "c": ("running", "changing"),
    }
    assert (await site.get(f"/api/executions/{execution_id}/progress"))["phases"] == {
        "a": "looking",
        "c": "changing",
    }
    page = (await site.client.get(f"/executions/{execution_id}")).text
    assert 'data-stand="looking">looking' in page
    assert 'data-stand="running">changing' in page
    graph = "/api/flows/make/graph?profile=dev&kind=progress&format=svg"
    drawn = (await site.client.get(f"{graph}&execution={execution_id}")).text
    assert "data-item='a' data-status='looking'" in drawn.replace('"', "'")
    await site.client.post(f"/api/executions/{execution_id}/interrupt")
    sentence = "c is finishing its change; 1 is only being looked at; nothing new will start."
    assert sentence in (await site.client.get(f"/executions/{execution_id}")).text
    looking.open.set()
    changing.open.set()
    items = (await site.ended(execution_id))["items"]
    assert {item: each["status"] for item, each in items.items()} == {
        "a": "not_started",
        "b": "not_started",
        "c": "done",
    }
    assert items["a"]["message"] == "looked at, not changed"
    assert items["a"]["state"] == {"value": None}


async def test_a_higher_level_is_asked_for_by_name(site: Any) -> None:
    """A repeated request never climbs by itself, and a lower level changes nothing."""
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}/interrupt"
    levels = [
        (await site.client.post(path, json={"level": level})).json()["level"]
        for level in ("stop", "stop", "kill", "cancel")
    ]
    assert levels == ["stop", "stop", "kill", "kill"]
    assert (await site.ended(execution_id))["items"]["a"]["status"] == "abandoned"


@pytest.mark.parametrize("execution_id", [UNKNOWN, "nothing", "0", UNKNOWN[:8]])
async def test_an_unknown_execution_is_not_found(site: Any, execution_id: str) -> None:
    """The beginning of an ID is none."""
    for method, path in (
        ("POST", "/interrupt"),
        ("GET", ""),
        ("GET", "/progress"),
        ("GET", "/events"),
    ):
        response = await site.client.request(method, f"/api/executions/{execution_id}{path}")
        assert response.status_code == 404
        assert response.json()["code"] == "EXECUTION-UNKNOWN"


async def test_the_history_is_paged_and_filtered(site: Any) -> None:
    """Newest first; a cursor leads on."""
    ids = [
        (await site.ended(await site.started(profile)))["id"]
        for profile in ("dev", "prod", "dev", "prod", "dev")
    ][::-1]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        page = await site.get("/api/executions", limit=2, **more)
        assert len(page["executions"]) <= 2
        seen += [each["id"] for each in page["executions"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == ids
    page = await site.get("/api/executions", profile="prod", flow="make", state="complete")
    assert [each["id"] for each in page["executions"]] == [ids[1], ids[3]]
    assert (await site.get("/api/executions", state=["failed", "lost"]))["executions"] == []


async def test_failed_items_are_told(site: Any) -> None:
    """With what they failed with."""
    site.gates.failing.add("dev.a")
    ended = await site.ended(await site.started())
    assert ended["state"] == "failed"
    assert ended["items"]["a"]["status"] == "failed"
    assert ended["outcome"]["errors"]["a"]["code"] == "ITEM-FAILED"
    assert ended["summary"]["outcome"] == "item_error"


async def test_parameters_are_stored_and_used(site: Any) -> None:
    """Of the flow and profile that are run; what the command line has in use stays as it is."""
    before = (site.folder / ".peace/gated/workspace_params.yaml").read_text()
    ended = await site.ended(await site.started("dev", params={"value": "green"}))
    assert ended["state"] == "complete"
    assert site.gates.made["dev.a"] == "green"
    assert (site.folder / ".peace/gated/workspace_params.yaml").read_text() == before
    await site.ended(await site.started("prod"))
    assert site.gates.made["prod.a"] == "made"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"profile", "flow", "command"}),
        ({"profile": "../etc", "flow": "a/b", "command": "rm"}, {"profile", "flow", "command"}),
        ({"profile": 1, "flow": None, "command": []}, {"profile", "flow", "command"}),
        (
            {"profile": "dev", "flow": "make", "command": "diff", "dry_run": True, "only": ["a"]},
            {"dry_run", "only"},
        ),
        (
            {"profile": "dev", "flow": "make", "command": "ensure", "only": "a", "more": 1},
            {"only", "more"},
        ),
        (
            {"profile": "dev", "flow": "make", "command": "ensure", "params": {"value": [1]}},
            {"value"},
        ),
        ({"profile": "dev", "flow": "other", "command": "ensure"}, {"needed"}),
    ],
)
async def test_what_is_wrong_is_said_field_by_field(
    site: Any, body: dict[str, Any], fields: set[str]
) -> None:
    """All of it at once."""
    response = await site.client.post("/api/executions", json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM
    assert {each["field"] for each in response.json()["errors"]} == fields


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"profile": "nobody"}, "NAME-UNKNOWN"),
        ({"flow": "nothing"}, "NAME-UNKNOWN"),
        ({"only": ["z"]}, "NAME-UNKNOWN"),
        ({"params": {"colour": "green"}}, "NAME-UNKNOWN"),
    ],
)
async def test_unknown_names_are_refused(site: Any, more: dict[str, Any], code: str) -> None:
    """Nothing is started."""
    body = {"profile": "dev", "flow": "make", "command": "ensure", **more}
    response = await site.client.post("/api/executions", json=body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (await site.get("/api/executions"))["executions"] == []


async def test_a_snapshot_tells_how_everything_stands(site: Any) -> None:
    """While it runs, and at its end."""
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}/progress"
    while "a" not in (shown := await site.get(path))["running"]:
        pass
    assert shown["items"] == ["a", "b", "c"]
    assert shown["waits_for"]["b"] == ["a"]
    assert shown["ending"] is None
    gate.open.set()
    await site.ended(execution_id)
    shown = await site.get(path)
    assert shown["running"] == {}
    assert {each["status"] for each in shown["ended"].values()} == {"done"}
    assert shown["ending"]["state"] == "complete"


async def test_texts_that_could_not_be_stored_are_refused(site: Any) -> None:
    """Half of a surrogate pair is no text; a long reason is cut."""
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}/interrupt"
    headers = {"Content-Type": "application/json"}
    broken = await site.client.post(path, content=b'{"reason": "\\ud800"}', headers=headers)
    assert (broken.status_code, broken.json()["code"]) == (400, "BODY-REFUSED")
    assert (await site.client.post(path, json={"reason": "é" * 5000})).status_code == 202
    gate.open.set()
    assert (await site.ended(execution_id))["interrupt"]["reason"] == "é" * 1000


async def test_a_plan(site: Any) -> None:
    """It is an execution that changes nothing, and says how each item would change."""
    ended = await site.ended(await site.started(command="plan", only=["a"]))
    assert (ended["state"], ended["dry_run"]) == ("complete", True)
    a = ended["outcome"]["items"]["a"]
    assert a["status"] == "would_create"
    assert [each["field"] for each in a["changes"]]
    assert not site.gates.made
    page = await site.client.get(f"/executions/{ended['id']}")
    assert "Nothing was changed" in page.text
