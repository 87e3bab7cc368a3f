"""The parts of a page while it runs: whoever comes, and whenever, has the newest of each."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from peaceful.web._live._live_page import LivePage

PART = re.compile(r'<hx-partial id="(.*?)">(.*?)</hx-partial>', re.DOTALL)
BEGAN = 1000
TEXTS = st.text("ab<\n\r\u2028 x", max_size=5)
PARTS = st.dictionaries(st.sampled_from(["head", "note", "row-a"]), TEXTS)


def parts_in(data: bytes) -> dict[str, str]:
    """The parts that a message of the stream holds, as a browser reads it."""
    lines = [line.removeprefix("data: ") for line in data.decode().split("\n")]
    return dict(PART.findall("\n".join(lines)))


def squeezed(text: str) -> str:
    """A text without what HTML does not tell apart."""
    return "".join(text.split())


@given(st.lists(st.tuples(PARTS, st.booleans()), max_size=20))
def test_a_watcher_that_looks_now_and_then_has_the_newest(steps: list[Any]) -> None:
    """However often parts change between two looks, and whatever is in them."""
    page, shown, newest = LivePage(BEGAN), dict[str, str](), dict[str, str]()
    seen: int | None = None
    for parts, looks in steps:
        page.show(parts)
        newest |= parts
        if looks:
            chunk = page.since(seen)
            shown |= parts_in(chunk.data)
            seen = chunk.last_id
            for name, text in newest.items():
                assert squeezed(shown[name]) == squeezed(text)


@given(st.lists(PARTS, max_size=8), st.one_of(st.none(), st.integers(0, 3000)))
def test_whoever_comes_with_an_unknown_version_gets_everything(
    steps: list[dict[str, str]], version: int | None
) -> None:
    """As after a restart of the server."""
    page = LivePage(BEGAN)
    for parts in steps:
        page.show(parts)
    if version is not None and BEGAN <= version <= page.version:
        version = None
    everything = {name: text for parts in steps for name, text in parts.items()}
    shown = parts_in(page.since(version).data)
    assert shown.keys() == everything.keys()


def test_only_what_has_changed_is_sent() -> None:
    """The same part again is no change."""
    page = LivePage(BEGAN)
    assert page.show({"head": "one", "note": "n"})
    version = page.version
    assert not page.show({"head": "one"})
    assert page.version == version
    assert page.show({"head": "two", "note": "n"})
    assert parts_in(page.since(version).data) == {"head": "two"}
    assert page.since(page.version).data == b""


def test_one_message_for_all() -> None:
    """Who is at the same version gets the very same bytes."""
    page = LivePage(BEGAN)
    page.show({"head": "one"})
    assert page.since(None).data is page.since(None).data


async def test_the_end() -> None:
    """A watcher is told that nothing more comes, after the last parts."""
    page = LivePage(BEGAN)
    page.show({"head": "one"})
    watching = asyncio.ensure_future(_all(page))
    await asyncio.sleep(0)
    page.show({"head": "last"})
    page.end()
    told = await watching
    assert parts_in(told[-2]) == {"head": "last"}
    assert told[-1] == b"event: ended\ndata: -\n\n"


async def test_a_server_that_ends() -> None:
    """It says nothing of an end: the browser comes again."""
    page = LivePage(BEGAN)
    page.show({"head": "one"})
    page.stop()
    assert [parts_in(data) for data in await _all(page)] == [{"head": "one"}]


async def test_silence() -> None:
    """Where nothing changes, a watcher is told that the server is still there."""
    page = LivePage(BEGAN)
    chunks = page.chunks(None, heartbeat=0.001)
    assert await anext(chunks) is None
    await chunks.aclose()


async def _all(page: LivePage) -> list[bytes]:
    return [chunk.data async for chunk in page.chunks(None, 60) if chunk is not None]
