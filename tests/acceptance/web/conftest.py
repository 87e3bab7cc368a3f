"""What tests in a browser share: a server, a browser for each test process, a tab that notices.

They all run in one event loop of their test process, because the browser lives in it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import pytest_asyncio
from browser import Tab
from playwright.async_api import Browser, async_playwright
from web_process import WebProcess

from peaceful import Given
from peaceful.commands import Contexts
from slow_files.tool import app

_HERE: Final = Path(__file__).parent
_IN_ONE_LOOP: Final = pytest.mark.asyncio(loop_scope="session")

Serve: TypeAlias = Callable[..., Awaitable[WebProcess]]
"""Starts a server of slow files with the given parameters; they end with the test."""

OpenTab: TypeAlias = Callable[..., Awaitable[Tab]]
"""Opens a tab of a browser of its own at a server, let in by its token."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts what is tested here into the browser's event loop."""
    for item in items:
        if _HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(_IN_ONE_LOOP, append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    # What has no windows is half the work for a machine, and draws the same.
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if chromium is None:
        why = "there is no Chromium: `make needs` installs it, or says how to"
        if os.environ.get("TESTS_SKIP_NOTHING") == "1":
            pytest.fail(why)
        pytest.skip(why)
    async with async_playwright() as playwright:
        # Not more shared memory than a container has.
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=options)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def serve(tmp_path: Path, unmeasured_environment: dict[str, str]) -> AsyncIterator[Serve]:
    """Starts servers of slow files, each in a workspace of its own, set up with parameters."""
    async with AsyncExitStack() as stack:

        async def start(name: str = "work", port: int = 0, **params: Any) -> WebProcess:
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            if params:
                params.setdefault("dest", str(tmp_path / "dest"))
                given = {key: Given(value, "a test") for key, value in params.items()}
                Contexts.of(app, folder).init(given, profile="default", flow="slow_files")
            web = await WebProcess.start(folder, unmeasured_environment, port)
            stack.push_async_callback(web.end)
            return web

        yield start


@pytest_asyncio.fixture(loop_scope="session")
async def web(serve: Serve) -> WebProcess:
    """A server of eight slow files in two layers, set up but not made; each takes no time."""
    return await serve(items=8, seconds=0, layers=2)


@pytest_asyncio.fixture(loop_scope="session")
async def open_tab(
    browser: Browser, serve: Serve, request: pytest.FixtureRequest
) -> AsyncIterator[OpenTab]:
    """Opens tabs; at the end, none may have had anything to complain about.

    Tabs are closed before servers end, whatever the order in which a test asks for them.

    What is given besides is how the browser is set up, such as `java_script_enabled=False`,
    `color_scheme="dark"`, `viewport={"width": 390, "height": 844}` or `reduced_motion="reduce"`.
    """
    tabs: list[Tab] = []
    async with AsyncExitStack() as stack:

        async def open_one(web: WebProcess, **settings: Any) -> Tab:
            context = await browser.new_context(**settings)
            stack.push_async_callback(context.close)
            tab = Tab(await context.new_page(), web.address, request.node.name)
            tabs.append(tab)
            await tab.page.goto(web.welcome)
            return tab

        yield open_one
    for tab in tabs:
        tab.verdict()


@pytest_asyncio.fixture(loop_scope="session")
async def tab(web: WebProcess, open_tab: OpenTab) -> Tab:
    """A tab at the server."""
    return await open_tab(web)
