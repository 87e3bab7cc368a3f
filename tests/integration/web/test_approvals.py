"""Approvals at the doors of the web: a form on the page of an execution, and a call of the API."""

from __future__ import annotations

import asyncio
import threading
from html import escape
from typing import Any

import httpx
import pytest

from peaceful import App, WebSettings, WebToken
from peaceful._app.web_settings import Role
from peaceful._executions import running
from peaceful._web.server.serve import asgi

QUESTION = "Deploy <b>1.4</b> to prod?"
TOKENS = {
    "ada": frozenset({Role.VIEW, Role.APPROVE}),
    "bob": frozenset({Role.VIEW, Role.RUN, Role.INTERRUPT}),
}


@pytest.fixture
async def asking(site: Any) -> str:
    """An execution whose item `a` waits for an approval; its ID."""
    site.gates.asking["dev.a"] = QUESTION
    execution_id: str = await site.started()
    while "a" not in (await site.get(f"/api/executions/{execution_id}/progress"))["asking"]:
        pass
    return execution_id


def path_of(execution_id: str, item: str = "a") -> str:
    """The address at which an item is answered."""
    return f"/api/executions/{execution_id}/approvals/{item}"


async def test_the_api_approves(site: Any, asking: str) -> None:
    """The answer is what counts from now on; how it ended tells of it."""
    shown = await site.get(f"/api/executions/{asking}")
    assert shown["items"]["a"]["asks"] == QUESTION

    body = {"approve": True, "comment": "it was tested"}
    answered = await site.client.post(path_of(asking), json=body)

    assert answered.status_code == 200
    approval = answered.json()
    assert (approval["approved"], approval["comment"]) == (True, "it was tested")
    assert approval["by"] == {"door": "api", "name": None, "host": None}
    ended = await site.ended(asking)
    assert ended["state"] == "complete"
    assert ended["outcome"]["approvals"] == [approval]


async def test_the_api_refuses(site: Any, asking: str) -> None:
    """The item fails, and says by whom."""
    body = {"approve": False, "comment": "not today"}
    assert (await site.client.post(path_of(asking), json=body)).status_code == 200
    ended = await site.ended(asking)

    error = ended["outcome"]["errors"]["a"]
    assert error["code"] == "NOT-APPROVED"
    assert "refused by somebody (api): not today" in error["message"]


async def test_only_what_is_asked_can_be_answered(site: Any, asking: str) -> None:
    """Others are refused, with who was first."""

    async def answer(item: str = "a", **more: Any) -> httpx.Response:
        response: httpx.Response = await site.client.post(
            path_of(asking, item), json={"approve": True, **more}
        )
        return response

    other = await answer("c")
    assert (other.status_code, other.json()["code"]) == (409, "NOT-ASKED")
    changed = await answer(question="Deploy 1.5 to prod?")
    assert (changed.status_code, changed.json()["code"]) == (409, "NOT-ASKED")
    codes = sorted(each.status_code for each in await asyncio.gather(answer(), answer(), answer()))
    assert codes == [200, 409, 409]
    late = await answer()
    assert late.status_code == 409
    await site.ended(asking)
    ended = await answer()
    assert (ended.status_code, ended.json()["code"]) == (409, "NOT-ASKED")
    unknown = await site.client.post(
        path_of("01890000-0000-7000-8000-000000000000"), json={"approve": True}
    )
    assert unknown.status_code == 404


@pytest.mark.parametrize("body", [{}, {"approve": "yes"}, {"approve": True, "colour": "red"}])
async def test_an_answer_is_yes_or_no(site: Any, asking: str, body: dict[str, Any]) -> None:
    """Anything else is wrong, and nothing is approved by it."""
    assert (await site.client.post(path_of(asking), json=body)).status_code == 422
    assert "a" in (await site.get(f"/api/executions/{asking}/progress"))["asking"]


async def test_the_page_asks(site: Any, asking: str) -> None:
    """Its form works without a script; afterwards it tells what was answered."""
    html = {"Accept": "text/html"}
    page = (await site.client.get(f"/executions/{asking}", headers=html)).text
    assert escape(QUESTION) in page
    assert "<b>1.4</b>" not in page
    assert "waiting for an approval" in page
    assert 'action="/approve_cmd"' in page

    form = {"execution_id": asking, "item": "a", "question": QUESTION, "comment": "<i>"}
    nothing = await site.client.post("/approve_cmd", data=form)
    assert nothing.status_code == 422
    answered = await site.client.post("/approve_cmd", data={**form, "approve": "true"})
    assert answered.status_code == 303
    assert answered.headers["location"] == f"/executions/{asking}"
    await site.ended(asking)

    page = (await site.client.get(f"/executions/{asking}", headers=html)).text
    assert "was approved by somebody (web): &lt;i&gt;" in page
    assert "approve_cmd" not in page
    late = await site.client.post("/approve_cmd", data={**form, "approve": "false"}, headers=html)
    assert late.status_code == 409
    assert "NOT-ASKED" in late.text


async def test_only_who_may_approves(site: Any, asking: str, workspace: Any) -> None:
    """A token needs the role for it; its name is told of the answer."""
    settings = WebSettings(
        tokens=tuple(WebToken(f"{name}-" + "x" * 40, TOKENS[name], name) for name in TOKENS),
        hosts=("site",),
    )
    app: App = site.app
    second = asgi(app, workspace, settings=settings)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(second), base_url="http://site"
    ) as client:
        bob, ada = [
            await client.post(
                path_of(asking),
                json={"approve": True},
                headers={"Authorization": f"Bearer {name}-{'x' * 40}"},
            )
            for name in ("bob", "ada")
        ]
    assert (bob.status_code, ada.status_code) == (403, 200)
    assert ada.json()["by"]["name"] == "ada"
    assert (await site.ended(asking))["state"] == "complete"


class Held(threading.Event):
    """An event that tells when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits, and tells."""
        self.reached.set()
        return super().wait(timeout)


async def test_a_blocked_execution_takes_no_answer(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answers is told so; and the answer does not count later, when nobody expects it."""
    monkeypatch.setattr(running, "ANSWER_PATIENCE", 0.1)
    site.gates.asking["dev.a"] = QUESTION
    gate, held = site.gates.gate("dev", "c"), Held()
    site.gates.blocking["dev.c"] = held
    execution_id = await site.started()
    while "a" not in (await site.get(f"/api/executions/{execution_id}/progress"))["asking"]:
        pass
    gate.open.set()
    await asyncio.to_thread(held.reached.wait)
    answer = {"approve": True}
    blocked = await site.client.post(path_of(execution_id), json=answer)
    assert (blocked.status_code, blocked.json()["code"]) == (503, "EXECUTOR-UNREACHABLE")
    held.set()
    assert (await site.client.post(path_of(execution_id), json=answer)).status_code == 200
    assert (await site.ended(execution_id))["state"] == "complete"
