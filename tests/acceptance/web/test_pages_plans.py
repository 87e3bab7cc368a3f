"""Plan, approve, deploy: by two people, each with a token of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import pytest
import pytest_asyncio
from browser import Tab
from page_views import good_to_everyone
from playwright.async_api import expect
from scripted_app import ACTS, ActServer, act_server, app

from peaceful import Given, Role, WebToken
from peaceful.commands import Contexts

OpenTab: TypeAlias = Callable[..., Awaitable[Tab]]

PROFILE = "guarded"
ADA = WebToken("a" * 20, frozenset({Role.VIEW, Role.RUN, Role.INTERRUPT}), "ada")
BOB = WebToken("b" * 20, frozenset({Role.VIEW, Role.APPROVE}), "bob")


@pytest_asyncio.fixture(loop_scope="session")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ActServer]:
    """A server that changes a profile only by plans that somebody else has approved."""
    folder = tmp_path_factory.mktemp("acts")
    Contexts.of(app, folder).init({"items": Given(3, "a test")}, profile=PROFILE, flow="make")
    async with act_server(folder, tokens=(ADA, BOB), approve=PROFILE) as server:
        yield server


async def test_plan_approve_deploy(acts: ActServer, open_tab: OpenTab) -> None:
    """One plans with other parameters; the other looks and approves; then just that is done."""
    ada = await open_tab(acts)
    bob = await open_tab(dataclasses.replace(acts, token=BOB.text))
    await ada.open(f"/profiles/{PROFILE}/make")
    await ada.page.get_by_label("value").fill("of ada")
    await ada.page.get_by_role("button", name="Ensure…").first.click()
    plan = ada.page.locator("#plan")
    await expect(plan).to_contain_text("approval of somebody else than ada")
    await expect(ada.page.get_by_role("button", name="Ensure these")).to_have_count(0)
    await expect(ada.page.get_by_role("button", name="Approve")).to_be_hidden()
    await good_to_everyone(ada, "waits", thoroughly=True)
    address = ada.page.url.removeprefix(acts.address)

    await bob.open(address)
    await expect(bob.page.locator("#plan ins").first).to_have_text("of ada")
    await expect(bob.page.get_by_role("button", name="Plan anew")).to_be_hidden()
    await good_to_everyone(bob, "approves", thoroughly=True)
    await bob.page.get_by_label("Comment").fill("as we <b>said</b>")
    # The page asks now and then whether somebody else has answered.
    await bob.page.wait_for_event("response", lambda response: "part=plan" in response.url)
    await bob.page.evaluate("() => new Promise(requestAnimationFrame)")
    await expect(bob.page.get_by_label("Comment")).to_have_value("as we <b>said</b>")
    await bob.page.get_by_role("button", name="Approve").click()
    await expect(bob.page.locator("#plan")).to_contain_text("approved by bob (web)")
    await expect(bob.page.get_by_role("button", name="Ensure these 3 changes")).to_be_hidden()

    # Her page has been there all the time.
    await expect(plan).to_contain_text("It was approved by bob (web): as we <b>said</b>")
    await good_to_everyone(ada, "approved")
    await ada.page.get_by_role("button", name="Ensure these 3 changes").click()
    title = ada.page.get_by_role("heading", level=1)
    await expect(title).to_have_text(f"{PROFILE} is as it should be")
    assert ACTS.act(PROFILE, "thing_1").made == "of ada"
    await ada.page.get_by_role("link", name="plan").first.click()
    await expect(ada.page.locator("#plan")).to_contain_text("Since then")
    await good_to_everyone(ada, "done")


async def test_a_plan_that_is_refused(acts: ActServer, open_tab: OpenTab) -> None:
    """Cannot be carried out; and another one can be made from it."""
    plan_id = await acts.run(PROFILE, "plan", params={"value": "too early"})
    bob = await open_tab(dataclasses.replace(acts, token=BOB.text))
    await bob.open(f"/executions/{plan_id}")
    await bob.page.get_by_label("Comment").fill("not today")
    await bob.page.get_by_role("button", name="Refuse").click()
    await expect(bob.page.locator("#plan")).to_contain_text("refused by bob (web): not today")
    ada = await open_tab(acts)
    await ada.open(f"/executions/{plan_id}")
    await expect(ada.page.get_by_role("button", name="Ensure these")).to_have_count(0)
    await good_to_everyone(ada, "refused")
    await ada.page.get_by_role("link", name="Other parameters").click()
    await expect(ada.page.get_by_label("value")).to_have_value("too early")
    await ada.page.get_by_label("value").fill("later")
    await ada.page.get_by_role("button", name="Ensure…").first.click()
    await expect(ada.page.locator("#plan ins").first).to_have_text("later")


async def test_what_is_typed_is_not_lost_by_leaving(acts: ActServer, open_tab: OpenTab) -> None:
    """The browser asks first; not where it was sent, and not where nothing was typed."""
    ada = await open_tab(acts)
    asked: list[str] = []

    async def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]  # of Playwright
        await dialog.dismiss()  # type: ignore[attr-defined]

    ada.page.on("dialog", stay)
    await ada.open(f"/profiles/{PROFILE}/make")
    await ada.page.get_by_label("value").fill("typed")
    await ada.page.get_by_role("link", name="Executions").first.click()
    await expect(ada.page.get_by_label("value")).to_have_value("typed")
    assert asked == ["beforeunload"]
    await ada.page.get_by_role("button", name="Ensure…").first.click()
    await expect(ada.page.locator("#plan ins").first).to_have_text("typed")
    assert asked == ["beforeunload"]
