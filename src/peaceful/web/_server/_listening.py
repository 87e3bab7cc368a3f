"""Where a server listens, and what has to be said before others than this machine reach it."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from peaceful.app import WebSettings
from peaceful.errors import UsageError
from peaceful.web._http._access import LOOPBACK

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_HELP: Final = {
    errno.EADDRINUSE: "another program listens there: choose another port, or none for a free one",
    errno.EADDRNOTAVAIL: "it is not an address of this machine: use one that is, or 127.0.0.1",
    errno.EACCES: "ports below 1024 need a right that this process does not have: choose a higher "
    "one, and let a proxy stand before it",
}
_ANOTHER: Final = "choose another address or port"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens, and what it is called there.

    Attributes:
        address: of this machine.
        port: the port.
        encrypts: whether it speaks HTTPS.
        names: the hosts that it is to be called by, as they were given.
    """

    address: IpAddress
    port: int
    encrypts: bool = False
    names: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that requests may be for."""
        own = [f"{name}:{self.port}" for name in LOOPBACK]
        if not self.address.is_unspecified:
            own.append(f"{_bracketed(self.address)}:{self.port}")
        if self.port == (443 if self.encrypts else 80):
            # Browsers leave the usual port out.
            own += [each.rpartition(":")[0] for each in own]
        return tuple(dict.fromkeys((*own, *(name.lower() for name in self.names))))

    @property
    def url(self) -> str:
        """The address to open."""
        scheme = "https" if self.encrypts else "http"
        if self.encrypts and self.names:
            # The name that the certificate is for.
            name = self.names[0]
            has_port = name.rpartition(":")[2].isdecimal()
            return f"{scheme}://{name}" if has_port else f"{scheme}://{name}:{self.port}"
        here: IpAddress = self.address
        if here.is_unspecified:
            here = ipaddress.ip_address("127.0.0.1" if here.version == 4 else "::1")
        return f"{scheme}://{_bracketed(here)}:{self.port}"


def checked_address(address: str, settings: WebSettings) -> IpAddress:
    """The address to listen at.

    Raises:
        UsageError: it is none; or others than this machine would reach the server, and it was not
            said who may use it, or how what they send is kept secret.
    """
    try:
        found = ipaddress.ip_address("127.0.0.1" if address == "localhost" else address.strip("[]"))
    except ValueError as error:
        raise UsageError(
            f"{address!r} is not an address to listen at.",
            help="use 127.0.0.1 or ::1; or, for others than this machine, its address in their "
            "network",
        ) from error
    if settings.proxies and not settings.hosts:
        raise UsageError(
            "Behind a proxy, the server is called by a name that it does not know.",
            help="say the name, as it stands in the addresses that people use: --host NAME",
        )
    if not found.is_loopback:
        _check_reached_by_others(address, found, settings)
    return found


def _check_reached_by_others(address: str, found: IpAddress, settings: WebSettings) -> None:
    at = f"At {address}, others than this machine reach the server"
    if not settings.tokens:
        raise UsageError(
            f"{at}, and it is not said who may use it.",
            help="give it tokens: --token-file FILE; or use 127.0.0.1",
        )
    if settings.tls is None and not settings.proxies:
        raise UsageError(
            f"{at}, and their tokens would travel in plain sight.",
            help="encrypt: --tls-cert FILE --tls-key FILE; or say which proxy does: "
            "--behind-proxy ADDRESS; or use 127.0.0.1",
        )
    if found.is_unspecified and not settings.hosts:
        raise UsageError(
            f"{at} by names that it does not know.",
            help="say the name, as it stands in the addresses that people use: --host NAME",
        )


@contextmanager
def listening(address: IpAddress, port: int) -> Generator[socket.socket]:
    """A listening socket of this machine.

    Raises:
        UsageError: it cannot be listened there.
    """
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # By the protocol's name asyncio knows that small answers are not to wait for larger ones.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((str(address), port))
        except (OSError, OverflowError) as error:
            number = error.errno if isinstance(error, OSError) else None
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"The server cannot listen at {address}, port {port}: {reason}.",
                help=_ANOTHER if number is None else _HELP.get(number, _ANOTHER),
            ) from error
        opened.listen(socket.SOMAXCONN)
        yield opened


def _bracketed(address: IpAddress) -> str:
    return f"[{address}]" if address.version == 6 else str(address)
