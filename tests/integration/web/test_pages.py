"""Pages, as a browser without scripts gets them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from event_streams import Message, messages
from gated_app import gated_app
from starlette.applications import Starlette
from starlette.routing import Mount

from peaceful._web.pages.site import piece

HTML = {"Accept": "text/html"}
FORM = {"profile": "dev", "flow_id": "make"}


class Outline(HTMLParser):
    """What a page holds.

    Attributes:
        links: where its links lead.
        forms: where its forms lead.
        ids: the IDs of its elements.
        text: what people read.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(page)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes where it leads."""
        found = dict(attrs)
        assert "style" not in found, "the policy lets no style through"
        assert not any(name.startswith("on") for name in found), "nor scripts"
        if tag == "a":
            self.links.append(found.get("href") or "")
        if tag == "form":
            self.forms.append(found.get("action") or "")
        if found.get("id"):
            self.ids.append(str(found["id"]))

    def handle_data(self, data: str) -> None:
        """Notes what people read."""
        self.text += f" {data}"


async def page(site: Any, path: str, status: int = 200, **query: str) -> Outline:
    """A page."""
    response: httpx.Response = await site.client.get(path, params=query or None, headers=HTML)
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("text/html")
    outline = Outline(response.text)
    assert len(outline.ids) == len(set(outline.ids)), "IDs are unique"
    return outline


async def ended(site: Any, **more: Any) -> str:
    """An execution that has ended."""
    execution_id: str = await site.started(**more)
    await site.ended(execution_id)
    return execution_id


async def test_every_link_leads_somewhere(site: Any) -> None:
    """From the first page on, each page that can be reached exists."""
    await ended(site)
    await ended(site, command="discover")
    known, left = set[str](), ["/"]
    while left:
        path = left.pop()
        known.add(path)
        response = await site.client.get(path, headers=HTML)
        assert response.status_code == 200, path
        if not response.headers["content-type"].startswith("text/html"):
            continue
        for link in Outline(response.text).links:
            target = link.partition("#")[0]
            assert target == "" or target.startswith("/"), link
            if target and target not in known and target not in left:
                left.append(target)
    assert len(known) > 15


async def test_what_a_page_is_made_with(site: Any) -> None:
    """Is there for everybody, and stays the same for ever at its address."""
    text = (await site.client.get("/", headers=HTML)).text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', text)
    assert len(addresses) == 4
    for address in addresses:
        response = await site.client.get(address)
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]
    assert (await site.client.get("/static/peaceful.css")).status_code == 404
    assert (await site.client.get("/static/..%2f_site.py")).status_code == 404


async def test_the_overview(site: Any) -> None:
    """Each flow of each profile, what runs now, what was executed last."""
    gate = site.gates.gate("dev", "a")
    running = await site.started("dev")
    await gate.reached.wait()
    await ended(site, profile="prod")
    shown = await page(site, "/")
    assert f"/executions/{running}" in shown.links
    assert {"/profiles/dev/make", "/profiles/prod/other"} <= set(shown.links)
    assert "Ensuring dev" in shown.text
    now = (await site.client.get("/?part=now", headers=HTML)).text
    assert now.startswith('<div id="now"')
    assert running in now
    gate.open.set()


async def test_an_execution(site: Any) -> None:
    """How each item stands, while it runs and after its end; and what can be done."""
    gate = site.gates.gate("dev", "a")
    running = await site.started("dev")
    await gate.reached.wait()
    shown = await page(site, f"/executions/{running}")
    assert {"head", "meter", "note", "failures", "row-a", "row-b", "row-c"} <= set(shown.ids)
    assert "after a" in shown.text
    assert shown.forms == ["/cmd_exec_interrupt"]
    assert {f"node-{item}" for item in "abc"} <= set(shown.ids)
    gate.open.set()
    await site.ended(running)
    shown = await page(site, f"/executions/{running}")
    assert "dev is as it should be" in shown.text
    assert "3 of 3 are as they should be." in shown.text
    # What was changed, from what to what: that is known for good.
    assert "a done value=made value made" in shown.text
    head = await site.client.get(f"/executions/{running}?part=head", headers=HTML)
    assert head.text.startswith('<div id="head"')
    touched = await page(site, f"/executions/{running}", kind="outcome")
    assert "What it touches" in touched.text


async def test_stop_now(site: Any) -> None:
    """A higher level is asked for on a page of its own, which says what it costs."""
    gate = site.gates.gate("dev", "a")
    running = await site.started("dev")
    await gate.reached.wait()
    await site.client.post("/cmd_exec_interrupt", data={"execution_id": running})
    shown = await page(site, f"/executions/{running}")
    assert "nothing new will start." in shown.text
    (question,) = [link for link in shown.links if "interrupt?level=cancel" in link]
    asked = await page(site, question)
    assert "Its own clean-up still runs." in asked.text
    assert asked.forms == ["/cmd_exec_interrupt"]
    form = {"execution_id": running, "level": "cancel"}
    assert (await site.client.post("/cmd_exec_interrupt", data=form)).status_code == 303
    assert (await site.ended(running))["items"]["a"]["status"] == "abandoned"
    await page(site, f"/executions/{running}/interrupt", 404, level="much")


async def test_carrying_on(site: Any) -> None:
    """What was interrupted can be resumed from its page, which is said on the next one."""
    gate = site.gates.gate("dev", "a")
    first = await site.started("dev")
    await gate.reached.wait()
    await site.client.post("/cmd_exec_interrupt", data={"execution_id": first})
    gate.open.set()
    await site.ended(first)
    shown = await page(site, f"/executions/{first}")
    assert "Interrupted, safely" in shown.text
    assert shown.forms == ["/ensure_cmd"]
    second = (await site.client.post("/ensure_cmd", data=FORM)).headers["location"]
    await site.ended(second.rpartition("/")[2])
    shown = await page(site, second)
    assert f"/executions/{first}" in shown.links


async def test_a_failure(site: Any) -> None:
    """It is told with its help; what items say is text, whatever is in it."""
    site.gates.failing.add("dev.c")
    failed = await ended(site)
    response = await site.client.get(f"/executions/{failed}", headers=HTML)
    assert "<b>fails</b>" not in response.text
    shown = Outline(response.text)
    assert "dev.c <b>fails</b>." in shown.text
    assert "leave it alone" in shown.text
    assert "c failed" in shown.text


async def test_an_environment(site: Any) -> None:
    """What would change, as it was discovered; and a form for each parameter."""
    shown = await page(site, "/profiles/dev/make")
    assert "What ensure would change" in shown.text
    await ended(site, command="discover")
    shown = await page(site, "/profiles/dev/make")
    assert "3 items of 3 differ" in shown.text
    assert "param-value" in shown.ids
    await ended(site)
    assert "nothing differs" in (await page(site, "/profiles/dev/make")).text


async def test_parameters_that_are_missing(site: Any) -> None:
    """The page says which, and has the field for it."""
    shown = await page(site, "/profiles/dev/other")
    assert "PARAMS-MISSING" in shown.text
    assert "param-needed" in shown.ids
    form = {"profile": "dev", "flow_id": "other", "param.needed": "7"}
    started = await site.client.post("/ensure_cmd", data=form, headers=HTML)
    assert started.status_code == 303
    await site.ended(started.headers["location"].rpartition("/")[2])
    assert site.gates.made["dev.x"] == "7"


async def test_parameters_that_are_wrong(site: Any) -> None:
    """What is wrong is said beside the field, and what was typed is kept; nothing was stored."""
    form = {"profile": "dev", "flow_id": "other", "param.needed": "<many>"}
    response = await site.client.post("/ensure_cmd", data=form, headers=HTML)
    assert response.status_code == 422
    assert "wrong-needed" in Outline(response.text).ids
    assert 'value="&lt;many&gt;"' in response.text
    assert not (site.folder / ".peace/gated/dev/other/flow_params.yaml").exists()
    program = await site.client.post("/ensure_cmd", data=form)
    assert program.json()["errors"][0]["field"] == "needed"


async def test_no_such_page(site: Any) -> None:
    """It says what is wrong, and what to do, on a page."""
    unknown = "01890000-0000-7000-8000-000000000000"
    missing = ["nothing", "flows/nothing", "profiles/nobody", "profiles/dev/nothing"]
    missing += ["executions/x", f"executions/{unknown}", f"executions/{unknown}/live"]
    for path in missing:
        shown = await page(site, f"/{path}", 404)
        assert "What to do" in shown.text, path


async def test_a_busy_profile(site: Any) -> None:
    """The answer leads to what runs."""
    gate = site.gates.gate("dev", "a")
    running = await site.started("dev")
    await gate.reached.wait()
    response = await site.client.post("/clean_cmd", data=FORM, headers=HTML)
    assert response.status_code == 409
    assert f"/executions/{running}" in Outline(response.text).links
    assert "dev is busy" in unescape(response.text)
    gate.open.set()


async def test_the_list(site: Any) -> None:
    """Filtered and page by page, newest first."""
    made = [await ended(site, command="discover") for _ in range(3)]
    shown = await page(site, "/executions", limit="2", state="complete", profile="dev", flow="")
    found = [link for link in shown.links if link.startswith("/executions/")]
    assert found == [f"/executions/{each}" for each in reversed(made[1:])]
    (older,) = [link for link in shown.links if "cursor=" in link]
    assert f"/executions/{made[0]}" in (await page(site, older)).links
    assert "None yet." in (await page(site, "/executions", state="failed")).text
    assert "limit" in (await page(site, "/executions", 422, limit="many")).text


async def test_the_reference(site: Any) -> None:
    """Every call of the API is on its page."""
    described = await site.get("/api/openapi.json")
    shown = await page(site, "/api/docs")
    for path in described["paths"]:
        assert path in shown.text
    for name in described["components"]["schemas"]:
        assert f"schema-{name}" in shown.ids


async def test_pieces_for_scripts(site: Any) -> None:
    """A page's script gets what has changed, in place of the way to a page."""
    gate = site.gates.gate("dev", "a")
    script = {"HX-Request": "true", "Accept": "text/html"}
    started = await site.client.post("/ensure_cmd", data=FORM, headers=script)
    assert started.status_code == 200
    assert "<html" not in started.text
    execution_id = re.search(r"/executions/([0-9a-f-]{36})", started.text)
    assert execution_id is not None
    await gate.reached.wait()
    form = {"execution_id": execution_id[1]}
    answer = await site.client.post("/cmd_exec_interrupt", data=form, headers=script)
    # What came of it is shown by what the page is sent besides.
    assert (answer.status_code, answer.content) == (204, b"")
    asked = await site.client.get(f"/executions/{execution_id[1]}/interrupt?level=kill",
                                  headers=script)  # fmt: skip
    assert "<html" not in asked.text
    refused = await site.client.post("/ensure_cmd", data={"profile": "?"}, headers=script)
    assert refused.headers["hx-retarget"] == "#problem"
    gate.open.set()


async def test_what_changes_is_sent(served: Any) -> None:
    """Each part of the page as it changes, and then the end."""
    site = served.site
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started("dev")
    await gate.reached.wait()
    path = f"/executions/{execution_id}/live"
    async with site.client.stream("GET", path) as response:
        stream = messages(response)
        first = await anext(stream)
        assert 'id="row-a"' in first.data
        assert "peaceful_watchers 1\n" in (await site.client.get("/metrics")).text
        watching = asyncio.ensure_future(_rest(stream))
        await site.client.post("/cmd_exec_interrupt", data={"execution_id": execution_id})
        gate.open.set()
        told = await watching
    assert told[-1].event == "ended"
    newest = "".join(each.data for each in told)
    assert "Interrupted, safely" in newest
    assert 'data-stand="not_started"' in newest
    # Whoever comes after the end gets everything once, and its end.
    async with site.client.stream("GET", path) as response:
        again = await _rest(messages(response))
    assert "Interrupted, safely" in again[0].data
    assert again[-1].event == "ended"


async def _rest(stream: AsyncIterator[Message]) -> list[Message]:
    return [each async for each in stream]


@pytest.mark.parametrize("path", ["/", "/executions", "/flows/make", "/profiles/dev/make"])
async def test_mounted_elsewhere(workspace: Any, gates: Any, path: str) -> None:
    """All links stay below the place where the application is mounted."""
    mounted = Starlette(routes=[Mount("/tools", app=gated_app().asgi(workspace))])
    transport = httpx.ASGITransport(mounted)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.get(f"/tools{path}", headers=HTML)
    assert response.status_code == 200
    shown = Outline(response.text)
    for address in (*shown.links, *shown.forms, *re.findall(r'src="([^"]+)"', response.text)):
        assert address.startswith(("/tools/", "#")), address


def test_commands_in_texts_are_shown_as_such() -> None:
    """What stands in backquotes; whatever else is in a text stays a text."""
    shown = piece(
        "parts.html", "problem", "CODE", "message", "run `clean --left <b>`, or <i>wait</i>"
    )
    assert "run <code>clean --left &lt;b&gt;</code>, or &lt;i&gt;wait&lt;/i&gt;" in shown
    one = piece("parts.html", "problem", "CODE", "message", "a lone ` and <b>")
    assert "a lone ` and &lt;b&gt;" in one
