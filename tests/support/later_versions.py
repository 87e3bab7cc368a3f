"""A server whose program becomes a later version, and what its pages show."""

from __future__ import annotations

from html import unescape
from typing import Any

HTML = {"Accept": "text/html"}


async def page(site: Any, path: str) -> str:
    """The text of a page, on one line."""
    response = await site.client.get(path, headers=HTML)
    assert response.status_code == 200, response.text
    return " ".join(unescape(response.text).split())


async def ran(site: Any, path: str, **form: Any) -> Any:
    """What a form has started, once it has ended."""
    started = await site.client.post(path, data={"profile": "dev", **form})
    assert started.status_code == 303, started.text
    return await site.ended(started.headers["location"].removeprefix("/executions/"))


def replace_flow(site: Any, name: str, function: Any) -> None:
    """Let the program be one with another function of a flow."""
    del site.app.flows[name]
    site.app.declared._groups.clear()
    site.app.flow(name)(function)
