"""The page of an execution whose item asks people: with a script and without, wide and narrow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import pytest
import pytest_asyncio
from browser import Tab
from page_views import nothing_sticks_out
from playwright.async_api import expect
from scripted_app import ACTS, ActServer, act_server

OpenTab: TypeAlias = Callable[..., Awaitable[Tab]]

QUESTION = "Deploy 1.4 to prod, which every customer uses from that very minute on?"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ActServer]:
    """A server for all tests of this module; each has profiles of its own."""
    async with act_server(tmp_path_factory.mktemp("acts")) as server:
        yield server


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_question_appears_and_is_answered(
    acts: ActServer, open_tab: OpenTab, scheme: Any
) -> None:
    """Whoever watches sees it come, and whoever sees little hears of it; one press answers."""
    profile = acts.profile(items=2, layers=2)
    first = ACTS.act(profile, "thing_1", waits=True)
    ACTS.act(profile, "thing_2").asks = QUESTION
    execution_id = await acts.started(profile)
    await first.reached.wait()
    tab = await open_tab(acts, color_scheme=scheme, viewport={"width": 360, "height": 740})
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    await expect(page.get_by_text(QUESTION).first).to_be_hidden()
    first.open.set()
    await expect(page.get_by_role("status").filter(has_text=QUESTION)).to_be_visible()
    await expect(page.locator("#row-thing_2")).to_contain_text("waiting for an approval")
    await tab.check()
    await nothing_sticks_out(tab)
    await page.get_by_label("Comment").fill("it was tested")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("approved by somebody (web): it was tested")).to_be_visible()
    await expect(page.locator("#head")).to_have_attribute("data-state", "complete")
    await tab.check()


async def test_without_a_script(acts: ActServer, open_tab: OpenTab) -> None:
    """The form leads back to the page, which says how it ended."""
    profile = acts.profile(items=1, layers=1)
    ACTS.act(profile, "thing_1").asks = QUESTION
    execution_id = await acts.started(profile)
    while not (await acts.client.get(f"/api/executions/{execution_id}/progress")).json()["asking"]:
        pass
    tab = await open_tab(acts, java_script_enabled=False)
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    await page.get_by_role("button", name="Refuse").click()
    await page.wait_for_url(f"**/executions/{execution_id}")
    await acts.ended(execution_id)
    await page.reload()
    await expect(page.get_by_text("NOT-APPROVED")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)


async def test_a_comment_outlives_the_next_question(acts: ActServer, open_tab: OpenTab) -> None:
    """What somebody is typing stays, although that part of the page is sent anew."""
    profile = acts.profile(items=3, layers=2)
    first = ACTS.act(profile, "thing_1", waits=True)
    ACTS.act(profile, "thing_2").asks = QUESTION
    ACTS.act(profile, "thing_3").asks = "And this?"
    execution_id = await acts.started(profile)
    await first.reached.wait()
    tab = await open_tab(acts)
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    comment = page.locator("#comment-thing_2")
    await comment.fill("half of a sen")
    first.open.set()
    await expect(page.locator("#comment-thing_3")).to_be_visible()
    await expect(comment).to_have_value("half of a sen")
    await comment.press_sequentially("tence")
    await comment.locator("xpath=..").get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("approved by somebody (web): half of a sentence")).to_be_visible()
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("#head")).to_have_attribute("data-state", "complete")
