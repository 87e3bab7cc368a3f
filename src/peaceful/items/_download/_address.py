"""Addresses of downloads, and the checksum of a downloaded file."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from peaceful._item.ctx import ItemCtx
from peaceful.items._disk import disk_errors
from peaceful.items._secrets import is_secret_name

_PORTS: Final = {"http": 80, "https": 443}

_LONGEST: Final = 16_000
"""Characters: servers take half of that."""
_NOT_IN_ADDRESSES: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Surrogates, and control characters except line breaks and tabs, which WHATWG's URL standard
strips."""

_SIGNER_PREFIXES: Final = ("x-amz-", "x-goog-", "x-oss-", "x-cos-")
_SIGNATURES: Final = frozenset({"sig", "signature"})
_BESIDE_SIGNATURES: Final = frozenset(
    {"expires", "sv", "ss", "st", "se", "sr", "sp", "spr", "srt", "sip", "skoid", "sktid"}
)
"""Parameters that change when a signature of CloudFront, Google or Azure is renewed."""

_BLOCK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address.

    Attributes:
        url: the address without user name, password and fragment.
        login: user name and password, or None.
        shown: the address for people and states. Secrets are replaced, so that it stays the same
            when only a signature is renewed.
        origin: scheme, host and port, which decide who gets headers and login.
    """

    url: str
    login: tuple[str, str] | None
    shown: str
    origin: tuple[str, str, int]

    @property
    def secret(self) -> bool:
        """True if the address holds a secret."""
        return self.login is not None or self.shown != self.url

    @property
    def host(self) -> str:
        """The host name, with the port unless it is the scheme's default."""
        scheme, host, port = self.origin
        return _authority(scheme, host, port)

    @property
    def path(self) -> str:
        """The path on the server."""
        return urlsplit(self.url).path or "/"

    def joined(self, location: str) -> Address:
        """Resolve the location of a redirect; raise `ValueError` as `parsed` does."""
        return parsed(urljoin(self.url, location))


@functools.lru_cache(maxsize=1024)
def parsed(text: str) -> Address:
    """Parse an address, or raise `ValueError` with a message that has no secrets in it."""
    text = text.strip()
    if len(text) > _LONGEST:
        raise ValueError(f"it has more than {_LONGEST:,} characters")
    if _NOT_IN_ADDRESSES.search(text):
        raise ValueError("it has a character in it that cannot be sent")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError("it is not an address such as https://example.com/file") from error
    scheme, host = parts.scheme.lower(), parts.hostname
    if scheme not in _PORTS:
        raise ValueError("it must begin with http:// or https://")
    if not host:
        raise ValueError("it names no host, as https://example.com/file does")
    authority = _authority(scheme, host, _PORTS[scheme] if port is None else port)
    bare = SplitResult(scheme, authority, parts.path or "/", parts.query, "")
    login = None
    if parts.username is not None or parts.password is not None:
        login = unquote(parts.username or ""), unquote(parts.password or "")
    return Address(
        url=urlunsplit(bare),
        login=login,
        shown=urlunsplit(bare._replace(query=_shown_query(parts.query))),
        origin=(scheme, host, port or _PORTS[scheme]),
    )


def _authority(scheme: str, host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == _PORTS[scheme] else f"{name}:{port}"


def _shown_query(query: str) -> str:
    parameters = [parameter.partition("=") for parameter in query.split("&")]
    signed = any(name.lower() in _SIGNATURES for name, _, _ in parameters)
    return "&".join(
        f"{name}=..."
        if value and _is_hidden(unquote(name), signed=signed)
        else f"{name}{eq}{value}"
        for name, eq, value in parameters
    )


def _is_hidden(name: str, *, signed: bool) -> bool:
    """Return whether a parameter is a secret, or changes with the address's signature."""
    lower = name.lower()
    return (
        is_secret_name(name)
        or lower.startswith(_SIGNER_PREFIXES)
        or (signed and lower in _BESIDE_SIGNATURES)
    )


def sha256_of(path: Path, size: int, ctx: ItemCtx, *, message: str, where: str) -> str:
    """Compute a file's SHA-256 in hexadecimal digits, with progress and safe points."""
    ctx.progress.message(message)
    ctx.progress.bytes(size, done=0)
    digest = hashlib.sha256()
    with disk_errors(path, "read"), path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            ctx.progress.advance(len(block))
            _ = ctx.safe_point(where=where)
    return digest.hexdigest()
