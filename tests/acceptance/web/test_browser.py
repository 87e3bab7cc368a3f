"""The browser that the other tests look through: it notices what a page must not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from browser import Tab
from web_process import WebProcess

if TYPE_CHECKING:
    from playwright.async_api import Route

BARE = "<!doctype html><html lang='en'><title>Bare</title><main><h1>Bare</h1>{}</main></html>"


async def _show(tab: Tab, html: str, **headers: str) -> None:
    """Shows a page that the server does not have."""

    async def answer(route: Route) -> None:
        body = BARE.format(html)
        await route.fulfill(status=200, content_type="text/html", body=body, headers=headers)

    await tab.page.route("**/bare", answer)
    await tab.open("/bare")


async def test_the_token_lets_a_browser_in(web: WebProcess, tab: Tab) -> None:
    """From then on the browser has a cookie, which no script can read."""
    tab.expect("404")
    response = await tab.open("/api/openapi.json")
    assert response.status == 200
    assert (await response.json())["info"]["title"] == "slow_files"
    assert await tab.page.evaluate("document.cookie") == ""
    (cookie,) = await tab.page.context.cookies()
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Strict")


async def test_a_good_page_passes(tab: Tab) -> None:
    """Nothing is found where nothing is wrong, also on a page that lets no script in."""
    tab.expect("404")
    policy = {"Content-Security-Policy": "default-src 'none'"}
    await _show(tab, "<p>Good.</p>", **policy)
    await tab.check()
    await tab.shot()


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ("<script>console.warn('careful')</script>", "console warning: careful"),
        ("<script>console.error('broken')</script>", "console error: broken"),
        ("<script>throw new Error('thrown')</script>", "script error: .*thrown"),
        ("<img alt='' src='http://127.0.0.2:1/x.png'>", "request to another place"),
        ("<img alt='' src='/nothing-there.png'>", "console error: .*404"),
    ],
)
async def test_what_a_page_must_not_do_is_noticed(tab: Tab, html: str, complaint: str) -> None:
    """On the console, in scripts, on the network."""
    await _show(tab, html)
    with pytest.raises(AssertionError, match=complaint):
        tab.verdict()
    tab.complaints.clear()


async def test_a_page_that_leaves_people_out_is_noticed(tab: Tab) -> None:
    """Such as an image that says nothing to those who cannot see it."""
    tab.expect("404")
    await _show(tab, "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>")
    with pytest.raises(AssertionError, match="image-alt"):
        await tab.check()


async def test_an_execution_is_followed_in_a_browser(web: WebProcess, tab: Tab) -> None:
    """With the browser's own reader of Server-Sent Events, and the content security policy."""
    tab.expect("404")
    await tab.open("/api/openapi.json")
    execution_id = await web.started()
    told: Any = await tab.page.evaluate(
        """id => new Promise((done, failed) => {
            const words = [], events = new EventSource(`/api/executions/${id}/events`);
            for (const word of ["snapshot", "item_ended", "execution_ended"])
                events.addEventListener(word, event => {
                    words.push(JSON.parse(event.data));
                    if (word === "execution_ended") { events.close(); done(words); }
                });
        })""",
        execution_id,
    )
    assert told[-1]["state"] == "complete"
    assert (await web.ended(execution_id))["state"] == "complete"
