"""Settings of the web server, and its tokens."""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from peaceful._app.parameters.sealing import private_text
from peaceful._errors.usage import UsageError
from peaceful._model.codec import ExecutionId
from peaceful._model.interrupt import InterruptSignal

_HOST: Final = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~-]{20,200}", re.ASCII)
"""Texts that need no escaping in URLs and headers, and cannot be guessed by trying."""

_NAME: Final = re.compile(r"[^\W_][\w.@+-]{0,99}")
"""Names of persons and programs, and addresses of mail."""

_MAKE: Final = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


class Role(enum.StrEnum):
    """A right that a token grants."""

    VIEW = "view"
    """See what runs, what ran, and what is stored."""
    RUN = "run"
    """Start executions."""
    INTERRUPT = "interrupt"
    """Interrupt executions."""
    APPROVE = "approve"
    """Approve what others would do, or refuse it."""


EVERYTHING: Final = frozenset(Role)

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class WebToken:
    """A secret that requests hold, the roles that it grants, and the name of who has it.

    The name is said of what is started, interrupted and approved with it; empty if nobody knows.
    """

    text: str = field(repr=False)
    roles: frozenset[Role] = EVERYTHING
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate of a server.

    Attributes:
        cert: a PEM file with the certificate and its intermediate certificates.
        key: a PEM file with the private key, without a password; not readable for everybody.
    """

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The names of a web server, and who may use it.

    Attributes:
        tokens: what requests must hold one of. If empty, `App.serve` makes a new token with all
            roles; where the server is mounted, the site controls access.
        hosts: the server's names, besides the address it listens at; requests for other hosts are
            refused. With a port (`example.org:8443`), only at that port.
        proxies: addresses, or networks such as `10.0.0.0/8`, of the proxies before it; the
            `X-Forwarded-Proto` and `-Host` headers of others are ignored.
        tls: the certificate, if `App.serve` is to encrypt.
        max_concurrency: how many items an execution works on at once; None for the default.
        approve: profiles that are changed only by a plan which somebody else has approved. What is
            done at a terminal is not held to that.

    Raises:
        UsageError: a host or a proxy is not valid; or nobody could approve.
    """

    tokens: tuple[WebToken, ...] = ()
    hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    tls: Tls | None = None
    max_concurrency: int | None = None
    approve: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the settings once, and not at each request."""
        for host in self.hosts:
            if not _HOST.fullmatch(host.lower()):
                raise UsageError(
                    f"{host!r} is not the name of a host.",
                    help="give it as it stands in addresses: example.org, or example.org:8443",
                )
        tuple(self.networks())
        if self.approve and not self._can_approve():
            raise UsageError(
                "Nobody could approve what others plan: that takes tokens with names, of which one "
                "has the role approve, and another one the role run.",
                help="name them in a file for --token-file: ada view,run TOKEN; and in another "
                "line: bob view,approve TOKEN",
            )

    def _can_approve(self) -> bool:
        """Return whether all tokens have names, and somebody may approve what another one plans."""
        may = {
            role: {each.name for each in self.tokens if role in each.roles}
            for role in (Role.RUN, Role.APPROVE)
        }
        named = all(each.name for each in self.tokens)
        return named and any(may[Role.APPROVE] - {name} for name in may[Role.RUN])

    def networks(self) -> Iterator[Network]:
        """Yield the networks of the proxies; raise `UsageError` for one that is no address."""
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
    """The end of a server.

    Attributes:
        signal: the first signal that asked for it.
        cut: the executions that it interrupted, in the order in which they ended.
    """

    signal: InterruptSignal
    cut: tuple[ExecutionId, ...] = ()


def web_tokens(path: Path) -> tuple[WebToken, ...]:
    """Read the tokens of a file: one on each line, after its roles (`view,run TOKEN`).

    A name may come first, of who has it (`ada view,run TOKEN`). A token without roles has all. `#`
    begins a comment. The file must be for its owner alone.
    """
    text = private_text(path, "the tokens", help="make new ones")
    found: list[WebToken] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if words:
            found.append(_token(words, f"{path}, line {number}"))
            if len({each.text for each in found}) < len(found):
                raise _wrong(f"{path}, line {number}", "its token is there already")
    if not found:
        raise UsageError(f"{path} holds no token.", help=f"make one: {_MAKE}")
    return tuple(found)


def _token(words: list[str], place: str) -> WebToken:
    """Parse a line; errors do not repeat what may be a secret."""
    *first, text = words
    if len(first) > 2:
        raise _wrong(place, f"it has {len(words)} words")
    if not _TOKEN.fullmatch(text):
        raise _wrong(place, "its token is not 20 to 200 letters, digits and characters of -._~")
    known = ", ".join(Role)
    try:
        roles = frozenset(map(Role, first[-1].split(","))) if first else EVERYTHING
    except ValueError:
        reason = f"its roles are not some of {known}, joined by commas"
        raise _wrong(place, reason) from None
    name = first[0] if len(first) > 1 else ""
    if name and (name in set(Role) or not _NAME.fullmatch(name)):
        # The name of a role is more likely one that is not joined to the others by a comma.
        raise _wrong(
            place, "its name is a role, or not at most 100 letters, digits and characters of ._@+-"
        )
    return WebToken(text, roles, name)


def _wrong(place: str, reason: str) -> UsageError:
    return UsageError(
        f"{place} is no token: {reason}.",
        help=f"write a line such as: ada view,run,interrupt TOKEN; this makes a token: {_MAKE}",
    )
