"""Where a server may listen, and what it is called there."""

from __future__ import annotations

import ipaddress
import re
import resource
from pathlib import Path
from typing import Any

import pytest

from peaceful import Tls, WebSettings, WebToken
from peaceful._web.server.serve import ServerAddress, checked_address, most_connections
from peaceful.errors import UsageError

TOKENS = (WebToken("a-token"),)
TLS = Tls(Path("cert"), Path("key"))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
def test_this_machine_alone_needs_nothing_said(address: str) -> None:
    """Its own addresses are reached by nobody else."""
    assert checked_address(address, WebSettings()).is_loopback


@pytest.mark.parametrize("address", ["", "here", "127.0.0.1:80", "256.0.0.1", "::1%"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """Names too: they may mean several, or another one tomorrow."""
    with pytest.raises(UsageError):
        checked_address(address, WebSettings())


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize(
    ("settings", "asked_for"),
    [
        (WebSettings(), "--token-file"),
        (WebSettings(tls=TLS, hosts=("ops.example",)), "--token-file"),
        (WebSettings(tokens=TOKENS, hosts=("ops.example",)), "--tls-cert"),
        (WebSettings(tokens=TOKENS, proxies=("192.0.2.7",)), "--host"),
    ],
)
def test_others_are_served_only_where_it_was_said_how(
    address: str, settings: WebSettings, asked_for: str
) -> None:
    """Who may use it; how what they send is kept secret; what it is called."""
    with pytest.raises(UsageError) as caught:
        checked_address(address, settings)
    assert asked_for in caught.value.help


@pytest.mark.parametrize(
    "settings",
    [
        WebSettings(tokens=TOKENS, tls=TLS, hosts=("ops.example",)),
        WebSettings(tokens=TOKENS, proxies=("192.0.2.0/24",), hosts=("ops.example",)),
    ],
)
def test_with_all_of_it_said_they_are(settings: WebSettings) -> None:
    """By its own certificate, or that of a proxy."""
    assert not checked_address("0.0.0.0", settings).is_loopback


def test_all_addresses_have_to_be_given_a_name() -> None:
    """One address is its own name."""
    settings = WebSettings(tokens=TOKENS, tls=TLS)
    assert not checked_address("192.0.2.1", settings).is_unspecified
    with pytest.raises(UsageError, match="by names that it does not know"):
        checked_address("0.0.0.0", settings)


@pytest.mark.parametrize(
    ("place", "url", "host"),
    [
        (("127.0.0.1", 8000), "http://127.0.0.1:8000", "127.0.0.1:8000"),
        (("::1", 8000), "http://[::1]:8000", "[::1]:8000"),
        (("127.0.0.1", 80), "http://127.0.0.1:80", "localhost"),
        (("192.0.2.1", 443, True), "https://192.0.2.1:443", "192.0.2.1"),
        (("0.0.0.0", 8443, True, ("Ops.example",)), "https://Ops.example:8443", "ops.example"),
        (("::", 8000, False, ("ops.example",)), "http://[::1]:8000", "ops.example"),
        (("::", 1, True, ("ops.example:44",)), "https://ops.example:44", "ops.example:44"),
    ],
)
def test_what_it_is_called(place: tuple[Any, ...], url: str, host: str) -> None:
    """The address to open is one that is answered; the usual port may be left out."""
    address, *rest = place
    there = ServerAddress(ipaddress.ip_address(address), *rest)
    assert there.url == url
    assert host in there.hosts
    assert not {"0.0.0.0", "[::]", f"0.0.0.0:{there.port}"} & set(there.hosts)


@pytest.mark.parametrize("host", ["", "a b", "http://ops.example", "ops.example/", "a,b", "*"])
def test_what_is_no_host_is_refused(host: str) -> None:
    """Before the server starts, and not by refusing everybody."""
    with pytest.raises(UsageError, match=re.escape(repr(host))):
        WebSettings(hosts=(host,))


@pytest.mark.parametrize("proxy", ["", "proxy.example", "10.0.0.1/8", "300.0.0.1"])
def test_what_is_no_address_of_a_proxy_is_refused(proxy: str) -> None:
    """A network that is written as an address in it may be a mistake."""
    with pytest.raises(UsageError, match=re.escape(repr(proxy))):
        WebSettings(proxies=(proxy,))


@pytest.mark.parametrize(
    ("open_files", "most"), [(1_000_000, 4096), (1024, 768), (300, 150), (64, 32)]
)
def test_files_are_left_for_executions(open_files: int, most: int) -> None:
    """However few open files there may be, connections do not take all of them."""
    assert most_connections(open_files) == most


def test_the_limit_of_this_process_counts() -> None:
    """By default, the limit of open files is that of this process."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 0 < most_connections() <= 4096
    assert soft == resource.RLIM_INFINITY or most_connections() < soft
