"""Settings of the web server, and its tokens."""

from __future__ import annotations

import enum
import ipaddress
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from peaceful._errors.running import FileInaccessible
from peaceful._errors.usage import UsageError
from peaceful._model.field_types import ExecutionId
from peaceful._model.interrupt import InterruptSignal


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


def private_text(path: Path, holds: str, *, help: str) -> str:
    """The text of a file with secrets in it.

    Args:
        path: the file.
        holds: what is in it, such as `the keys`.
        help: what else to do where others may have read it.

    Raises:
        UsageError: others than its owner may read or change it.
        StorageError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            # Of what was opened, whatever lies at the path by now.
            rights = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read()
    except OSError as error:
        raise FileInaccessible(path, "read", error) from error
    except ValueError as error:
        raise UsageError(f"{path} is not a text.", help=f"give a file with {holds}") from error
    if os.name == "posix" and rights & 0o077:
        raise UsageError(
            f"Others than its owner may read {holds} in {path}.",
            help=f"take their rights away: chmod 600 {path}; and {help}, if any of them may have "
            "read it",
        )
    return text


_TOKEN: Final = re.compile(r"[A-Za-z0-9._~-]{20,200}", re.ASCII)
"""What needs no other form in addresses and headers, and cannot be guessed by trying."""

_MAKE: Final = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


def web_tokens(path: Path) -> tuple[WebToken, ...]:
    """The tokens in a file: one on each line, after its roles (`view,run TOKEN`).

    A token without roles has all. What follows `#` on a line is a comment.

    Args:
        path: the file, which only its owner may read.

    Raises:
        UsageError: others may read it, or what it holds is wrong.
        StorageError: it cannot be read.
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
    """The token of a line; errors do not repeat what may be a secret."""
    *first, text = words
    if len(first) > 1:
        raise _wrong(place, f"it has {len(words)} words")
    if not _TOKEN.fullmatch(text):
        raise _wrong(place, "its token is not 20 to 200 letters, digits and characters of -._~")
    known = {role.value: role for role in Role}
    roles = [known.get(word) for word in first[0].split(",")] if first else list(EVERYTHING)
    if None in roles:
        raise _wrong(place, "its roles are not some of view, run, interrupt, joined by commas")
    return WebToken(text, frozenset(role for role in roles if role is not None))


def _wrong(place: str, reason: str) -> UsageError:
    return UsageError(
        f"{place} is no token: {reason}.",
        help=f"write a line such as: view,run,interrupt TOKEN; this makes a token: {_MAKE}",
    )
