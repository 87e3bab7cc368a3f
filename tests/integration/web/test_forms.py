"""Plain HTML forms: start, interrupt, and on to the page of the execution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from guarded_app import app as guarded

from peaceful import Given
from peaceful._web.server.serve import asgi

FORM = {"profile": "dev", "flow_id": "make"}


async def test_a_form_starts_and_interrupts(site: Any) -> None:
    """And a browser is sent on; again, it comes to the same page."""
    gate = site.gates.gate("dev", "a")
    started = await site.client.post("/ensure_cmd", data=FORM)
    assert started.status_code == 303
    page = started.headers["location"]
    execution_id = page.removeprefix("/executions/")
    assert (await site.client.post("/ensure_cmd", data=FORM)).headers["location"] == page
    await gate.reached.wait()
    form = {"execution_id": execution_id, "reason": "", "level": "stop"}
    for _ in range(2):
        interrupted = await site.client.post("/cmd_exec_interrupt", data=form)
        assert (interrupted.status_code, interrupted.headers["location"]) == (303, page)
    gate.open.set()
    ended = await site.ended(execution_id)
    assert ended["started_by"]["door"] == "web"
    assert ended["interrupt"]["source"] == "web"
    assert ended["interrupt"]["reason"] is None
    late = await site.client.post("/cmd_exec_interrupt", data=form)
    assert (late.status_code, late.headers["location"]) == (303, page)


@pytest.mark.parametrize("command", ["discover", "clean"])
async def test_other_commands_have_forms(site: Any, command: str) -> None:
    """By the name of the command."""
    started = await site.client.post(f"/{command}_cmd", data=FORM)
    ended = await site.ended(started.headers["location"].removeprefix("/executions/"))
    assert ended["command"] == command


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/cmd_exec_interrupt", {"level": "stop"}, 404),
        ("/cmd_exec_interrupt", {"execution_id": "01890000-0000-7000-8000-000000000000"}, 404),
        ("/ensure_cmd", {"command": "rm"}, 422),
        ("/ensure_cmd", {**FORM, "flow_id": "nothing"}, 422),
        ("/ensure_cmd", {**FORM, "dry_run": "perhaps"}, 422),
        ("/ensure_cmd", {**FORM, "command": "clean"}, 422),
        ("/ensure_cmd", {**FORM, "colour": "red"}, 422),
    ],
)
async def test_wrong_forms_are_refused(
    site: Any, path: str, form: dict[str, str], status: int
) -> None:
    """As wrong requests of programs."""
    assert (await site.client.post(path, data=form)).status_code == status


async def test_only_forms_are_read(site: Any) -> None:
    """Not JSON, nor what is no form."""
    assert (await site.client.post("/ensure_cmd", json=FORM)).status_code == 415
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"a=%ff", b"\xff", b"a=1&" * 300):
        broken = await site.client.post("/ensure_cmd", content=body, headers=headers)
        assert broken.status_code in {400, 422}


async def test_what_a_form_is_limited_to(site: Any) -> None:
    """It is told on the page, and the button that carries on asks for the same."""
    gate = site.gates.gate("dev", "b")
    limits = {"tags": ["late"], "exclude": ["c"], "with_dependents": "true"}
    started = await site.client.post("/ensure_cmd", data={**FORM, **limits})
    assert started.status_code == 303
    address = started.headers["location"]
    await gate.reached.wait()
    again = await site.client.post("/ensure_cmd", data={**FORM, **limits})
    assert again.headers["location"] == address
    form = {"execution_id": address.removeprefix("/executions/"), "level": "kill"}
    await site.client.post("/cmd_exec_interrupt", data=form)
    ended = await site.ended(form["execution_id"])
    assert ended["only"] == ["b"]
    assert ended["selection"]["tags"] == ["late"]
    page = (await site.client.get(address)).text
    assert "only all tagged late, with what stands on it, but not c" in page
    for name, value in (("tags", "late"), ("exclude", "c"), ("with_dependents", "true")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page


async def test_a_protected_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question says what is to be removed, and its form asks for just that."""
    monkeypatch.setenv("GUARDED_TOKEN", "hunter2")
    given = {"guarded": Given(True, "a test"), "folder": Given(tmp_path / "kept", "a test")}
    guarded.contexts(tmp_path).init(given, profile="live")
    web = asgi(guarded, tmp_path)
    transport = httpx.ASGITransport(web)
    form = {"profile": "live", "flow_id": "keep", "exclude": "one", "found": "true"}
    accepts = {"accept": "text/html"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        asked = await client.post("/clean_cmd", data=form, headers=accepts)
    assert asked.status_code == 422
    assert "everything, but not one" in asked.text
    for name, value in (("exclude", "one"), ("found", "true")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in asked.text
    await web.wait_until_ended()
