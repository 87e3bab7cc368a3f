"""What a proxy says of a request."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from starlette.requests import Request

from peaceful._web.server.guard import forwarded

PROXIES = (ipaddress.ip_network("192.0.2.7"), ipaddress.ip_network("2001:db8::/32"))


def seen(client: str | None, *headers: tuple[str, str]) -> tuple[str, list[str]]:
    """The scheme and the hosts of a request as the server sees it."""
    scope: dict[str, Any] = {
        "type": "http",
        "scheme": "http",
        "path": "/",
        "client": None if client is None else (client, 1234),
        "headers": [
            (name.encode(), value.encode()) for name, value in (("host", "here:1"), *headers)
        ],
    }
    request = Request(forwarded(scope, PROXIES))
    return request.scope["scheme"], request.headers.getlist("host")


PROTO, HOST = ("x-forwarded-proto", "https"), ("x-forwarded-host", "ops.example")


@pytest.mark.parametrize("client", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::5"])
def test_the_word_of_a_proxy_is_taken(client: str) -> None:
    """On how it was asked, and for which host."""
    assert seen(client, PROTO, HOST) == ("https", ["ops.example"])
    assert seen(client, PROTO) == ("https", ["here:1"])
    assert seen(client) == ("http", ["here:1"])


@pytest.mark.parametrize("client", ["192.0.2.8", "127.0.0.1", "::1", "::ffff:192.0.2.8", "x", None])
def test_the_word_of_a_stranger_is_not(client: str | None) -> None:
    """Whoever reaches the server directly cannot pretend anything."""
    assert seen(client, PROTO, HOST) == ("http", ["here:1"])


def test_the_nearest_proxy_has_the_last_word() -> None:
    """What stands before was said to it by somebody else."""
    evil = ("x-forwarded-host", "evil.example")
    assert seen("192.0.2.7", evil, HOST) == ("http", ["ops.example"])
    both = ("x-forwarded-host", "evil.example, ops.example")
    assert seen("192.0.2.7", both) == ("http", ["ops.example"])
    assert seen("192.0.2.7", ("x-forwarded-proto", "https,http"))[0] == "http"
    assert seen("192.0.2.7", ("x-forwarded-proto", "gopher"))[0] == "http"
