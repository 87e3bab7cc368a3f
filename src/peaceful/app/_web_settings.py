"""How a web server is reached and by whom, as whoever starts it says."""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from peaceful.errors import UsageError
from peaceful.model import ExecutionId, InterruptSignal


class Role(enum.StrEnum):
    """What a token may be used for."""

    VIEW = "view"
    """To see what runs, what ran, and what is stored."""
    RUN = "run"
    """To start executions."""
    INTERRUPT = "interrupt"
    """To interrupt them."""


EVERYTHING: Final = frozenset(Role)
"""All roles."""

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST: Final = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class WebToken:
    """A secret that requests hold, and what it is good for.

    Attributes:
        text: the secret.
        roles: what it may be used for.
    """

    text: str = field(repr=False)
    roles: frozenset[Role] = EVERYTHING


@dataclass(frozen=True, slots=True)
class Tls:
    """What a server proves its name with.

    Attributes:
        cert: a file with its certificate, followed by those between it and a well-known one; PEM.
        key: a file with the private key, which not everybody may read; PEM, without a password.
    """

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """How a web server is reached, and by whom.

    Attributes:
        tokens: what requests hold. None: where the server is served by `App.serve`, a new one with
            all roles; where it is mounted, the site looks after who may use it.
        hosts: what the server is called, besides the address it listens at; requests for other
            hosts are refused. With a port (`example.org:8443`), only at that port.
        proxies: addresses, or networks such as `10.0.0.0/8`, of the proxies before it: only what
            these say of the original request is believed (`X-Forwarded-Proto` and `-Host`).
        tls: what it proves its name with, where `App.serve` is to encrypt; else none.
        max_concurrency: how many items an execution works on at once; none for the usual number.

    Raises:
        UsageError: a host or a proxy is none.
    """

    tokens: tuple[WebToken, ...] = ()
    hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    tls: Tls | None = None
    max_concurrency: int | None = None

    def __post_init__(self) -> None:
        """Checks what is said once, and not at each request."""
        for host in self.hosts:
            if not _HOST.fullmatch(host.lower()):
                raise UsageError(
                    f"{host!r} is not the name of a host.",
                    help="give it as it stands in addresses: example.org, or example.org:8443",
                )
        tuple(self.networks())

    def networks(self) -> Iterator[Network]:
        """The addresses of the proxies.

        Raises:
            UsageError: one is no address.
        """
        for proxy in self.proxies:
            try:
                yield ipaddress.ip_network(proxy)
            except ValueError as error:
                raise UsageError(
                    f"{proxy!r} is not the address of a proxy.",
                    help="give an address, such as 127.0.0.1, or a network, such as 10.0.0.0/8",
                ) from error


@dataclass(frozen=True, slots=True)
class ServerEnd:
    """How a server ended.

    Attributes:
        signal: the first one that asked for the end.
        cut: the executions that had not done everything by then, in the order of their ends.
    """

    signal: InterruptSignal
    cut: tuple[ExecutionId, ...] = ()
