"""The HTTP client for downloads, and the failures of connections."""

from __future__ import annotations

import base64
import functools
import importlib
import logging
import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, cast

from peaceful._disclosure import know_secrets
from peaceful._errors.usage import ExtraMissing
from peaceful._item.ctx import ItemCtx
from peaceful._present.text import one_line
from peaceful.items._disk import disk_errors
from peaceful.items._download._address import Address, parsed
from peaceful.items._download._errors import (
    DownloadFailed,
    HostUnknown,
    RedirectRefused,
    SourceNotTrusted,
    SourceUnreachable,
)

if TYPE_CHECKING:
    import httpx

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NO_SUCH_HOST: Final = frozenset(
    {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
)
_BROKE: Final = "broke the connection"


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The settings of a download; see `FileDownload`.

    `login`, `cookies` and `headers` go to the address's own server, and to no other. If the file is
    `verified` by a checksum, nobody on the way can change it.
    """

    address: Address
    login: tuple[str, str] | None
    cookies: Mapping[str, str]
    headers: Mapping[str, str]
    timeout: float
    max_redirects: int
    verified: bool


@dataclass(frozen=True, slots=True)
class Response:
    """A response; its body has not been read, and comes with any `Content-Encoding`."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


class Client:
    """An HTTP client for one file; `async with` loads httpx, or raises `ExtraMissing`.

    It works below `httpx.Client`, which logs whole addresses, and follows redirects with all
    headers.
    """

    def __init__(self, settings: HttpSettings, ctx: ItemCtx) -> None:
        self._settings = settings
        self._ctx = ctx
        self._open = AsyncExitStack()
        self._cookies: httpx.Cookies
        self._transports: dict[tuple[str, str | None], httpx.AsyncHTTPTransport] = {}

    async def __aenter__(self) -> Self:
        try:
            importlib.import_module("httpx")
        except ImportError as error:
            raise ExtraMissing("FileDownload", "http", "httpx") from error
        self._cookies = importlib.import_module("httpx").Cookies()
        logging.getLogger("httpcore.http11").addFilter(_tells_no_headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    @asynccontextmanager
    async def send(self, method: str, headers: Mapping[str, str]) -> AsyncGenerator[Response]:
        """Send a request with further headers, and follow redirects."""
        address = self._settings.address
        for _ in range(self._settings.max_redirects + 1):
            response = await self._once(method, address, headers)
            async with aclosing(response):
                location = response.headers.get("location")
                if response.status_code not in _REDIRECTS or location is None:
                    reason = one_line(response.reason_phrase, 60)
                    body = self._body(response, address.host)
                    yield Response(response.status_code, reason, response.headers, body)
                    return
            address = self._redirected(address, location)
        raise RedirectRefused(
            f"{self._settings.address.shown} sends on to another address more than "
            f"{self._settings.max_redirects} times; the last one was {address.shown}.",
            help="check the address, and whether it needs a login",
        )

    async def _body(self, response: httpx.Response, host: str) -> AsyncIterator[bytes]:
        import httpx

        try:
            async for data in response.aiter_raw():
                yield data
        except httpx.HTTPError as error:
            raise failure_of(error, host, host, self._settings.timeout) from error

    def _redirected(self, address: Address, location: str) -> Address:
        try:
            new = address.joined(location)
        except ValueError as error:
            raise RedirectRefused(
                f"{address.shown} sends on to an address that cannot be used: {error}.",
                help="give the address of the file itself",
            ) from error
        if (address.origin[0], new.origin[0]) == ("https", "http") and not self._settings.verified:
            raise RedirectRefused(
                f"{address.shown} sends on to {new.shown}, "
                "where anybody on the way could change the file.",
                help="give the file's SHA-256, or an https address of the file itself",
            )
        return new

    async def _once(
        self, method: str, address: Address, headers: Mapping[str, str]
    ) -> httpx.Response:
        import httpx

        proxy = _proxy_for(address)
        peer = address.host if proxy is None else f"the proxy {proxy.host}"
        url = _url_of(address)
        try:
            request = httpx.Request(
                method,
                url,
                headers={**self._headers_for(address), **headers},
                extensions={"timeout": httpx.Timeout(self._settings.timeout).as_dict()},
            )
            self._add_cookies(request, address)
            transport = await self._transport(address, proxy)
            response = await self._ctx.wait_for(
                transport.handle_async_request(request), where=f"asking {address.host}"
            )
        except (httpx.LocalProtocolError, UnicodeEncodeError) as error:
            # Its text holds the header, which may be a secret.
            raise DownloadFailed(
                f"The headers for {address.shown} cannot be sent.",
                help="check their names and values for line breaks and other odd characters",
            ) from error
        except httpx.HTTPError as error:
            raise failure_of(error, address.host, peer, self._settings.timeout) from error
        response.request = request
        self._cookies.extract_cookies(response)
        return response

    def _add_cookies(self, request: httpx.Request, address: Address) -> None:
        """Add the cookies that servers have set, and those for the address's own server."""
        self._cookies.set_cookie_header(request)
        if self._settings.cookies and is_same_server(self._settings.address, address):
            told = request.headers.get("Cookie", "")
            names = {cookie.partition("=")[0].strip() for cookie in told.split(";")}
            own = [f"{each}={text}" for each, text in self._settings.cookies.items()]
            own = [cookie for cookie in own if cookie.partition("=")[0] not in names]
            request.headers["Cookie"] = "; ".join([*own, told] if told else own)

    def _headers_for(self, address: Address) -> dict[str, str]:
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "peaceful"}
        own = self._settings.address
        login = address.login
        if is_same_server(own, address):
            headers |= self._settings.headers
            login = login or self._settings.login
        if login is not None:
            token = base64.b64encode(":".join(login).encode()).decode()
            headers.setdefault("Authorization", f"Basic {token}")
        return headers

    async def _transport(self, address: Address, proxy: Address | None) -> httpx.AsyncHTTPTransport:
        import httpx

        key = (address.origin[0], None if proxy is None else proxy.url)
        if key not in self._transports:
            through = None if proxy is None else httpx.Proxy(_url_of(proxy), auth=proxy.login)
            if key[0] == "https" or (proxy is not None and proxy.origin[0] == "https"):
                context = _tls_context(
                    os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
                )
            else:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # Unused, and made in no time.
            transport = httpx.AsyncHTTPTransport(verify=context, proxy=through, trust_env=False)
            self._transports[key] = await self._open.enter_async_context(transport)
        return self._transports[key]


def _tells_no_headers(record: logging.LogRecord) -> bool:
    """Return whether a record of httpcore is without an answer's headers: they hold cookies."""
    return "response_headers.complete" not in record.getMessage()


def is_same_server(own: Address, other: Address) -> bool:
    """Return whether the headers for one address may go to another: same origin, or its https."""
    (_, host, port), (scheme, other_host, other_port) = own.origin, other.origin
    upgraded = (scheme, port, other_port) == ("https", 80, 443)
    return own.origin == other.origin or (host == other_host and upgraded)


def netrc_login(path: Path, host: str) -> tuple[str, str] | None:
    """Return the login for a host in a file like `.netrc`, or None; its password becomes known.

    Raises `DiskFailed`, or `DownloadFailed` if the file has another format.
    """
    from netrc import NetrcParseError, netrc

    try:
        with disk_errors(path, "read"):
            found = netrc(str(path)).authenticators(host)
    except (NetrcParseError, UnicodeDecodeError) as error:
        # Its text holds words of the file, which may be secrets.
        line = f", line {error.lineno}" if isinstance(error, NetrcParseError) else ""
        raise DownloadFailed(
            f"{path}{line} is not as a file of logins is written.",
            help="write `machine HOST login USER password PASSWORD` into it",
        ) from None
    if found is None:
        return None
    user, _, password = found
    know_secrets([password])
    return user, password


def _proxy_for(address: Address) -> Address | None:
    """Return the proxy in `http_proxy`, `https_proxy` or `all_proxy`, except for `no_proxy`."""
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


def _url_of(address: Address) -> httpx.URL:
    """Return the address as httpx takes it, or raise `DownloadFailed` if its host is no name."""
    import httpx

    try:
        url = httpx.URL(address.url)
        _ = url.host  # Only this checks international names.
    except (httpx.InvalidURL, ValueError) as error:  # The latter of names that IDNA cannot encode.
        raise DownloadFailed(
            f"{address.shown} cannot be asked for: no host has such a name.",
            help="check the address and what is before its first single slash",
        ) from error
    return url


@functools.cache
def _tls_context(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Return the context for the certificates that the environment names.

    Cached, because reading the list of authorities takes longer than a small download.
    """
    import httpx

    return httpx.create_ssl_context()


def failure_of(error: httpx.HTTPError, host: str, peer: str, timeout: float) -> DownloadFailed:
    """Return the failure for an error of httpx; `peer` is the server or the proxy before it."""
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


def is_out_of_reach(failure: DownloadFailed) -> bool:
    """Return whether there was not even a connection, so that no other request would be heard."""
    import httpx

    return isinstance(
        failure.__cause__, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
    )


def _failure_by_cause(cause: BaseException, host: str, peer: str) -> DownloadFailed | None:
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
