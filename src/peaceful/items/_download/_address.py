"""Addresses of downloads, and what identifies the version behind one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from peaceful.items._disk import disk_errors
from peaceful.items._secrets import is_secret_name

HIDDEN: Final = "..."
"""What stands for a hidden part of an address."""

_PORTS: Final = {"http": 80, "https": 443}

_LONGEST: Final = 16_000
"""Characters: servers take half of that, and httpx four times as many."""
_NOT_IN_ADDRESSES: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters, but for line breaks and tabs, which do not count (as in the URL standard of
WHATWG); and what stands for bytes that are no text."""

_SIGNER_PREFIXES: Final = ("x-amz-", "x-goog-", "x-oss-", "x-cos-")
_SIGNATURES: Final = frozenset({"sig", "signature"})
_BESIDE_SIGNATURES: Final = frozenset(
    {"expires", "sv", "ss", "st", "se", "sr", "sp", "spr", "srt", "sip", "skoid", "sktid"}
)
"""What changes whenever a signature of CloudFront, Google or Azure is renewed."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address, cut into what is sent, what is shown and what is neither.

    Attributes:
        url: the address without user name, password and fragment.
        login: user name and password, or none.
        shown: for people and for states: secrets are replaced, so that it stays the same when only
            a signature is renewed.
        origin: scheme, host and port: whoever is trusted with headers and login.
    """

    url: str
    login: tuple[str, str] | None
    shown: str
    origin: tuple[str, str, int]

    @property
    def secret(self) -> bool:
        """Whether more is sent than is shown."""
        return self.login is not None or self.shown != self.url

    @property
    def host(self) -> str:
        """The server's name, with its port where that is an unusual one."""
        scheme, host, port = self.origin
        name = f"[{host}]" if ":" in host else host
        return name if port == _PORTS[scheme] else f"{name}:{port}"

    @property
    def path(self) -> str:
        """The path on the server."""
        return urlsplit(self.url).path or "/"

    def joined(self, location: str) -> Address:
        """The address that a redirect leads to.

        Args:
            location: absolute, or relative to this address.

        Raises:
            ValueError: it is not an address of a file on the web; the message has no secrets.
        """
        return parsed(urljoin(self.url, location))


def parsed(text: str) -> Address:
    """The address that a text says.

    Raises:
        ValueError: it is not one; the message has no secrets.
    """
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
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise ValueError("it must begin with http:// or https://")
    if not parts.hostname:
        raise ValueError("it names no host, as https://example.com/file does")
    host = parts.hostname
    authority = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[scheme]:
        authority += f":{port}"
    plain = SplitResult(scheme, authority, parts.path or "/", parts.query, "")
    return Address(
        url=urlunsplit(plain),
        login=_login(parts),
        shown=urlunsplit(plain._replace(query=_shown_query(parts.query))),
        origin=(scheme, host, port or _PORTS[scheme]),
    )


def _login(parts: SplitResult) -> tuple[str, str] | None:
    if parts.username is None and parts.password is None:
        return None
    return unquote(parts.username or ""), unquote(parts.password or "")


def _shown_query(query: str) -> str:
    parameters = [parameter.partition("=") for parameter in query.split("&")]
    signed = any(name.lower() in _SIGNATURES for name, _, _ in parameters)
    return "&".join(
        f"{name}={HIDDEN}"
        if value and _is_hidden(name, signed=signed)
        else f"{name}{equals}{value}"
        for name, equals, value in parameters
    )


def _is_hidden(name: str, *, signed: bool) -> bool:
    """Whether a parameter's value is hidden: a secret, or what changes with a signature."""
    lower = unquote(name).lower()
    return (
        is_secret_name(lower)
        or is_secret_name(name)
        or lower.startswith(_SIGNER_PREFIXES)
        or (signed and lower in _BESIDE_SIGNATURES)
    )


_BLOCK: Final = 1024 * 1024


class Origin(BaseModel):
    """What is remembered of a finished file, beside it: which version of the source it is.

    Holds only as long as the file has the recorded size and time of change; so a file that somebody
    else has changed since is of unknown origin.

    Attributes:
        source: where it was downloaded from, without secrets.
        etag: the version that the server gave it, or none.
        last_modified: when that was changed, as HTTP writes it, or none.
        size: in bytes.
        changed_ns: the file's own time of change, in nanoseconds.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: str
    etag: str | None
    last_modified: str | None
    size: int
    changed_ns: int

    @staticmethod
    def path_for(target: Path) -> Path:
        """Where the origin of a file is kept: hidden, beside it."""
        return target.with_name(f".{target.name}.source.json")

    @classmethod
    def of(cls, target: Path, facts: os.stat_result) -> Origin | None:
        """The origin of a file, or none where it is not known.

        Args:
            target: the file.
            facts: what the system says of it.
        """
        with contextlib.suppress(OSError, ValidationError):  # Whatever is wrong: it is not known.
            origin = cls.model_validate_json(cls.path_for(target).read_bytes())
            if (origin.size, origin.changed_ns) == (facts.st_size, facts.st_mtime_ns):
                return origin
        return None


def sha256_of(path: Path, between: Callable[[int], None]) -> str:
    """The checksum of a file, in hexadecimal digits.

    Args:
        path: the file.
        between: called after each part that was read, with how many bytes it has.

    Raises:
        DiskFailed: it cannot be read.
    """
    digest = hashlib.sha256()
    with disk_errors(path, "read"), path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            between(len(block))
    return digest.hexdigest()
