"""Whole profiles over HTTP: backed up, restored, deleted, renamed, copied; each in the history."""

from __future__ import annotations

import json
from typing import Any

PATH = "/api/profiles"


async def _history(site: Any) -> list[tuple[str, str, str, bool]]:
    """What was done, newest first: the command, the profile, how it ended, whether it was dry."""
    page = await site.get("/api/executions")
    return [
        (each["command"], each["profile"], each["state"], each["dry_run"])
        for each in page["executions"]
    ]


async def test_there_and_back(site: Any) -> None:
    """A backup is answered, and restored by whoever sends it."""
    await site.ended(await site.started(command="discover"))
    before = await site.get(f"{PATH}/dev/make/states")
    backup = await site.client.post(f"{PATH}/dev/backup")
    assert backup.status_code == 200
    assert backup.json()["profile"] == "dev"
    await site.ended(await site.started(command="clean"))
    response = await site.client.post(f"{PATH}/dev/make/states/a/forget")
    await site.ended(response.json()["id"])
    for query in ({"dry_run": "true"}, {}):
        restored = await site.client.post(f"{PATH}/dev/restore", params=query, json=backup.json())
        assert restored.status_code == 200, restored.text
        assert restored.json()["files"]["make/states_current.yaml"] == "changed"
        assert (restored.json()["kept_as"] is None) == bool(query)
    assert await site.get(f"{PATH}/dev/make/states") == before
    history = await _history(site)
    assert history[:2] == [
        ("states restore", "dev", "complete", False),
        ("states restore", "dev", "complete", True),
    ]
    assert ("states backup", "dev", "complete", False) in history


async def test_other_names(site: Any) -> None:
    """A copy, another name, and none any more; a dry run changes nothing."""
    for method, path, body, profiles in (
        ("POST", "dev/copy", {"to": "test", "dry_run": True}, {"dev", "prod"}),
        ("POST", "dev/copy", {"to": "test"}, {"dev", "prod", "test"}),
        ("POST", "test/rename", {"to": "try", "dry_run": True}, {"dev", "prod", "test"}),
        ("POST", "test/rename", {"to": "try"}, {"dev", "prod", "try"}),
        ("DELETE", "try", {"dry_run": True}, {"dev", "prod", "try"}),
        ("DELETE", "try", None, {"dev", "prod"}),
    ):
        response = await site.client.request(method, f"{PATH}/{path}", json=body)
        assert response.status_code == 200, (path, response.text)
        assert response.json()["dry_run"] == bool(body and body.get("dry_run"))
        assert {*(await site.get(PATH))["profiles"]} == profiles
    assert [command for command, _, _, dry in await _history(site) if not dry] == [
        "profile delete",
        "profile rename",
        "profile copy",
    ]


async def test_what_is_refused(site: Any) -> None:
    """Unknown names, what is in the way, backups of others, bodies that are none."""
    await site.ended(await site.started(command="ensure"))
    backup = (await site.client.post(f"{PATH}/dev/backup")).json()
    for method, path, body, status in (
        ("POST", "none/backup", None, 404),
        ("DELETE", "none", None, 404),
        ("DELETE", "dev", None, 409),
        ("POST", "dev/rename", {"to": "prod"}, 422),
        ("POST", "dev/rename", {"to": "../x"}, 422),
        ("POST", "dev/copy", {}, 422),
        ("POST", "prod/restore", backup, 422),
        ("POST", "dev/restore", {**backup, "at": "2026-01-01T00:00:00Z"}, 422),
        ("POST", "dev/restore", {"files": {}}, 422),
        ("POST", "dev/restore?sure=perhaps", backup, 422),
        ("POST", "dev/restore?sur=true", backup, 422),
    ):
        response = await site.client.request(method, f"{PATH}/{path}", json=body)
        assert response.status_code == status, (path, response.text)
        assert response.headers["content-type"] == "application/problem+json"
    cut = await site.client.post(f"{PATH}/dev/restore", content=json.dumps(backup)[:-9])
    assert cut.status_code == 415
    refused = [each for each in await _history(site) if each[2] == "failed"]
    assert not refused


async def test_a_busy_profile(site: Any) -> None:
    """What runs on it stands in the way, and is told."""
    gate = site.gates.gate("dev", "a")
    running = await site.started()
    await gate.reached.wait()
    response = await site.client.post(f"{PATH}/dev/backup")
    assert response.status_code == 409
    assert response.json()["code"] == "BUSY"
    gate.open.set()
    await site.ended(running)


async def test_pages_of_the_history(site: Any) -> None:
    """Such an execution has a page; it is of no flow."""
    await site.client.post(f"{PATH}/dev/copy", json={"to": "test"})
    [shown] = (await site.get("/api/executions"))["executions"]
    page = await site.client.get(f"/executions/{shown['id']}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Copied to test" in page.text
    assert "Profile test has the parameters of dev." in page.text
    assert "Resume" not in page.text
    for place in ("/", "/executions", "/profiles/test"):
        listed = await site.client.get(place, headers={"Accept": "text/html"})
        assert listed.status_code == 200
