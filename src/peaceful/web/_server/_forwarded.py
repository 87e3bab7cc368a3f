"""What a proxy says of the request that it hands on."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

from peaceful.app import Network


def forwarded(scope: Scope, proxies: Sequence[Network]) -> Scope:
    """The request as it came to the proxy.

    What anybody else says of it is not heeded. Of several values of a header, the last one is that
    of the nearest proxy.

    Args:
        scope: the request as it came to this server.
        proxies: whose word is taken.
    """
    if not proxies or not _is_one(scope, proxies):
        return scope
    headers = Headers(scope=scope)
    found = dict(scope)
    if (scheme := _last(headers, "x-forwarded-proto").lower()) in {"http", "https"}:
        found["scheme"] = scheme
    if host := _last(headers, "x-forwarded-host"):
        kept = [each for each in scope["headers"] if each[0] != b"host"]
        found["headers"] = [*kept, (b"host", host.encode("latin-1"))]
    return found


def _is_one(scope: Scope, proxies: Sequence[Network]) -> bool:
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0]) if client else None
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        # As a socket for both kinds of addresses has it.
        address = address.ipv4_mapped
    return address is not None and any(address in network for network in proxies)


def _last(headers: Headers, name: str) -> str:
    values = headers.getlist(name)
    return values[-1].rpartition(",")[2].strip() if values else ""
