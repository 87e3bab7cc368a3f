"""What pages bear: hostile words, long names, very many items, and eyes that need more."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import pytest_asyncio
from browser import Tab
from hostile_texts import SCRIPT, TEXTS
from page_views import PHONE, WIDE, good_to_everyone, nothing_sticks_out
from playwright.async_api import expect
from scripted_app import ACTS, ActServer, act_server

if TYPE_CHECKING:
    from playwright.async_api import Page

OpenTab: TypeAlias = Callable[..., Awaitable[Tab]]

_MOST_BYTES = 60_000

_TRANSFERRED = """() => performance.getEntries()
    .filter(each => each.entryType === "navigation" || each.entryType === "resource")
    .reduce((sum, each) => sum + each.transferSize, 0)"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ActServer]:
    """A server for all tests of this module; each has profiles of its own."""
    async with act_server(tmp_path_factory.mktemp("acts")) as server:
        yield server


async def _state(page: Page, state: str) -> None:
    await expect(page.locator("#head")).to_have_attribute("data-state", state)


@pytest.mark.parametrize("wants", TEXTS)
async def test_hostile_words(acts: ActServer, open_tab: OpenTab, wants: str) -> None:
    """Are shown as words, while it runs and afterwards; no script runs, and nothing sticks out."""
    text = TEXTS[wants]
    profile = acts.profile(items=2, layers=1)
    says, fails = ACTS.act(profile, "thing_1", waits=True), ACTS.act(profile, "thing_2", waits=True)
    says.says, fails.fails = text, text
    execution_id = await acts.started(profile)
    await fails.reached.wait()
    tab = await open_tab(acts)
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    await expect(page.locator("#connection")).to_have_text("live")
    await expect(page.locator("#row-thing_1 .message")).not_to_be_empty()
    await nothing_sticks_out(tab)
    reason = "" if wants == "turned" else text[:300].replace("\x00", "")
    await acts.interrupted(execution_id, reason=reason)
    fails.open.set()
    await expect(page.locator("#row-thing_2")).to_contain_text("failed")
    says.open.set()
    await _state(page, "failed")
    await expect(page.locator("#failures .code")).to_have_text("ITEM-FAILED")
    await expect(page.locator("#connection")).to_have_text("ended")
    await expect(page.locator("h1")).to_have_text("thing_2 failed")
    assert await page.evaluate("window.harmed") is None
    if wants == "script":
        await expect(page.locator("#failures")).to_contain_text(SCRIPT)
    shown = await page.locator("main").inner_text()
    assert not re.search("[\x00\x07\x08\x1b\x7f\x9b]", shown)
    assert len(await page.content()) < 100_000
    await good_to_everyone(tab, wants)
    await tab.open("/executions")
    await nothing_sticks_out(tab)


async def test_hostile_parameters(acts: ActServer, open_tab: OpenTab) -> None:
    """Are shown as they were typed, in their fields and in what would change."""
    profile = acts.profile(items=1, layers=1, value=SCRIPT)
    await acts.run(profile, "discover")
    tab = await open_tab(acts)
    await tab.open(f"/profiles/{profile}/make")
    await expect(tab.page.get_by_label("value")).to_have_value(SCRIPT)
    await expect(tab.page.locator("#diff ins")).to_contain_text(
        "<script>window.harmed = 1</script>"
    )
    assert await tab.page.evaluate("window.harmed") is None
    await good_to_everyone(tab)


async def test_long_names(acts: ActServer, open_tab: OpenTab) -> None:
    """Of profiles and items are whole, and push nothing off the page."""
    profile = acts.profile(
        "a_profile_with_a_name_that_goes_on_and_on_and_on_until_nobody_can_hear_it_any_more"
    )
    profile = acts.profile(profile, items=4, names="long")
    execution_id = await acts.run(profile)
    tab = await open_tab(acts)
    for path in (f"/executions/{execution_id}", f"/profiles/{profile}/make", "/", "/executions"):
        await tab.open(path)
        await good_to_everyone(tab, re.sub(r"\W", "_", path[:12]))


async def _both_ways(tab: Tab) -> None:
    for width, height in (PHONE, WIDE):
        await tab.page.set_viewport_size({"width": width, "height": height})
        await nothing_sticks_out(tab)
        await tab.shot(str(width))


async def test_two_hundred_items(acts: ActServer, open_tab: OpenTab) -> None:
    """Are on one page, dense, each with its row that is kept up to date."""
    profile = acts.profile(items=200, layers=10)
    act = ACTS.act(profile, "thing_050", waits=True)
    execution_id = await acts.started(profile)
    await act.reached.wait()
    tab = await open_tab(acts)
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    await expect(page.locator("#rows tr")).to_have_count(200)
    await expect(page.locator(".pager")).to_have_count(0)
    await expect(page.locator("#note")).to_contain_text("thing_050 is in progress")
    height: float = await page.locator("#rows").evaluate(
        "each => each.getBoundingClientRect().height"
    )
    assert height / 200 <= 32
    await tab.check()
    await _both_ways(tab)
    act.open.set()
    await _state(page, "complete")
    await expect(page.locator("#rows > tr[data-stand=done]")).to_have_count(200)


async def test_ten_thousand_items(acts: ActServer, open_tab: OpenTab) -> None:
    """Come in pages; what matters now is kept up to date, and how many there are of each."""
    profile = acts.profile(items=10_000, layers=10)
    ACTS.held.add(profile)
    act = ACTS.act(profile, "thing_00001", waits=True)
    act.fails = "Not this one."
    execution_id = await acts.started(profile)
    await act.reached.wait()
    tab = await open_tab(acts)
    page = tab.page
    response = await tab.open(f"/executions/{execution_id}")
    assert len(await response.body()) < 250_000
    await expect(page.locator("#rows tr")).to_have_count(200)
    matters = page.locator("#matters")
    await expect(matters).to_contain_text("thing_00001")
    pages = page.get_by_role("navigation", name="Pages of items")
    await pages.get_by_role("link", name="201", exact=True).click()
    await expect(page.locator("#row-thing_00201")).to_be_attached()
    await expect(page.locator("#connection")).to_have_text("live")
    await _both_ways(tab)
    act.open.set()
    await expect(matters.get_by_role("row", name="thing_00001")).to_contain_text("failed")
    await acts.interrupted(execution_id, "cancel")
    await _state(page, "failed")
    await expect(page.locator("#failures")).to_contain_text("Not this one.")
    assert await matters.locator("tr").count() <= 80
    await tab.open(f"/profiles/{profile}/make")
    assert await page.locator("#diff tr").count() <= 1001
    await nothing_sticks_out(tab)


async def test_what_a_page_weighs(acts: ActServer, open_tab: OpenTab) -> None:
    """Little enough for a bad connection, by the browser's own count, at its first visit."""
    profile = acts.profile(items=12, layers=3)
    execution_id = await acts.run(profile)
    for path in ("/", f"/executions/{execution_id}", f"/profiles/{profile}/make"):
        tab = await open_tab(acts)
        # The first page after the token would be the overview, which has most of it.
        client = await tab.page.context.new_cdp_session(tab.page)
        await client.send("Network.clearBrowserCache")
        await tab.open(path)
        await tab.page.wait_for_load_state("networkidle")
        weighs: int = await tab.page.evaluate(_TRANSFERRED)
        assert 5_000 < weighs <= _MOST_BYTES, path


async def test_reduced_motion(acts: ActServer, open_tab: OpenTab) -> None:
    """Nothing moves for those whom it makes dizzy."""
    profile = acts.profile(items=2)
    act = ACTS.act(profile, "thing_1", waits=True)
    execution_id = await acts.started(profile)
    await act.reached.wait()
    for motion, moving in (("no-preference", True), ("reduce", False)):
        tab = await open_tab(acts, reduced_motion=motion)
        await tab.open(f"/executions/{execution_id}")
        await expect(tab.page.locator("#rows progress")).to_have_count(1)
        moves = await tab.page.evaluate("document.getAnimations().length > 0")
        assert moves is moving
    act.open.set()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("forced", {"forced_colors": "active"}),
        ("zoomed", {"viewport": {"width": 640, "height": 400}}),
        ("narrow", {"viewport": {"width": 320, "height": 640}}),
    ],
)
async def test_eyes_that_need_more(
    acts: ActServer, open_tab: OpenTab, name: str, settings: Any
) -> None:
    """With colours of one's own, or everything twice or four times as large, nothing is lost."""
    profile = acts.profile(items=4)
    act = ACTS.act(profile, "thing_1", waits=True)
    execution_id = await acts.started(profile)
    await act.reached.wait()
    tab = await open_tab(acts, **settings)
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    await page.get_by_role("button", name="Interrupt").click()
    await expect(page.get_by_role("link", name="Stop now…")).to_be_visible()
    await nothing_sticks_out(tab)
    await tab.shot(f"{name}-interrupting")
    act.open.set()
    await _state(page, "interrupted")
    for path in (f"/executions/{execution_id}", f"/profiles/{profile}/make", "/", "/executions"):
        await tab.open(path)
        await nothing_sticks_out(tab)
        await tab.check()
    await tab.shot(name)


async def test_on_paper(acts: ActServer, open_tab: OpenTab) -> None:
    """There is what happened, and nothing that would have to be clicked."""
    profile = acts.profile(items=4)
    execution_id = await acts.run(profile)
    tab = await open_tab(acts, color_scheme="dark", viewport={"width": PHONE[0] * 2, "height": 900})
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    await page.emulate_media(media="print")
    for gone in ("#head .actions", ".sections", ".keys", "#connection"):
        await expect(page.locator(gone)).to_be_hidden()
    await expect(page.locator("#rows tr")).to_have_count(4)
    background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"
    await tab.shot()
