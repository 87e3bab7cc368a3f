"""The way to a server: proxies, whom to trust, and what goes wrong, in words."""

from __future__ import annotations

import functools
import os
import socket
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

from peaceful.items._download._address import Address, parsed
from peaceful.items._download._errors import (
    DownloadFailed,
    HostUnknown,
    SourceNotTrusted,
    SourceUnreachable,
)
from peaceful.present import one_line

if TYPE_CHECKING:
    import httpx

_NO_SUCH_HOST: Final = frozenset(
    {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
)


def proxy_for(address: Address) -> Address | None:
    """The proxy that the environment names, or none.

    It is in `http_proxy`, `https_proxy` or `all_proxy`; `no_proxy` names whom to ask directly.
    """
    # Here and not above, because it loads Python's own HTTP client.
    from urllib.request import getproxies_environment, proxy_bypass

    scheme, host, port = address.origin
    proxies = getproxies_environment()
    if not proxies or proxy_bypass(f"{host}:{port}"):
        return None
    text = proxies.get(scheme) or proxies.get("all")
    if not text:
        return None
    try:
        return parsed(text if "://" in text else f"http://{text}")
    except ValueError as error:
        raise DownloadFailed(
            f"The proxy that the environment names for {scheme} cannot be used: {error}.",
            help=f"correct {scheme}_proxy or all_proxy, or name {host} in no_proxy",
        ) from error


def url_of(address: Address) -> httpx.URL:
    """The address as httpx takes it.

    Raises:
        DownloadFailed: its host has no name that a host can have.
    """
    import httpx

    try:
        url = httpx.URL(address.url)
        _ = url.host  # Only then is a name in other letters than those of the DNS looked at.
    except (httpx.InvalidURL, ValueError) as error:
        # The latter of names that cannot be written in the letters of the Domain Name System.
        raise DownloadFailed(
            f"{address.shown} cannot be asked for: no host has such a name.",
            help="check the address and what is before its first single slash",
        ) from error
    else:
        return url


def tls_context(*, needed: bool) -> ssl.SSLContext:
    """Whom to trust.

    Args:
        needed: whether TLS will be spoken; else an empty context does, which is made in no time.
    """
    if not needed:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _trusting(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _trusting(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Kept, because reading the list of authorities takes longer than a small download."""
    import httpx

    return httpx.create_ssl_context()


def failure_of(error: httpx.HTTPError, host: str, peer: str, timeout: float) -> DownloadFailed:
    """What an error of the connection means.

    Args:
        error: what httpx raised.
        host: the server.
        peer: whom the connection was made to: the server or a proxy.
        timeout: in seconds.
    """
    import httpx

    for cause in _causes(error):
        if (failure := _failure_by_cause(cause, host, peer)) is not None:
            return failure
    if isinstance(error, httpx.ProxyError):
        said = one_line(str(error), 100)
        return SourceUnreachable(peer, f"does not let through to {host}: {said}")
    for kind, who, reason in (
        (httpx.ConnectTimeout, peer, f"did not answer within {timeout:g} s"),
        (httpx.TimeoutException, host, f"sent nothing for {timeout:g} s"),
        (httpx.ConnectError, peer, "cannot be reached"),
        (httpx.RemoteProtocolError, host, "broke the connection, or does not speak HTTP"),
    ):
        if isinstance(error, kind):
            return SourceUnreachable(who, reason)
    return SourceUnreachable(host, _BROKE)


_BROKE: Final = "broke the connection"


def _failure_by_cause(cause: BaseException, host: str, peer: str) -> DownloadFailed | None:
    """What is meant by what the system said, below httpx; none where it says nothing special."""
    match cause:
        case ssl.SSLCertVerificationError():
            return SourceNotTrusted(host, one_line(cause.verify_message, 200))
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return SourceUnreachable(host, _BROKE)
        case ssl.SSLError():
            reason = (cause.reason or "unknown reason").replace("_", " ").lower()
            return SourceNotTrusted(host, f"TLS failed ({reason})")
        case socket.gaierror() if cause.errno in _NO_SUCH_HOST:
            return HostUnknown(peer)
        case socket.gaierror():
            return SourceUnreachable(peer, f"cannot be looked up now ({cause.strerror})")
        case ConnectionRefusedError():
            return SourceUnreachable(peer, "refuses connections")
        case _:
            return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", error)
            for part in group.exceptions:
                yield from _causes(part)
        error = error.__cause__ or error.__context__
