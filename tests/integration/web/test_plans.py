"""Plans on pages and in the API: what would change, and then just that."""

from __future__ import annotations

import asyncio
import html
import re
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from gated_app import Gates, Made, gated_app
from pydantic import BaseModel

from peaceful import App, Flow, Given, Role, WebSettings, WebToken
from peaceful._errors.usage import NameUnknown, UsageError
from peaceful._item.diff import Change
from peaceful._model.codec import JsonValue
from peaceful._web.diagrams.graphviz import Layouts
from peaceful._web.pages.rows import ChangeRow, DisplayStatus, changes_cut, changes_shown
from peaceful._web.pages.site import piece
from peaceful._web.server.serve import asgi
from peaceful.commands import Contexts

FORM = {"profile": "dev", "flow_id": "make"}
HTML = {"Accept": "text/html"}


async def planned(site: Any, **fields: str) -> str:
    """Asks by a form what would change; the ID of the plan."""
    response = await site.client.post("/plan_cmd", data={**FORM, **fields}, headers=HTML)
    assert response.status_code == 303, response.text
    plan_id = response.headers["location"].rpartition("/")[2]
    assert (await site.ended(plan_id))["state"] == "complete"
    return str(plan_id)


async def shown(site: Any, plan_id: str) -> str:
    """The page of a plan."""
    response = await site.client.get(f"/executions/{plan_id}", headers=HTML)
    assert response.status_code == 200
    return html.unescape(response.text)


async def carried_out(site: Any, plan_id: str) -> Any:
    """The execution that the button of a plan starts, once it has ended."""
    response = await site.client.post("/ensure_cmd", data={**FORM, "plan": plan_id})
    assert response.status_code == 303, response.text
    return await site.ended(response.headers["location"].rpartition("/")[2])


def stored(site: Any) -> Mapping[str, JsonValue]:
    """The parameters of the flow, as they are stored."""
    found: Mapping[str, JsonValue] = site.app.contexts(site.folder).stored("dev", "make")
    return found


async def test_what_would_change_and_then_just_that(site: Any) -> None:
    """The parameters that were typed count for the plan, and are stored with it, not before."""
    plan_id = await planned(site, **{"param.value": "typed"})
    page = await shown(site, plan_id)
    assert "Ensure these 3 changes" in page
    assert re.search(r"<del>made</del>\s*<ins>typed</ins>", page)
    assert (dict(stored(site)), site.gates.made) == ({"value": "made"}, {})
    ended = await carried_out(site, plan_id)
    assert (ended["state"], ended["outcome"]["by_plan"]) == ("complete", plan_id)
    assert set(site.gates.made.values()) == {stored(site)["value"]} == {"typed"}
    assert "Nothing would change" in await shown(site, await planned(site))


async def test_a_plan_that_does_not_hold_any_more(site: Any) -> None:
    """Nothing is done and nothing is stored; the page leads to another plan with what was typed."""
    plan_id = await planned(site, **{"param.value": "typed"})
    site.gates.made["dev.a"] = "by somebody else"
    refused = await carried_out(site, plan_id)
    assert refused["outcome"]["errors"][""]["code"] == "PLAN-STALE"
    assert (dict(stored(site)), site.gates.made) == (
        {"value": "made"}, {"dev.a": "by somebody else"},
    )  # fmt: skip
    page = await shown(site, refused["id"])
    assert "Plan anew" in page
    assert "Resume" not in page
    assert 'name="param.value" value="typed"' in page
    again = await planned(site, **{"param.value": "typed"})
    assert (await carried_out(site, again))["state"] == "complete"


async def test_an_interrupt_and_the_same_plan(site: Any) -> None:
    """What the page offers then is the same plan once more; nothing is repeated."""
    gate = site.gates.gate("dev", "a")
    plan_id = await planned(site)
    body = {"profile": "dev", "flow": "make", "command": "ensure", "plan": plan_id}
    started = (await site.client.post("/api/executions", json=body)).json()["id"]
    await gate.reached.wait()
    assert (await site.client.post("/api/executions", json=body)).status_code == 200
    other = {**body, "plan": await _plan_of_another_profile(site)}
    assert (await site.client.post("/api/executions", json=other)).json()["code"] == "BUSY"
    assert (await site.start()).json()["code"] == "BUSY"
    await site.client.post(f"/api/executions/{started}/interrupt")
    gate.open.set()
    assert (await site.ended(started))["state"] == "interrupted"
    assert f'name="plan" value="{plan_id}"' in await shown(site, started)
    again = await carried_out(site, plan_id)
    statuses = {item: each["status"] for item, each in again["outcome"]["items"].items()}
    assert statuses == {"a": "unchanged", "b": "done", "c": "unchanged"}


async def _plan_of_another_profile(site: Any) -> str:
    plan_id: str = await site.started("prod", command="plan")
    await site.ended(plan_id)
    return plan_id


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"plan": "01a20987-0000-7000-8000-000000000000"}, 404, "EXECUTION-UNKNOWN"),
        ({"plan": "x"}, 422, "PARAMS-INVALID"),
        ({"only": ["a"]}, 422, "PARAMS-INVALID"),
        ({"prune": True}, 422, "PARAMS-INVALID"),
        ({"params": {"value": "other"}}, 422, "PARAMS-INVALID"),
        ({"dry_run": True}, 422, "PARAMS-INVALID"),
        ({"command": "clean"}, 422, "PARAMS-INVALID"),
        ({"command": "plan"}, 422, "PARAMS-INVALID"),
    ],
)
async def test_what_does_not_go_with_a_plan(
    site: Any, more: dict[str, Any], status: int, code: str
) -> None:
    """Is refused, field by field: what is done is what the plan says."""
    body = {"profile": "dev", "flow": "make", "command": "ensure", "plan": await planned(site)}
    response = await site.client.post("/api/executions", json={**body, **more})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not site.gates.made


async def test_a_plan_in_the_api(site: Any) -> None:
    """Is there for programs, too, but for what secrets could be guessed by."""
    plan_id = await planned(site, **{"param.value": "typed"})
    plan = await site.get(f"/api/executions/{plan_id}/plan")
    assert (plan["execution_id"], plan["given"], plan["salt"]) == (plan_id, {"value": "typed"}, "")
    assert {item: each["status"] for item, each in plan["items"].items()} == dict.fromkeys(
        "abc", "would_create"
    )
    other = await site.started(command="diff")
    await site.ended(other)
    assert (await site.client.get(f"/api/executions/{other}/plan")).status_code == 422


async def test_what_has_made_no_plan(site: Any) -> None:
    """Neither another command, nor a plan that did not get to its end."""
    other = await site.started(command="diff")
    await site.ended(other)
    gate = site.gates.look("dev", "a")
    cut = await site.started(command="plan")
    await gate.reached.wait()
    await site.client.post(f"/api/executions/{cut}/interrupt")
    gate.open.set()
    assert (await site.ended(cut))["state"] == "interrupted"
    for execution_id in (other, cut):
        refused = await site.start(plan=execution_id)
        assert refused.status_code == 422
        assert "has no plan" in refused.json()["detail"]
    assert not site.gates.made


async def test_the_plan_of_another_profile(site: Any) -> None:
    """Does not hold here."""
    refused = await carried_out(site, await _plan_of_another_profile(site))
    assert "profile" in refused["outcome"]["errors"][""]["message"]
    assert not site.gates.made


async def test_what_was_typed_is_kept_whatever_is_in_the_way(site: Any) -> None:
    """Such as another execution: the form comes back with it."""
    gate = site.gates.gate("dev", "a")
    await site.started()
    await gate.reached.wait()
    for command in ("plan_cmd", "discover_cmd", "ensure_cmd"):
        form = {**FORM, "param.value": "typed by hand"}
        response = await site.client.post(f"/{command}", data=form, headers=HTML)
        assert response.status_code == 409
        assert 'value="typed by hand"' in response.text
        assert "BUSY" in response.text
    assert dict(stored(site)) == {"value": "made"}


async def test_the_parameters_of_a_plan_can_be_typed_on(site: Any) -> None:
    """The form has what the plan was made with."""
    plan_id = await planned(site, **{"param.value": "typed"})
    page = await site.client.get(f"/profiles/dev/make?plan={plan_id}", headers=HTML)
    assert 'value="typed"' in page.text


async def test_what_follows_a_plan_is_told(site: Any) -> None:
    """An execution since then may have changed what it says."""
    plan_id = await planned(site)
    assert "Since then" not in await shown(site, plan_id)
    later = await site.started(only=["c"])
    await site.ended(later)
    page = await shown(site, plan_id)
    assert "Since then" in page
    assert f"/executions/{later}" in page


async def test_a_page_tells_of_one_moment(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is made, its execution may end: all of it is of before, and the stream says more."""
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    get = Layouts.get

    async def slow(self: Layouts, plan: Any) -> Any:
        gate.open.set()
        await site.ended(execution_id)
        return await get(self, plan)

    monkeypatch.setattr(Layouts, "get", slow)
    page = await shown(site, execution_id)
    monkeypatch.undo()
    assert 'data-state="running"' in page
    assert 'id="row-a" data-item="a" data-stand="running"' in page
    since = re.search(r"live\?since=(\d+)", page)
    assert since is not None
    async with asyncio.timeout(10):
        stream = await site.client.get(f"/executions/{execution_id}/live?since={since[1]}")
    assert 'data-stand="done"' in stream.text
    assert "event: ended" in stream.text


# ---- what somebody else has to approve

ADA = WebToken("a" * 20, frozenset({Role.VIEW, Role.RUN, Role.INTERRUPT}), "ada")
BOB = WebToken("b" * 20, frozenset({Role.VIEW, Role.APPROVE}), "bob")
EVE = WebToken("e" * 20, name="eve")
"""May do everything, but not approve what she has planned."""


class Guarded:
    """A server on which the profile dev is changed only by plans that were approved."""

    def __init__(self, web: Any, gates: Gates) -> None:
        self.web = web
        self.gates = gates

    async def ask(self, who: WebToken, method: str, path: str, **more: Any) -> httpx.Response:
        """Asks for something in somebody's name."""
        headers = {"Authorization": f"Bearer {who.text}", **more.pop("headers", {})}
        transport = httpx.ASGITransport(self.web)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers, **more)

    async def run(self, who: WebToken, **more: Any) -> Any:
        """An execution, once it has ended; or the refusal."""
        body = {"profile": "dev", "flow": "make", "command": "ensure", **more}
        response = await self.ask(who, "POST", "/api/executions", json=body)
        if response.status_code != 202:
            return response.json()
        path = f"/api/executions/{response.json()['id']}"
        await self.ask(who, "GET", f"{path}/events")  # Until it has ended.
        return (await self.ask(who, "GET", path)).json()

    async def plan(self, who: WebToken) -> str:
        """The ID of a plan."""
        return str((await self.run(who, command="plan"))["id"])

    async def answer(self, who: WebToken, plan_id: str, **body: Any) -> httpx.Response:
        """Approves a plan, or refuses it."""
        return await self.ask(who, "POST", f"/api/executions/{plan_id}/approvals", json=body)

    async def page(self, who: WebToken, plan_id: str) -> str:
        """The page of a plan."""
        return html.unescape(
            (await self.ask(who, "GET", f"/executions/{plan_id}", headers=HTML)).text
        )


@pytest.fixture
async def guarded(workspace: Path, gates: Gates) -> AsyncIterator[Guarded]:
    """The server."""
    settings = WebSettings(tokens=(ADA, BOB, EVE), approve=("dev",))
    web = asgi(gated_app(), workspace, settings)
    async with web.lifespan(None):
        yield Guarded(web, gates)


async def test_nothing_is_changed_without_an_approval(guarded: Guarded) -> None:
    """Neither without a plan, nor by one that nobody has approved; other profiles are as before."""
    assert (await guarded.run(ADA))["code"] == "APPROVAL-NEEDED"
    assert (await guarded.run(ADA, command="clean"))["code"] == "APPROVAL-NEEDED"
    plan_id = await guarded.plan(ADA)
    assert (await guarded.run(ADA, plan=plan_id))["code"] == "APPROVAL-NEEDED"
    page = await guarded.page(ADA, plan_id)
    assert "approval of somebody else than ada" in page
    assert "carry-out" not in page
    assert not guarded.gates.made
    assert (await guarded.run(ADA, dry_run=True))["state"] == "complete"
    assert (await guarded.run(ADA, profile="prod"))["state"] == "complete"


async def test_one_plans_another_approves_and_just_that_is_done(guarded: Guarded) -> None:
    """Who approved it, when and with which words is told wherever the plan is."""
    plan_id = await guarded.plan(ADA)
    form = {"execution_id": plan_id, "approve": "true", "comment": "looks <b>good</b>"}
    answered = await guarded.ask(BOB, "POST", "/approve_cmd", data=form)
    assert answered.headers["location"] == f"/executions/{plan_id}"
    page = await guarded.page(ADA, plan_id)
    assert "approved by bob (web): looks <b>good</b>" in page
    assert "Ensure these 3 changes" in page
    ended = await guarded.run(ADA, plan=plan_id)
    assert ended["state"] == "complete"
    assert ended["started_by"]["user"] == "ada"
    assert f"/executions/{plan_id}" in await guarded.page(BOB, ended["id"])
    shown = (await guarded.ask(BOB, "GET", f"/api/executions/{plan_id}")).json()
    (approval,) = shown["outcome"]["approvals"]
    assert approval["by"]["name"] == "bob"


async def test_who_may_answer(guarded: Guarded) -> None:
    """Somebody with the role, who has not made it; and the first answer counts."""
    plan_id, own = await guarded.plan(ADA), await guarded.plan(EVE)
    assert (await guarded.answer(ADA, plan_id, approve=True)).status_code == 403
    refused = await guarded.answer(EVE, own, approve=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "APPROVAL-NEEDED")
    assert (await guarded.answer(BOB, plan_id, approve=False, comment="too late")).is_success
    late = await guarded.answer(EVE, plan_id, approve=True)
    assert (late.status_code, late.json()["code"]) == (409, "NOT-ASKED")
    assert "refused by bob (api): too late" in late.json()["detail"]
    page = await guarded.page(ADA, plan_id)
    assert "refused by bob (api): too late" in page
    assert "carry-out" not in page
    assert (await guarded.run(ADA, plan=plan_id))["code"] == "APPROVAL-NEEDED"
    other = (await guarded.run(ADA, command="diff"))["id"]
    assert (await guarded.answer(BOB, other, approve=True)).json()["code"] == "NOT-ASKED"
    assert not guarded.gates.made


async def test_two_answers_at_once(guarded: Guarded) -> None:
    """One of them counts, and the other one is told of it."""
    plan_id = await guarded.plan(ADA)
    answers = await asyncio.gather(
        *(guarded.answer(who, plan_id, approve=who is BOB) for who in (BOB, EVE))
    )
    assert sorted(each.status_code for each in answers) == [200, 409]


@pytest.mark.parametrize(
    "tokens", [(), (WebToken("x" * 20),), (ADA,), (BOB,), (EVE,), (ADA, WebToken("x" * 20))]
)
def test_somebody_must_be_there_to_approve(tokens: tuple[WebToken, ...]) -> None:
    """Who plans may not; and nobody knows who has a token without a name."""
    with pytest.raises(UsageError, match="Nobody could approve"):
        WebSettings(tokens=tokens, approve=("dev",))


def test_a_misspelt_profile_is_refused(workspace: Path) -> None:
    """It would leave the right one to everybody."""
    with pytest.raises(NameUnknown, match="dve"):
        asgi(gated_app(), workspace, WebSettings(tokens=(ADA, BOB), approve=("dve",)))


# ---- where the application asks


class Place(BaseModel):
    """What holds for a profile."""

    production: bool = False


@pytest.fixture
async def asking(tmp_path: Path, gates: Gates) -> AsyncIterator[httpx.AsyncClient]:
    """A server of an application that asks before it changes what is in production."""
    app = App("asking", profile_params=Place, asks_before=lambda place, _: place.production)

    @app.flow("make")
    def _make(flow: Flow) -> None:
        flow.add("a", Made(name=f"{flow.profile}.a"))

    contexts = Contexts.of(app, tmp_path)
    contexts.init({"production": Given(True, "a test")}, profile="prod")
    contexts.init({}, profile="dev")
    web = asgi(app, tmp_path)
    transport = httpx.ASGITransport(web)
    async with (
        web.lifespan(None),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client


async def test_the_name_of_the_profile_is_typed(asking: httpx.AsyncClient, gates: Gates) -> None:
    """Before it is changed by its plan, or without one; a wrong name leads back to the question."""
    plans = {}
    for profile in ("dev", "prod"):
        form = {"profile": profile, "flow_id": "make"}
        started = await asking.post("/plan_cmd", data=form)
        plans[profile] = started.headers["location"].rpartition("/")[2]
        await asking.get(f"/api/executions/{plans[profile]}/events")
        page = (await asking.get(f"/executions/{plans[profile]}", headers=HTML)).text
        assert ("to go on" in page) is (profile == "prod")
    form = {"profile": "prod", "flow_id": "make", "plan": plans["prod"]}
    wrong = await asking.post("/ensure_cmd", data={**form, "confirm": "dev"}, headers=HTML)
    assert wrong.status_code == 422
    assert "its name was not typed" in wrong.text
    assert "Ensure this change" in wrong.text
    bare = await asking.post(
        "/ensure_cmd", data={"profile": "prod", "flow_id": "make"}, headers=HTML
    )
    assert bare.status_code == 422
    assert "see first what would change" in bare.text
    assert not gates.made
    right = await asking.post("/ensure_cmd", data={**form, "confirm": "prod"})
    assert right.status_code == 303
    await asking.get(f"/api{right.headers['location']}/events")
    assert gates.made == {"prod.a": "made"}


async def test_the_plan_that_an_execution_is_held_to_is_known_from_its_start(site: Any) -> None:
    """Also of one that another process runs, or whose ending nobody has written down."""
    gate = site.gates.gate("dev", "a")
    plan_id = await planned(site)
    started = await site.started(plan=plan_id)
    await gate.reached.wait()
    page = await shown(site, started)
    assert f'href="/executions/{plan_id}"' in page
    record = site.app.contexts(site.folder).executions.get(started)
    assert record.asked.plan == plan_id


async def test_a_plan_that_is_forgotten(site: Any, workspace: Path) -> None:
    """What was held to it is not carried on without: what is left is planned anew."""
    gate = site.gates.gate("dev", "a")
    plan_id = await planned(site)
    started = await site.started(plan=plan_id)
    await gate.reached.wait()
    await site.client.post(f"/api/executions/{started}/interrupt")
    gate.open.set()
    await site.ended(started)
    register = workspace / ".peace/gated/.executions.sqlite3"
    with closing(sqlite3.connect(register, isolation_level=None)) as connection:
        connection.execute("DELETE FROM outcomes WHERE id = ?", (plan_id,))
    page = await shown(site, started)
    assert "Resume</button>" not in page
    assert "Ensure…" in page


async def test_a_plan_of_some_items(site: Any) -> None:
    """Is carried out for these; the execution tells how they were chosen, as the plan does."""
    plan_id = await planned(site, exclude="b")
    ended = await carried_out(site, plan_id)
    assert site.gates.made.keys() == {"dev.a", "dev.c"}
    plan = await site.get(f"/api/executions/{plan_id}")
    assert ended["selection"] == plan["selection"]
    assert ended["selection"]["exclude"] == ["b"]


def test_changes_that_are_not_shown_are_counted() -> None:
    """A page has the first of many; what it leaves out is said."""
    changes = [Change(f"field_{number}", 1, 2) for number in range(25)]
    row = ChangeRow(
        "a", DisplayStatus.WOULD_CHANGE, "would change", "", "",
        changes_shown(changes), changes_cut(changes),
    )  # fmt: skip
    shown_ones = piece("parts.html", "changed", row.changes, row.more_changes)
    assert ("field_19" in shown_ones, "field_20" in shown_ones) == (True, False)
    assert "and 5 more" in shown_ones
