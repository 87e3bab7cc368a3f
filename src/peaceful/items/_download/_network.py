"""The HTTP client for downloads, and the failures of connections."""

from __future__ import annotations

import base64
import functools
import importlib
import ipaddress
import os
import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, cast
from urllib.parse import quote, urlsplit

from peaceful._disclosure import know_secrets
from peaceful._errors.usage import ExtraMissing
from peaceful._item.ctx import ItemCtx
from peaceful._model.codec import ItemId
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
    import aiohttp
    import yarl

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NO_SUCH_HOST: Final = frozenset(
    {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
)
_BROKE: Final = "broke the connection"

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_HEADERS: Final = re.compile(r"[^\t\x20-\x7e]")
_AS_IT_IS: Final = "!#$%&'()*+,/:;=?@[]~"
"""What an address may have in it besides letters, digits and `-._` (RFC 3986, appendix A)."""

_AHEAD: Final = 256 * 1024
"""Bytes of a body that are received before they are asked for."""

_LONGEST_LINE: Final = 128 * 1024
"""Bytes of a header, such as an address that a server sends on to."""

_SHORT: Final = 16 * 1024
"""Bytes that are sooner read than a connection is opened."""

_KEPT: Final = 32
"""The most answers that wait until their bodies are asked for."""


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

    async def read_rest(self) -> None:
        """Read a short body, which is of no interest."""
        read = 0
        async for data in self.body:
            read += len(data)
            if read > _SHORT:
                break


@dataclass(frozen=True, slots=True)
class Pool:
    """The connections that all downloads of an execution share.

    Attributes:
        session: sends requests.
        proxies: by scheme, what the environment names as proxies.
        kept: by item, the answer to the question for its version: its body is what comes next.
    """

    session: aiohttp.ClientSession
    proxies: Mapping[str, str]
    kept: dict[ItemId, aiohttp.ClientResponse]

    def keep(self, item: ItemId, answer: aiohttp.ClientResponse) -> None:
        """Keep an answer until `take` is called, in place of an older one, if there is room."""
        if (older := self.take(item)) is not None:
            older.close()
        if len(self.kept) < _KEPT:
            self.kept[item] = answer
        else:
            answer.close()

    def take(self, item: ItemId) -> aiohttp.ClientResponse | None:
        """Return the answer that was kept for an item."""
        return self.kept.pop(item, None)


@asynccontextmanager
async def connections() -> AsyncGenerator[Pool]:
    """Open the pool of an execution; raise `ExtraMissing` without aiohttp."""
    try:
        aiohttp = importlib.import_module("aiohttp")
    except ImportError as error:
        raise ExtraMissing("FileDownload", "http", "aiohttp") from error
    # As many connections as there are items in progress; cookies belong to each download.
    connector = aiohttp.TCPConnector(limit=0, resolver=aiohttp.ThreadedResolver())
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=_AHEAD,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
    ) as session:
        pool = Pool(session, proxies_of_environment(), {})
        try:
            yield pool
        finally:
            for answer in pool.kept.values():
                answer.close()


class Client:
    """The client for one file, by the connections that all share.

    Redirects are followed here: only servers that may know them get logins, cookies and headers.
    """

    def __init__(self, settings: HttpSettings, ctx: ItemCtx, pool: Pool) -> None:
        self._settings = settings
        self._ctx = ctx
        self._pool = pool
        self._cookies: aiohttp.CookieJar | None = None

    @classmethod
    async def of(cls, settings: HttpSettings, ctx: ItemCtx) -> Self:
        """Return a client of the execution's pool; raise `ExtraMissing` without aiohttp."""
        return cls(settings, ctx, await ctx.resource(connections))

    async def ask_ahead(self) -> Response:
        """Ask for the file, and keep the answer: the next `send` of a `GET` takes the body."""
        answer = await self._answered("GET", {})
        if answer.status == 200:
            self._pool.keep(self._ctx.item, answer)
        else:
            answer.close()
        return self._response(answer)

    @asynccontextmanager
    async def send(self, method: str, headers: Mapping[str, str]) -> AsyncGenerator[Response]:
        """Send a request with further headers, and follow redirects."""
        answer = None if method == "HEAD" else self._pool.take(self._ctx.item)
        if answer is not None and headers:
            answer.close()
            answer = None
        if answer is None:
            answer = await self._answered(method, headers)
        try:
            yield self._response(answer)
        finally:
            answer.close()  # Its connection stays open if the body was read to its end.

    def _response(self, answer: aiohttp.ClientResponse) -> Response:
        reason = one_line(answer.reason or "", 60)
        return Response(answer.status, reason, answer.headers, self._body(answer))

    async def _answered(self, method: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        address = self._settings.address
        for _ in range(self._settings.max_redirects + 1):
            response = await self._once(method, address, headers)
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or location is None:
                return response
            response.release()
            address = self._redirected(address, location)
        raise RedirectRefused(
            f"{self._settings.address.shown} sends on to another address more than "
            f"{self._settings.max_redirects} times; the last one was {address.shown}.",
            help="check the address, and whether it needs a login",
        )

    async def _body(self, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        import aiohttp

        try:
            while data := await answer.content.readany():
                yield data
        except (aiohttp.ClientError, OSError) as error:
            # What came before it: no public method gives that any more.
            if left := answer.content._read_nowait(-1):  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                yield left
            host = answer.url.authority
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
    ) -> aiohttp.ClientResponse:
        import aiohttp

        proxy = _proxy_for(address, self._pool.proxies)
        peer = address.host if proxy is None else f"the proxy {proxy.host}"
        is_tls = address.origin[0] == "https"
        told = {**self._headers_for(address), **headers}
        told_proxy: dict[str, str] = {}
        if proxy is not None and proxy.login is not None:
            # Through TLS, only the question for the tunnel is the proxy's to read.
            (told_proxy if is_tls else told)["Proxy-Authorization"] = _basic(proxy.login)
        seconds = self._settings.timeout
        request = self._pool.session.request(
            method,
            _url_of(address),
            headers=told,
            allow_redirects=False,
            ssl=_tls_context(*_authorities()) if is_tls or _is_tls(proxy) else True,
            proxy=None if proxy is None else _url_of(proxy),
            proxy_headers=told_proxy,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=seconds, sock_read=seconds),
        )
        try:
            answer = await self._ctx.wait_for(request, where=f"asking {address.host}")
        except (aiohttp.ClientError, OSError) as error:
            raise failure_of(error, address.host, peer, seconds) from error
        if "set-cookie" in answer.headers:
            self._cookies = self._cookies or aiohttp.CookieJar(unsafe=True, quote_cookie=False)
            self._cookies.update_cookies(answer.cookies, answer.url)
        return answer

    def _headers_for(self, address: Address) -> dict[str, str]:
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "peaceful"}
        own = self._settings.address
        login = address.login
        cookies: dict[str, str] = {}
        if is_same_server(own, address):
            headers |= self._settings.headers
            login = login or self._settings.login
            cookies |= self._settings.cookies
        if login is not None and not any(name.lower() == "authorization" for name in headers):
            headers["Authorization"] = _basic(login)
        if self._cookies is not None:
            # What servers have set counts more.
            found = self._cookies.filter_cookies(_url_of(address))
            cookies = {name: text for name, text in cookies.items() if name not in found}
            cookies |= {name: each.coded_value for name, each in found.items()}
        if cookies:
            given = [name for name in headers if name.lower() == "cookie"]
            told = [headers.pop(name) for name in given]
            own_ones = [f"{name}={text}" for name, text in cookies.items()]
            headers["Cookie"] = "; ".join([*told, *own_ones])
        for name, text in headers.items():
            if _HEADER_NAME.fullmatch(name) is None or _NOT_IN_HEADERS.search(text):
                # Without the header, which may be a secret.
                raise DownloadFailed(
                    f"The headers for {address.shown} cannot be sent.",
                    help="check their names and values for line breaks and other odd characters",
                )
        return headers


def _basic(login: tuple[str, str]) -> str:
    """Return the header of HTTP's `Basic` scheme."""
    return f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"


def _is_tls(proxy: Address | None) -> bool:
    return proxy is not None and proxy.origin[0] == "https"


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


def proxies_of_environment() -> Mapping[str, str]:
    """Return the proxies in `http_proxy`, `https_proxy` and `all_proxy`, by scheme or `all`."""
    # Here and not above, because it loads Python's own HTTP client.
    from urllib.request import getproxies_environment

    return getproxies_environment()


def _proxy_for(address: Address, proxies: Mapping[str, str]) -> Address | None:
    """Return the proxy for an address, unless `no_proxy` excepts it."""
    if not proxies:
        return None
    from urllib.request import proxy_bypass

    scheme, host, port = address.origin
    if proxy_bypass(f"{host}:{port}"):
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


@functools.lru_cache(maxsize=1024)
def _url_of(address: Address) -> yarl.URL:
    """Return the address to be asked for, or raise `DownloadFailed` if its host is no name."""
    import yarl

    parts = urlsplit(address.url)
    try:
        host = _host_of(parts.hostname or "")
        authority = yarl.URL.build(scheme=parts.scheme, host=host, port=parts.port).raw_authority
    except ValueError as error:  # Also of names that IDNA cannot encode.
        raise DownloadFailed(
            f"{address.shown} cannot be asked for: no host has such a name.",
            help="check the address and what is before its first single slash",
        ) from error
    # What may stand in an address stays as it is: it may be signed.
    path, query = (quote(part, safe=f"%{_AS_IT_IS}") for part in (parts.path, parts.query))
    whole = f"{parts.scheme}://{authority}{path}{query and '?'}{query}"
    return yarl.URL(whole, encoded=True)


def _host_of(name: str) -> str:
    """Return a host's name as it is looked up; raise `ValueError` if there can be none of it."""
    import idna

    if ":" in name or re.fullmatch(r"[0-9.]+", name):
        return str(ipaddress.ip_address(name.partition("%")[0])) and name
    if name.isascii():
        for label in name.split("."):
            if label.lower().startswith("xn--"):
                idna.ulabel(label)
        return name
    return idna.encode(name, uts46=True).decode()


def _authorities() -> tuple[str | None, str | None]:
    """Return the file and the folder of certificates that the environment names."""
    return os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")


@functools.cache
def _tls_context(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Return the context for the certificates of these, or of the system.

    Cached, because reading the list of authorities takes longer than a small download.
    """
    return ssl.create_default_context(cafile=file, capath=folder)


def failure_of(error: Exception, host: str, peer: str, timeout: float) -> DownloadFailed:
    """Return the failure for an error of aiohttp; `peer` is the server or the proxy before it."""
    import aiohttp

    for cause in _causes(error):
        # Those of aiohttp have the types of others, but not what they say.
        if isinstance(cause, aiohttp.ClientError):
            continue
        if (failure := _failure_by_cause(cause, host, peer)) is not None:
            return failure
    match error:
        case aiohttp.ClientHttpProxyError():
            said = one_line(f"{error.status} {error.message}", 100)
            return SourceUnreachable(peer, f"does not let through to {host}: {said}")
        case aiohttp.ConnectionTimeoutError():
            return SourceUnreachable(peer, f"did not answer within {timeout:g} s")
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return SourceUnreachable(host, f"sent nothing for {timeout:g} s")
        case aiohttp.ClientConnectorError():
            return SourceUnreachable(peer, "cannot be reached")
        case (
            aiohttp.ServerDisconnectedError()
            | aiohttp.ClientResponseError()
            | aiohttp.ClientPayloadError()
        ):
            return SourceUnreachable(host, f"{_BROKE}, or does not speak HTTP")
        case _:
            return SourceUnreachable(host, _BROKE)


def is_out_of_reach(failure: DownloadFailed) -> bool:
    """Return whether there was not even a connection, so that no other request would be heard."""
    import aiohttp

    return isinstance(
        failure.__cause__,
        (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientHttpProxyError,
        ),
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
