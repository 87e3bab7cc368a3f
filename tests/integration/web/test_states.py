"""What is stored is corrected over HTTP."""

from __future__ import annotations

from typing import Any

PATH = "/api/profiles/dev/make/states"


async def test_corrections_are_executions(site: Any) -> None:
    """They are started as others are, and can be looked at."""
    await site.ended(await site.started(command="discover"))
    for path, body in (
        ("a/forget", None),
        ("b/forget", {"dry_run": True}),
        ("b/move", {"to": "z"}),
    ):
        response = await site.client.post(f"{PATH}/{path}", json=body)
        assert response.status_code == 202, response.text
        shown = await site.ended(response.headers["Location"].rpartition("/")[2])
        assert shown["state"] == "complete"
        assert shown["command"] == f"states {path.partition('/')[2]}"
        page = await site.client.get(f"/executions/{shown['id']}")
        assert page.status_code == 200
    states = await site.get(PATH)
    assert states["states"]["a"] is None
    assert states["not_in_flow"] == ["z"]


async def test_what_is_refused(site: Any) -> None:
    """Unknown names, what is in the way, what the body lacks."""
    await site.ended(await site.started(command="discover"))
    for path, body, status in (
        ("nothing/forget", None, 422),
        ("a/adopt", None, 409),
        ("a/move", {}, 422),
        ("a/move", {"to": "../a"}, 422),
        ("a/move", {"to": "z", "more": 1}, 422),
    ):
        response = await site.client.post(f"{PATH}/{path}", json=body)
        assert response.status_code == status, (path, response.text)
    response = await site.client.post("/api/profiles/dev/nothing/states/a/forget")
    assert response.status_code == 404
