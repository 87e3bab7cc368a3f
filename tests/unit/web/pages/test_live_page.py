"""The parts of a page while it runs, as a browser reads them from the stream."""

from __future__ import annotations

import asyncio
import re

from hypothesis import given
from hypothesis import strategies as st

from peaceful._web.live.broadcast import Broadcast
from peaceful._web.pages.execution_page import PageBroadcast

PART = re.compile(r"<p id=(.*?)>(.*?)</p>", re.DOTALL)
TEXTS = st.text("ab<\n\r\u2028\ud800 x", max_size=5)
PARTS = st.dictionaries(st.sampled_from(["head", "note", "row-a"]), TEXTS, max_size=3)
ENDED = b"event: ended\ndata: -\n\n"


def parts_in(data: bytes) -> dict[str, str]:
    """The parts that a message of the stream holds, as a browser reads it."""
    lines = [line.removeprefix("data: ") for line in data.decode().split("\n")]
    return dict(PART.findall("\n".join(lines)))


def squeezed(text: str) -> str:
    """A text without what HTML does not tell apart, as the stream encodes it."""
    return "".join(text.encode(errors="replace").decode().split())


def show(page: Broadcast[str], **parts: str) -> None:
    """Shows parts."""
    for name, text in parts.items():
        page.put(name, f"<p id={name}>{text}</p>")
    page.notify()


async def told(page: Broadcast[str], seen: int | None = None) -> bytes:
    """What a browser is told that comes with a version and stays until the end."""
    return b"".join([each async for each in page.messages(seen, 60) if each is not None])


@given(st.lists(PARTS, min_size=1, max_size=8))
def test_whatever_is_in_parts_arrives(steps: list[dict[str, str]]) -> None:
    """Line ends and odd characters, too; of each part only the newest."""
    page, newest = PageBroadcast(1000), dict[str, str]()

    async def watched() -> bytes:
        for parts in steps:
            show(page, **{name.replace("-", "_"): text for name, text in parts.items()})
            newest.update({name.replace("-", "_"): text for name, text in parts.items()})
        page.stop()
        return await told(page)

    shown = parts_in(asyncio.run(watched()))
    assert shown.keys() == newest.keys()
    for name, text in newest.items():
        assert squeezed(shown[name]) == squeezed(text)


async def test_the_end() -> None:
    """A browser is told that nothing more comes, after the last parts."""
    page = PageBroadcast(1000)
    show(page, head="one")
    seen = page.version
    page.put("head", "<p id=head>last</p>")
    page.put("ended", "", last=True)
    page.notify()
    assert (await told(page, seen)).endswith(b"\n\n" + ENDED)
    assert parts_in(await told(page, seen)) == {"head": "last"}


async def test_whoever_lost_the_end_is_told_again() -> None:
    """Also who has the last parts already: else it would come again and again."""
    page = PageBroadcast(1000)
    show(page, head="one")
    page.put("ended", "", last=True)
    page.stop()
    (version,) = re.findall(rb"^id: (\d+)$", await told(page), re.MULTILINE)
    assert await told(page, int(version)) == ENDED


async def test_a_server_that_ends() -> None:
    """It says nothing of an end: the browser comes again."""
    page = PageBroadcast(1000)
    show(page, head="one")
    page.stop()
    assert parts_in(await told(page)) == {"head": "one"}
    assert ENDED not in await told(page)
