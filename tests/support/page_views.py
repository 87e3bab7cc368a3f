"""Looking at a page as different people do: on a wide screen, on a phone, by day and by night."""

from __future__ import annotations

from typing import Final

from browser import Tab
from playwright.async_api import expect
from waiting import PATIENCE

expect.set_options(timeout=PATIENCE * 1000)

WIDE: Final = (1280, 800)
PHONE: Final = (390, 844)

_ALL: Final = (("light", WIDE), ("dark", WIDE), ("dark", PHONE), ("light", PHONE))
_TWO: Final = (("light", WIDE), ("dark", PHONE))

_BEYOND: Final = """width => [...document.querySelectorAll("body *")]
    .filter(each => !each.closest(".scroll, pre, svg, .hidden, .skip, thead"))
    .filter(each => each.getBoundingClientRect().right > width + 1)
    .map(each => each.outerHTML.slice(0, 120)).slice(0, 5)"""


async def good_to_everyone(tab: Tab, name: str = "page", *, thoroughly: bool = False) -> None:
    """A page is right for whoever looks at it: axe finds nothing, and nothing sticks out.

    Leaves the tab wide and light.

    Args:
        tab: shows the page.
        name: for pictures.
        thoroughly: whether by day and by night on both; else each of the four once.
    """
    page = tab.page
    for scheme, (width, height) in (*(_ALL if thoroughly else _TWO),):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.set_viewport_size({"width": width, "height": height})
        await tab.shot(f"{name}-{scheme}-{width}")
        await tab.check()
        await nothing_sticks_out(tab)
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


async def nothing_sticks_out(tab: Tab) -> None:
    """Nobody has to scroll to the side."""
    width: int = await tab.page.evaluate("document.documentElement.clientWidth")
    scrolls: int = await tab.page.evaluate("document.documentElement.scrollWidth")
    beyond: list[str] = await tab.page.evaluate(_BEYOND, width)
    assert scrolls <= width, f"{scrolls} of {width} px: {beyond}"
    assert not beyond, f"beyond {width} px: {beyond}"
