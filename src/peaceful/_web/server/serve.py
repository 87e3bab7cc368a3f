"""Serving an application: socket, TLS, limits, signals."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import secrets
import socket
import ssl
import stat
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import uvicorn

from peaceful._app.app_def import AppDef
from peaceful._app.contexts import Contexts
from peaceful._app.web_settings import ServerEnd, Tls, WebSettings, WebToken
from peaceful._errors.running import FileInaccessible
from peaceful._errors.usage import UsageError
from peaceful._model.clock import SystemClock
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._present.summary import interrupted_how, next_press_sentence
from peaceful._present.text import count
from peaceful._runtime.ctx import MAX_CONCURRENCY, ExecutionSettings
from peaceful._web.context import ServerContext
from peaceful._web.http.route import LOOPBACK, Access
from peaceful._web.server.site import WebApp
from peaceful.interrupt import InterruptReceiver, interrupt_channel
from peaceful.interrupt.os_signals import interrupt_on_signals

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOG = logging.getLogger("peaceful.web")

_LAST_ANSWERS: Final = 5
"""Seconds to send the last answers, once nothing runs any more."""

_KEEP_ALIVE: Final = 15
"""Seconds until a connection without a new request is closed."""

_KEEP_ALIVE_OF_PROXY: Final = 75
"""The same behind a proxy: longer than its usual 60 s, so that it closes first."""

_LONGEST_HEAD: Final = 16 * 1024
"""Bytes that an incomplete head of a request may have."""

_HELP: Final = {
    errno.EADDRINUSE: "another program listens there: choose another port, or none for a free one",
    errno.EADDRNOTAVAIL: "it is not an address of this machine: use one that is, or 127.0.0.1",
    errno.EACCES: "ports below 1024 need a right that this process does not have: choose a higher "
    "one, and let a proxy stand before it",
}
_ANOTHER: Final = "choose another address or port"

_MOST_CONNECTIONS: Final = 4096
_FILES_OF_EXECUTIONS: Final = 256
"""Open files that executions need: journals, locks, pipes of child processes, connections."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The address that a server listens at, with the names that it is called by."""

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
        """The address to open in a browser."""
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
    """Return the address to listen at.

    Raise `UsageError` if it is none; or if others than this machine would reach the server, and its
    tokens, encryption or name are missing.
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
    """Yield a listening socket; raise `UsageError` if the address cannot be used."""
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


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return the context for TLS 1.2 or later.

    Raise `UsageError` if certificate or key cannot be used, or everybody may read the key; and
    `StorageError` if they cannot be read.
    """
    for path in (tls.cert, tls.key):
        try:
            rights = stat.S_IMODE(path.stat().st_mode)
            path.read_bytes()
        except OSError as error:
            raise FileInaccessible(path, "read", error) from error
        if path == tls.key and os.name == "posix" and rights & 0o007:
            raise UsageError(
                f"Everybody may read the private key in {path}.",
                help=f"take that right away: chmod o= {path}; and make a new key, if anybody may "
                "have read it",
            )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password given here, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(tls.cert, tls.key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise UsageError(
            f"The certificate in {tls.cert} and the key in {tls.key} cannot be used: {error}.",
            help="give two PEM files that belong together, the key without a password",
        ) from error
    return context


def most_connections(open_files: int | None = None) -> int:
    """Return how many connections may be open at once, by the limit on open files."""
    limit = _open_files() if open_files is None else open_files
    # With very few, half of them.
    return min(_MOST_CONNECTIONS, max(limit - _FILES_OF_EXECUTIONS, limit // 2))


def _open_files() -> int:
    try:
        import resource
    except ModuleNotFoundError:  # Not a system that has such limits.
        return _MOST_CONNECTIONS + _FILES_OF_EXECUTIONS
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST_CONNECTIONS + _FILES_OF_EXECUTIONS if soft == resource.RLIM_INFINITY else soft


def _bracketed(address: IpAddress) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def asgi(app: AppDef, workspace: Path | None = None, settings: WebSettings | None = None) -> WebApp:
    """Return the application that `App.asgi` returns."""
    settings = settings or WebSettings()
    return _web(Contexts.of(app, workspace), settings, Access.of(settings))


async def serve(
    app: AppDef,
    address: str = "127.0.0.1",
    port: int = 0,
    *,
    workspace: Path | None = None,
    settings: WebSettings | None = None,
    receiver: InterruptReceiver | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> ServerEnd:
    """Serve an application until it is interrupted, for `App.serve`."""
    settings = settings or WebSettings()
    found = checked_address(address, settings)
    tls = None if settings.tls is None else tls_context(settings.tls)
    contexts = Contexts.of(app, workspace)
    with listening(found, port) as opened:
        at = ServerAddress(found, opened.getsockname()[1], tls is not None, settings.hosts)
        new_token = "" if settings.tokens else secrets.token_urlsafe(32)
        access = replace(
            Access.of(settings), hosts=at.hosts, cookie=f"peaceful_{at.port}", encrypts=at.encrypts
        )
        if new_token:
            access = replace(access, tokens=(WebToken(new_token),))
        web = _web(contexts, settings, access)
        keep_alive = _KEEP_ALIVE_OF_PROXY if settings.proxies else _KEEP_ALIVE
        server = _Server(_config(web, tls, keep_alive))
        async with AsyncExitStack() as stack:
            if receiver is None:
                sender, receiver = interrupt_channel()
                await stack.enter_async_context(interrupt_on_signals(sender))
            if on_ready is not None:
                # The socket listens already: who connects now is answered in a moment.
                on_ready(f"{at.url}/?token={new_token}" if new_token else f"{at.url}/")
            signal = await _serve_until_interrupted(web, server, opened, receiver)
        return ServerEnd(signal, tuple(web.server.running.incomplete))


def _web(contexts: Contexts, settings: WebSettings, access: Access) -> WebApp:
    execution = ExecutionSettings(settings.max_concurrency or MAX_CONCURRENCY)
    # One that is misspelt would be approved by nobody, and changed by everybody.
    approve = frozenset(map(contexts.profile, settings.approve))
    return WebApp(ServerContext(contexts, SystemClock(), execution, approve), access)


def _config(web: WebApp, tls: ssl.SSLContext | None, keep_alive: int) -> uvicorn.Config:
    return uvicorn.Config(
        web,
        lifespan="on",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # The guard looks after them, also where another server is used.
        limit_concurrency=most_connections(),
        timeout_graceful_shutdown=_LAST_ANSWERS,
        timeout_keep_alive=keep_alive,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )


async def _serve_until_interrupted(
    web: WebApp, server: _Server, opened: socket.socket, receiver: InterruptReceiver
) -> InterruptSignal:
    """Serve until an interrupt, and then until nothing runs; return the first interrupt."""
    loop = asyncio.get_running_loop()

    def on_signal(signal: InterruptSignal) -> None:
        # Perhaps in a signal handler: only the loop may be touched.
        loop.call_soon_threadsafe(_interrupt, web, signal)

    async def end_on_interrupt() -> None:
        web.interrupt_all(await receiver.wait())
        await web.wait_until_ended()

    leave = receiver.subscribe(on_signal)
    serving = asyncio.ensure_future(server.serve(sockets=[opened]))
    stopping = asyncio.ensure_future(end_on_interrupt())
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        # Whoever serves wants an end, as by a signal; which may still come, and be of a higher
        # level.
        now = SystemClock.now()
        reason = "the server was cancelled"
        _interrupt(web, InterruptSignal(InterruptLevel.STOP, InterruptSource.API, now, reason))
        await web.wait_until_ended()
        raise
    finally:
        # Pages are answered until nothing runs any more; only then is the door closed.
        server.should_exit = True
        try:
            await asyncio.wait((serving,))
        finally:
            stopping.cancel()
            leave()
    serving.result()
    first = receiver.first
    assert first is not None, "without an interrupt, it is served for ever"
    return first


def _interrupt(web: WebApp, signal: InterruptSignal) -> None:
    running = len(web.server.running)
    level, source = str(signal.level), str(signal.source)
    fields = {"interrupt_level": level, "interrupt_source": source, "running": running}
    runs = f"interrupting {count(running, 'execution')}" if running else "nothing runs"
    sentences = [f"Ending, {interrupted_how(signal)}: {runs}."]
    if signal.source is InterruptSource.SIGINT:
        sentences.append(next_press_sentence(signal.level, running))
    _LOG.info("%s", " ".join(sentences).rstrip(), extra=fields)
    web.interrupt_all(signal)


class _Server(uvicorn.Server):
    """A server that leaves process signals to the executions."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        # The one method that is overridden: uvicorn has no setting for it.
        yield
