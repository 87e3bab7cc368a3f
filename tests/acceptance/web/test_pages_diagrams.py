"""Diagrams in pages: legible on any screen, reached without a mouse, and there without a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest
import pytest_asyncio
from browser import Tab
from page_views import good_to_everyone, nothing_sticks_out
from playwright.async_api import expect
from scripted_app import ActServer, act_server

OpenTab: TypeAlias = Callable[..., Awaitable[Tab]]

_SCALE = """() => [...document.querySelectorAll("svg.diagram")].map(each => {
    const { width, height } = each.getBoundingClientRect();
    return [width / each.width.baseVal.value, height / each.height.baseVal.value];
})"""
"""How large diagrams are drawn, in their own pixels."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ActServer]:
    """A server for all tests of this module; each has profiles of its own."""
    async with act_server(tmp_path_factory.mktemp("acts")) as server:
        yield server


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1280])
async def test_text_is_not_shrunk(
    acts: ActServer, open_tab: OpenTab, width: int, scheme: str
) -> None:
    """A diagram is as large as its text needs; its box scrolls, and the page does not."""
    profile = acts.profile(items=40, layers=10)
    execution_id = await acts.run(profile)
    tab = await open_tab(acts, viewport={"width": width, "height": 800}, color_scheme=scheme)
    for path, diagrams in (
        (f"/flows/make?profile={profile}", 2),
        (f"/executions/{execution_id}", 1),
    ):
        await tab.open(path)
        scales: list[list[float]] = await tab.page.evaluate(_SCALE)
        assert len(scales) == diagrams
        assert all(abs(each - 1) < 0.01 for scale in scales for each in scale)
        await nothing_sticks_out(tab)
        await tab.check()
        await tab.shot(path.strip("/").partition("/")[0])
    sizes = await tab.page.locator(".scroll").first.evaluate(
        "each => [each.scrollHeight, each.clientHeight]"
    )
    assert sizes[0] > sizes[1]


async def test_the_keyboard_moves_what_does_not_fit(acts: ActServer, open_tab: OpenTab) -> None:
    """The box has a name, and takes the focus; then come the items, in their order."""
    profile = acts.profile(items=60, layers=10)
    tab = await open_tab(acts, viewport={"width": 360, "height": 700})
    page = tab.page
    await tab.open(f"/flows/make?profile={profile}")
    box = page.get_by_role("group", name="Flow", exact=True).first
    await box.focus()
    await expect(box).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowDown")
    await page.wait_for_function(
        "() => { const box = document.querySelector('.scroll');"
        " return box.scrollLeft > 0 && box.scrollTop > 0; }"
    )
    for item in ("thing_01", "thing_02"):
        await page.keyboard.press("Tab")
        focused = await page.evaluate("document.activeElement.getAttribute('href')")
        assert focused == f"#row-{item}"
    await page.keyboard.press("Enter")
    await expect(page.locator("#row-thing_02:target")).to_be_attached()


async def test_a_diagram_is_there_without_scripts(acts: ActServer, open_tab: OpenTab) -> None:
    """With how each item stands, and links to the rows."""
    profile = acts.profile(items=4, layers=2)
    execution_id = await acts.run(profile)
    tab = await open_tab(acts, java_script_enabled=False)
    await tab.open(f"/executions/{execution_id}")
    await expect(tab.page.locator(".diagram [data-status=done]")).to_have_count(4)
    await tab.page.locator(".diagram a").last.click()
    await expect(tab.page.locator("#row-thing_4")).to_be_in_viewport()


async def test_without_graphviz(
    acts: ActServer, open_tab: OpenTab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages list the items by layers instead, say how to get diagrams, and are live as ever."""
    (tmp_path / "pygraphviz.py").write_text("raise ModuleNotFoundError('No such module')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    profile = acts.profile(items=5, layers=2)
    execution_id = await acts.run(profile)
    tab = await open_tab(acts)
    for path in (f"/executions/{execution_id}", f"/flows/make?profile={profile}"):
        await tab.open(path)
        card = tab.page.locator(".diagram-card").first
        await expect(card).to_contain_text('pip install "peaceful[web]"')
        layers = card.get_by_role("list", name="make: what waits for what")
        await expect(layers.locator("> li")).to_have_count(2)
        await expect(layers.get_by_role("link")).to_have_count(5)
        await good_to_everyone(tab, path.strip("/").partition("/")[0])
    await tab.page.locator(".layers").get_by_role("link", name="thing_5").click()
    await expect(tab.page.locator("#row-thing_5:target")).to_be_in_viewport()
