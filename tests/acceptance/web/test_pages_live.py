"""The page of an execution while things happen: it follows, agrees with others, and comes back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import pytest_asyncio
from browser import Tab
from cutting_proxy import cutting_proxy
from page_views import good_to_everyone
from playwright.async_api import Page, expect
from scripted_app import ACTS, ActServer, act_server
from shell import Shell
from web_process import WebProcess
from web_server_program import WebServer

if TYPE_CHECKING:
    from playwright.async_api import Route

OpenTab: TypeAlias = Callable[..., Awaitable[Tab]]

_TOKEN = "one-token-of-this-test-alone"

_CUT = r"net::ERR_|htmx:sse:error|Failed to fetch"
"""What a browser says on its console of a connection that was cut."""

_HEAR = """() => {
    const note = document.querySelector("#note");
    window.heard = [];
    new MutationObserver(() => heard.push(note.querySelector("[role=status]").textContent))
        .observe(note, { subtree: true, childList: true, characterData: true });
}"""
"""Notes whatever a screen reader would read aloud of the note."""

_IN_BACKGROUND = """hidden => {
    const set = (name, value) =>
        Object.defineProperty(document, name, { configurable: true, get: () => value });
    set("hidden", hidden);
    set("visibilityState", hidden ? "hidden" : "visible");
    document.dispatchEvent(new Event("visibilitychange"));
}"""

_AGREES = """() => [...document.querySelectorAll("#rows tr")].every(row => {
    const node = document.querySelector(`.diagram [data-item="${row.dataset.item}"]`);
    return node.dataset.status === row.dataset.stand;
})"""
"""Whether the diagram shows how the rows stand."""


@dataclass(frozen=True)
class _Elsewhere:
    """A server in a process of its own, which has a token of its own."""

    address: str

    @property
    def welcome(self) -> str:
        return f"{self.address}/?token={_TOKEN}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ActServer]:
    """A server for all tests of this module; each has profiles of its own."""
    async with act_server(tmp_path_factory.mktemp("acts")) as server:
        yield server


async def _running(acts: ActServer, items: int = 4, **more: Any) -> tuple[str, str]:
    """An execution whose first two items wait to be let go; its profile, and its ID."""
    profile = acts.profile(items=items, layers=2)
    two = [ACTS.act(profile, f"thing_{number}", waits=True) for number in (1, 2)]
    execution_id = await acts.started(profile, **more)
    await asyncio.gather(*(each.reached.wait() for each in two))
    return profile, execution_id


async def _state(page: Page, state: str) -> None:
    await expect(page.locator("#head")).to_have_attribute("data-state", state)


async def test_the_button_answers_at_once(acts: ActServer, open_tab: OpenTab) -> None:
    """Before the server has heard of the click; a second click does nothing."""
    profile, execution_id = await _running(acts)
    tab = await open_tab(acts)
    page = tab.page
    arrived, let_go, asked = asyncio.Event(), asyncio.Event(), 0

    async def hold(route: Route) -> None:
        nonlocal asked
        asked += 1
        arrived.set()
        await let_go.wait()
        await route.continue_()

    await page.route("**/cmd_exec_interrupt", hold)
    await tab.open(f"/executions/{execution_id}")
    button = page.locator("#head button")
    await expect(button).to_have_text("Interrupt")
    await button.dblclick()
    await arrived.wait()
    await expect(button).to_have_text("Interrupting…")
    await expect(button).to_be_disabled()
    shown = (await acts.client.get(f"/api/executions/{execution_id}")).json()
    assert shown["state"] == "running"
    # Nor does what comes meanwhile bring it back.
    ACTS.act(profile, "thing_1").open.set()
    await expect(page).to_have_title(f"Running 2/4 · ensure {profile} · acts")
    await expect(button).to_have_text("Interrupting…")
    await expect(button).to_be_disabled()
    let_go.set()
    await _state(page, "interrupting")
    await expect(button).to_have_text("Interrupting…")
    await expect(button).to_be_disabled()
    ACTS.all_open(profile)
    await _state(page, "interrupted")
    assert asked == 1


async def test_a_click_that_is_lost(acts: ActServer, open_tab: OpenTab) -> None:
    """Is told, and the button works again."""
    profile, execution_id = await _running(acts)
    tab = await open_tab(acts)
    tab.expect(_CUT)
    page = tab.page
    await page.route("**/cmd_exec_interrupt", lambda route: route.abort(), times=1)
    await tab.open(f"/executions/{execution_id}")
    button = page.locator("#head button")
    await button.click()
    await expect(page.locator("#problem")).to_contain_text("Try again")
    await expect(button).to_have_text("Interrupt")
    await expect(button).to_be_enabled()
    await tab.check()
    await button.click()
    await _state(page, "interrupting")
    await expect(page.locator("#problem")).to_be_empty()
    ACTS.all_open(profile)
    await _state(page, "interrupted")


async def test_an_answer_that_comes_late(acts: ActServer, open_tab: OpenTab) -> None:
    """Does not undo what has come meanwhile."""
    profile, execution_id = await _running(acts)
    tab = await open_tab(acts)
    page = tab.page
    arrived, let_go = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        answer = await route.fetch()
        arrived.set()
        await let_go.wait()
        await route.fulfill(response=answer)

    await page.route("**/cmd_exec_interrupt", hold)
    await tab.open(f"/executions/{execution_id}")
    await expect(page.locator("#connection")).to_have_text("live")
    await page.get_by_role("button", name="Interrupt").click()
    await arrived.wait()
    ACTS.all_open(profile)
    await _state(page, "interrupted")
    async with page.expect_event("requestfinished", lambda request: request.method == "POST"):
        let_go.set()
    await page.evaluate("() => new Promise(requestAnimationFrame)")
    await _state(page, "interrupted")
    await expect(page.get_by_role("button", name="Resume")).to_be_enabled()
    await expect(page.locator("#rows > tr[data-stand=done]")).to_have_count(2)


async def test_a_late_answer_whose_form_has_become_another(
    acts: ActServer, open_tab: OpenTab
) -> None:
    """Nor where the first that the page hears after the click is the end: Resume has the form."""
    profile, execution_id = await _running(acts)
    async with cutting_proxy(acts.address) as proxy:
        tab = await open_tab(replace(acts, address=proxy.address))
        tab.expect(_CUT)
        page, connection = tab.page, tab.page.locator("#connection")
        arrived, let_go = asyncio.Event(), asyncio.Event()

        async def hold(route: Route) -> None:
            # Past the proxy: the page itself is not to hear of it.
            direct = route.request.url.replace(proxy.address, acts.address)
            headers = {**route.request.headers, "origin": acts.address}
            answer = await route.fetch(url=direct, headers=headers)
            arrived.set()
            await let_go.wait()
            await route.fulfill(response=answer)

        await page.route("**/cmd_exec_interrupt", hold)
        await tab.open(f"/executions/{execution_id}")
        await expect(connection).to_have_text("live")
        proxy.cut(refuse=True)
        await expect(connection).to_have_text("reconnecting…")
        await page.get_by_role("button", name="Interrupt").click()
        await arrived.wait()
        ACTS.all_open(profile)
        await acts.ended(execution_id)
        proxy.mend()
        await _state(page, "interrupted")
        async with page.expect_event("requestfinished", lambda each: each.method == "POST"):
            let_go.set()
        await page.evaluate("() => new Promise(requestAnimationFrame)")
        await _state(page, "interrupted")
        resume = page.get_by_role("button", name="Resume")
        await expect(resume).to_be_enabled()
        await resume.click()
        await _state(page, "complete")


async def test_two_tabs_agree(acts: ActServer, open_tab: OpenTab) -> None:
    """Whoever asks for what: both show it, and in the end the same."""
    _, execution_id = await _running(acts)
    tabs = await open_tab(acts), await open_tab(acts)
    one, other = (tab.page for tab in tabs)
    for tab in tabs:
        await tab.open(f"/executions/{execution_id}")
    await one.get_by_role("button", name="Interrupt").click()
    for page in (one, other):
        await _state(page, "interrupting")
        await page.get_by_role("link", name="Stop now…").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
    await other.get_by_role("dialog").get_by_role("button", name="Stop now").click()
    for page in (one, other):
        await _state(page, "interrupted")
        await expect(page.locator("#connection")).to_have_text("ended")
        # Nobody need answer any more what was asked before the end.
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.locator("#meter")).to_contain_text("(cancel)")
    assert await one.locator("main").inner_text() == await other.locator("main").inner_text()


async def test_the_tab_tells_the_state(acts: ActServer, open_tab: OpenTab) -> None:
    """By its title and its icon, also when another tab is in front."""
    profile, execution_id = await _running(acts)
    tab = await open_tab(acts)
    await tab.open(f"/executions/{execution_id}")
    page, icon = tab.page, tab.page.locator("#icon")
    await expect(page).to_have_title(f"Running 0/4 · ensure {profile} · acts")
    await expect(icon).to_have_attribute("href", _icon("running"))
    ACTS.act(profile, "thing_1").open.set()
    await expect(page).to_have_title(f"Running 2/4 · ensure {profile} · acts")
    await acts.interrupted(execution_id)
    await expect(page).to_have_title(f"Interrupting 2/4 · ensure {profile} · acts")
    await expect(icon).to_have_attribute("href", _icon("interrupting"))
    ACTS.all_open(profile)
    await expect(page).to_have_title(f"Interrupted · ensure {profile} · acts")
    await expect(icon).to_have_attribute("href", _icon("interrupted"))


async def test_the_diagram_comes_alive(acts: ActServer, open_tab: OpenTab) -> None:
    """Each node stands as its row does, and leads to it."""
    profile, execution_id = await _running(acts)
    tab = await open_tab(acts)
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    node = page.locator(".diagram [data-item=thing_1]")
    await expect(node).to_have_attribute("data-status", "running")
    assert await page.evaluate(_AGREES)
    ACTS.act(profile, "thing_1").open.set()
    await expect(node).to_have_attribute("data-status", "done")
    await page.wait_for_function(_AGREES)
    await acts.interrupted(execution_id)
    await expect(page.locator(".diagram [data-status=finishing]")).to_have_count(1)
    await page.wait_for_function(_AGREES)
    ACTS.all_open(profile)
    await _state(page, "interrupted")
    await page.wait_for_function(_AGREES)
    await page.locator(".diagram a:has([data-item=thing_1])").click()
    await expect(page.locator("#row-thing_1:target")).to_be_in_viewport()


async def test_focus_stays(acts: ActServer, open_tab: OpenTab) -> None:
    """On whatever has it, while everything around it changes."""
    profile, execution_id = await _running(acts)
    tab = await open_tab(acts)
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    await page.get_by_role("button", name="Interrupt").focus()
    ACTS.act(profile, "thing_1").open.set()
    await expect(page.locator("#row-thing_1")).to_have_attribute("data-stand", "done")
    await expect(page.get_by_role("button", name="Interrupt")).to_be_focused()
    await page.keyboard.press("Enter")
    await _state(page, "interrupting")
    # The button is gone: whoever used it is where it now says what happens.
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await page.get_by_role("link", name="Stop now…").focus()
    ACTS.act(profile, "thing_3").open.set()
    await expect(page.locator("#note")).to_contain_text("thing_2 is finishing")
    await expect(page.get_by_role("link", name="Stop now…")).to_be_focused()
    await page.locator(".diagram a").first.focus()
    ACTS.all_open(profile)
    await _state(page, "interrupted")
    await expect(page.locator(".diagram a").first).to_be_focused()


async def test_what_is_read_aloud(acts: ActServer, open_tab: OpenTab) -> None:
    """Each sentence once, when it is a new one; not each step of each item."""
    profile, execution_id = await _running(acts)
    tab = await open_tab(acts)
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    await expect(page.locator("#connection")).to_have_text("live")
    await page.evaluate(_HEAR)
    progress = ACTS.act(profile, "thing_1").progress
    assert progress is not None
    progress.steps(10)
    for done in range(1, 6):
        progress.done(done)
        await expect(page.locator("#row-thing_1 .message")).to_contain_text(f"{done} of 10")
    await acts.interrupted(execution_id)
    await _state(page, "interrupting")
    for done in range(6, 9):
        progress.done(done)
        await expect(page.locator("#row-thing_1 .message")).to_contain_text(f"{done} of 10")
    ACTS.all_open(profile)
    await _state(page, "interrupted")
    await page.wait_for_function("heard.some(text => text.includes('repeats nothing'))")
    heard: list[str] = await page.evaluate("heard")
    assert len(set(heard)) == len(heard) <= 4, heard
    assert heard[0].startswith("thing_1 and thing_2 are finishing;")


async def test_a_cut_connection(acts: ActServer, open_tab: OpenTab) -> None:
    """Is said, harms nothing, and what was missed is there afterwards."""
    profile, execution_id = await _running(acts)
    async with cutting_proxy(acts.address) as proxy:
        tab = await open_tab(replace(acts, address=proxy.address))
        tab.expect(_CUT)
        page, connection = tab.page, tab.page.locator("#connection")
        await tab.open(f"/executions/{execution_id}")
        await expect(connection).to_have_text("live")
        for _ in range(3):
            before = proxy.opened
            proxy.cut()
            while proxy.opened == before:  # noqa: ASYNC110 - the browser comes when it likes
                await asyncio.sleep(0.01)
            await expect(connection).to_have_text("live")
        proxy.cut(refuse=True)
        await expect(connection).to_have_text("reconnecting…")
        await good_to_everyone(tab, "away")
        await acts.interrupted(execution_id)
        ACTS.act(profile, "thing_1").open.set()
        proxy.mend()
        await _state(page, "interrupting")
        await expect(connection).to_have_text("live")
        proxy.cut(refuse=True)
        await expect(connection).to_have_text("reconnecting…")
        ACTS.all_open(profile)
        await acts.ended(execution_id)
        proxy.mend()
        await _state(page, "interrupted")
        await expect(connection).to_have_text("ended")
        await expect(page.locator("#rows > tr[data-stand=done]")).to_have_count(2)


async def test_a_connection_that_is_not_made_at_first(acts: ActServer, open_tab: OpenTab) -> None:
    """Is tried again."""
    profile, execution_id = await _running(acts)
    tab = await open_tab(acts)
    tab.expect(_CUT)
    await tab.page.route("**/live?**", lambda route: route.abort(), times=1)
    await tab.open(f"/executions/{execution_id}")
    await expect(tab.page.locator("#connection")).to_have_text("reconnecting…")
    await expect(tab.page.locator("#connection")).to_have_text("live")
    ACTS.all_open(profile)
    await _state(tab.page, "complete")


async def test_a_tab_in_the_background(acts: ActServer, open_tab: OpenTab) -> None:
    """Holds no connection; in front again, it catches up."""
    profile, execution_id = await _running(acts)
    tab = await open_tab(acts)
    page = tab.page
    await tab.open(f"/executions/{execution_id}")
    await expect(page.locator("#connection")).to_have_text("live")
    await page.evaluate(_IN_BACKGROUND, arg=True)
    await expect(page.locator("#connection")).to_have_text("paused")
    ACTS.all_open(profile)
    await acts.ended(execution_id)
    await _state(page, "running")
    await page.evaluate(_IN_BACKGROUND, arg=False)
    await _state(page, "complete")
    await expect(page.locator("#connection")).to_have_text("ended")
    await expect(page).to_have_title(f"Complete · ensure {profile} · acts")


async def test_a_page_opened_after_the_end(acts: ActServer, open_tab: OpenTab) -> None:
    """Asks for nothing more."""
    profile = acts.profile(items=2)
    execution_id = await acts.run(profile)
    tab = await open_tab(acts)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    await tab.open(f"/executions/{execution_id}")
    await expect(tab.page.locator("#connection")).to_have_text("ended")
    await tab.page.wait_for_load_state("networkidle")
    assert not [url for url in asked if url.endswith("/live") or "live?" in url]


async def test_a_terminal_and_a_page(shell: Shell, serve: Any, open_tab: OpenTab) -> None:
    """See the same executions, and interrupt each other's."""
    web: WebProcess = await serve(items=4, seconds=1000, layers=2)
    tab = await open_tab(web)
    page = tab.page
    running = await asyncio.to_thread(shell.start, "slow_files", "ensure")
    link = page.locator("#now").get_by_role("link", name="Ensuring default")
    await link.click()
    await expect(page.locator("#rows > tr[data-stand=running]")).to_have_count(2)
    await expect(page.locator(".foot")).to_contain_text("Started from a terminal")
    await page.get_by_role("button", name="Interrupt").click()
    await _state(page, "interrupting")
    words = ("slow_files", "interrupt", "--level", "cancel", "--reason", "enough")
    await asyncio.to_thread(shell.run, *words)
    await _state(page, "interrupted")
    await expect(page.locator("#meter")).to_contain_text("enough")
    ended = await asyncio.to_thread(running.end, 130)
    assert "interrupt" in ended.err


async def test_a_server_that_is_killed(
    shell: Shell, tmp_path: Any, serve: Any, open_tab: OpenTab
) -> None:
    """The page says so, and what was lost once another server is there; and carries on."""
    (shell.folder / "tokens").touch(0o600)
    (shell.folder / "tokens").write_text(f"view,run,interrupt {_TOKEN}\n")
    dest = str(tmp_path / "dest")
    size = ("--items", "2", "--seconds", "1000", "--layers", "2")
    await asyncio.to_thread(shell.run, "slow_files", "init", *size, "--dest", dest)
    serving = ("slow_files", "web", "--token-file", "tokens", "--port")

    def served(port: str) -> tuple[Any, str]:
        running = shell.start(*serving, port)
        return running, WebServer.of(running).url.rstrip("/")

    running, address = await asyncio.to_thread(served, "0")
    server = _Elsewhere(address)
    tab = await open_tab(server)
    tab.expect(_CUT)
    page = tab.page
    await page.get_by_role("button", name="Ensure…").first.click()
    await page.get_by_role("button", name="Ensure these 2 changes").click()
    await expect(page.locator("#rows > tr[data-stand=running]")).to_have_count(1)
    await expect(page.locator("#connection")).to_have_text("live")
    await asyncio.to_thread(running.kill)
    await expect(page.locator("#connection")).to_have_text("reconnecting…")
    again, _ = await asyncio.to_thread(served, address.rpartition(":")[2])
    await _state(page, "lost")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Its process was killed")
    await expect(page.locator("#connection")).to_have_text("ended")
    await good_to_everyone(tab, "lost", thoroughly=True)
    await page.get_by_role("button", name="Resume").click()
    await _state(page, "running")
    await asyncio.to_thread(again.kill)
    tab.complaints.clear()


def _icon(state: str) -> re.Pattern[str]:
    """The address of the icon for a state."""
    return re.compile(rf"/static/icon-{state}\.")
