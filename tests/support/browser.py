"""A browser tab, as somebody sees it who looks at everything at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # has no types
from playwright.async_api import ConsoleMessage, Error, Page, Request, Response
from waiting import PATIENCE

SCREENSHOTS: Final = "SCREENSHOTS"
"""The environment variable with the folder that screenshots are stored in; without it, none are."""

AXE_RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

_AXE_RUN: Final = """
async tags => (await axe.run(document, {
    resultTypes: ["violations"],
    runOnly: { type: "tag", values: tags },
    rules: { "target-size": { enabled: true } },
})).violations
"""


@dataclass
class Tab:
    """A tab of a browser, which notices whatever a page must not do.

    Attributes:
        page: the tab.
        address: of the server that it may talk to, and to no other.
        name: of the test, for screenshots.
        complaints: errors and warnings on the console, errors of scripts, requests to other places.
        expected: regular expressions of complaints that a test wants.
    """

    page: Page
    address: str
    name: str
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", self._on_page_error)
        self.page.on("request", self._on_request)
        self.page.set_default_timeout(PATIENCE * 1000)

    async def open(self, path: str) -> Response:
        """Goes to a page of the server."""
        response = await self.page.goto(f"{self.address}{path}")
        assert response is not None
        return response

    def expect(self, complaint: str) -> None:
        """A test wants a complaint: a regular expression that is found in it."""
        self.expected.append(complaint)

    async def check(self, *but: str) -> None:
        """Whoever sees little, or uses no mouse, can use the page as it is now: axe finds nothing.

        Args:
            but: rules of axe that are not for this page.
        """
        if not await self.page.evaluate('"axe" in window'):
            await self.page.evaluate(f"() => {{ {AXE_SCRIPT} }}")
        violations = await self.page.evaluate(_AXE_RUN, list(AXE_RULES))
        found = [_violation(each) for each in violations if each["id"] not in but]
        assert not found, f"axe on {self.page.url}:\n" + "\n".join(found)

    async def shot(self, name: str = "page") -> None:
        """Takes a picture of the whole page, where somebody wants to look at it."""
        folder = os.environ.get(SCREENSHOTS)
        if folder is not None:
            path = Path(folder, f"{self.name}-{name}.png")
            await self.page.screenshot(path=path, full_page=True, animations="disabled")

    def verdict(self) -> None:
        """Fails where there was something to complain about that no test wants."""
        left = [
            each
            for each in self.complaints
            if not any(re.search(pattern, each) for pattern in self.expected)
        ]
        assert not left, "\n".join(left)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            place = message.location
            self.complaints.append(f"console {message.type}: {message.text} ({place['url']})")

    def _on_page_error(self, error: Error) -> None:
        self.complaints.append(f"script error: {error}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:", "blob:", "about:")):
            self.complaints.append(f"request to another place: {request.url}")


def _violation(violation: Mapping[str, Any]) -> str:
    nodes: Sequence[Mapping[str, Any]] = violation["nodes"]
    places = "".join(f"\n    {node['target']} {node.get('failureSummary', '')}" for node in nodes)
    return f"{violation['id']}: {violation['help']}{places}"
