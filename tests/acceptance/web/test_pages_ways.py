"""Other ways of using the pages than with a mouse: by keyboard alone, and without JavaScript."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import pytest
import pytest_asyncio
from browser import Tab
from page_views import nothing_sticks_out
from playwright.async_api import Page, expect
from scripted_app import ACTS, ActServer, act_server

if TYPE_CHECKING:
    from playwright.async_api import Locator

OpenTab: TypeAlias = Callable[..., Awaitable[Tab]]

_MOST_TABS = 40

_RING = """() => {
    // After the last element the browser's own bars have their turn.
    if (document.activeElement === document.body) return true;
    const style = getComputedStyle(document.activeElement);
    const node = document.activeElement.querySelector(".node > rect");
    const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return ring || (node !== null && parseFloat(getComputedStyle(node).strokeWidth) >= 2);
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ActServer]:
    """A server for all tests of this module; each has profiles of its own."""
    async with act_server(tmp_path_factory.mktemp("acts")) as server:
        yield server


async def _tab_to(page: Page, target: Locator) -> None:
    """Presses Tab until something has the focus, which is seen at every step."""
    for _ in range(_MOST_TABS):
        await page.keyboard.press("Tab")
        assert await page.evaluate(_RING), await page.evaluate("document.activeElement.outerHTML")
        if await target.evaluate("each => each === document.activeElement"):
            return
    raise AssertionError(f"{_MOST_TABS} times Tab do not lead to {target}")


async def _state(page: Page, state: str) -> None:
    await expect(page.locator("#head")).to_have_attribute("data-state", state)


async def _started(page: Page, button: str) -> str:
    """Presses a button that starts an execution; its ID, once its page is there."""
    before = page.url
    await page.get_by_role("button", name=button).first.click()
    await page.wait_for_url(lambda url: url != before and "/executions/" in url)
    return page.url.rpartition("/")[2]


async def _planned(page: Page) -> str:
    """Presses Ensure and then the button that does what it would do; the ID, as of `_started`."""
    await _started(page, "Ensure…")
    while not await page.locator(".carry-out").count():
        # Without scripts, the page is reloaded until the plan is there.
        await page.reload()
    return await _started(page, "Ensure these")


async def test_by_keyboard_alone(acts: ActServer, open_tab: OpenTab) -> None:
    """All of it is reached by Tab, and done by Enter; and the focus is seen all the way."""
    profile = acts.profile(items=4)
    act = ACTS.act(profile, "thing_1", waits=True)
    page = (await open_tab(acts)).page
    await _tab_to(page, page.get_by_role("link", name=profile, exact=True))
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/profiles/{profile}")
    await _tab_to(page, page.get_by_role("button", name="Ensure…").first)
    await page.keyboard.press("Enter")
    does_it = page.get_by_role("button", name="Ensure these 4 changes")
    await expect(does_it).to_be_visible()
    await _tab_to(page, does_it)
    await page.keyboard.press("Enter")
    await act.reached.wait()
    await _state(page, "running")
    await _tab_to(page, page.get_by_role("button", name="Interrupt"))
    await page.keyboard.press("Enter")
    await _state(page, "interrupting")
    await _tab_to(page, page.get_by_role("link", name="Stop now…"))
    await page.keyboard.press("Enter")
    question = page.get_by_role("dialog")
    await expect(question).to_be_visible()
    # What is asked first is the way back; Escape is one, too.
    await expect(question.get_by_role("link", name="Go back")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(question).to_have_count(0)
    await expect(page.get_by_role("link", name="Stop now…")).to_be_focused()
    act.open.set()
    await _state(page, "interrupted")
    # The link is gone: whoever was there is taken to where it says how it ended.
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await _tab_to(page, page.get_by_role("button", name="Resume"))
    await page.keyboard.press("Enter")
    await _state(page, "complete")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="To the content")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await _tab_to(page, page.get_by_role("link", name="Clean…"))
    await page.keyboard.press("Enter")
    await _tab_to(page, question.get_by_role("button", name=f"Clean {profile}"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"{profile} is cleaned up")


async def test_shortcuts(acts: ActServer, open_tab: OpenTab) -> None:
    """I interrupts and R resumes; not where somebody types, and not where they are switched off."""
    profile = acts.profile(items=2)
    act = ACTS.act(profile, "thing_1", waits=True)
    execution_id = await acts.started(profile)
    await act.reached.wait()
    tab = await open_tab(acts)
    page, switch = tab.page, tab.page.get_by_label("keyboard")
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if request.method == "POST" else None
    )
    await tab.open(f"/executions/{execution_id}")
    await switch.uncheck()
    await page.reload()
    await expect(switch).not_to_be_checked()
    await page.keyboard.press("i")
    await page.keyboard.press("r")
    await switch.check()
    await page.keyboard.press("r")
    await page.keyboard.press("Control+i")
    await page.evaluate(
        """() => { const field = document.createElement("input"); field.id = "field";
                   document.querySelector("main").append(field); field.focus(); }"""
    )
    await page.keyboard.press("i")
    await expect(page.locator("#field")).to_have_value("i")
    await page.locator("#field").evaluate("each => each.remove()")
    assert not asked
    await page.keyboard.press("i")
    await _state(page, "interrupting")
    act.open.set()
    await _state(page, "interrupted")
    await page.keyboard.press("r")
    await _state(page, "complete")
    assert [url.rpartition("/")[2] for url in asked] == ["cmd_exec_interrupt", "ensure_cmd"]


async def test_without_javascript(acts: ActServer, open_tab: OpenTab) -> None:
    """Everything works by plain forms and reloads, and the page says that it has to be reloaded."""
    profile = acts.profile(items=2)
    act = ACTS.act(profile, "thing_1", waits=True)
    tab = await open_tab(acts, java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = tab.page
    await tab.open(f"/profiles/{profile}/make")
    await page.get_by_label("value").fill("by hand")
    execution_id = await _planned(page)
    await act.reached.wait()
    await page.get_by_role("link", name="Reload").click()
    await _state(page, "running")
    await expect(page.locator("#connection")).to_be_hidden()
    await tab.shot("running")
    await page.get_by_role("button", name="Interrupt").click()
    await _state(page, "interrupting")
    act.open.set()
    await acts.ended(execution_id)
    await page.get_by_role("link", name="Reload").click()
    await _state(page, "interrupted")
    await expect(page.get_by_role("link", name="Reload")).to_have_count(0)
    await acts.ended(await _started(page, "Resume"))
    await page.reload()
    await _state(page, "complete")
    await page.get_by_role("link", name="Clean…").click()
    await acts.ended(await _started(page, "Dry run"))
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("nothing was changed")
    await tab.open(f"/profiles/{profile}/make/clean")
    await acts.ended(await _started(page, f"Clean {profile}"))
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"{profile} is cleaned up")
    assert ACTS.act(profile, "thing_1").made is None
    await nothing_sticks_out(tab)


async def test_parameters_without_javascript(acts: ActServer, open_tab: OpenTab) -> None:
    """What is wrong is said beside its field there, too."""
    profile = acts.profile(items=1)
    tab = await open_tab(acts, java_script_enabled=False)
    tab.expect("422")
    await tab.open(f"/profiles/{profile}/other")
    await tab.page.get_by_label("needed").fill("10")
    await tab.page.get_by_role("button", name="Ensure…").first.click()
    await expect(tab.page.locator("#wrong-needed")).to_have_text("it must be at most 9, not '10'")
    await expect(tab.page.get_by_label("needed")).to_have_value("10")
    await tab.page.get_by_label("needed").fill("9")
    await tab.page.get_by_role("button", name="Ensure…").first.click()
    await expect(tab.page.locator("#head")).to_be_visible()
