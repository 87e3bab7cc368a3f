"""The server as a program: on loopback, with a token, until a process signal ends it."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn

from peaceful.app import AppDef, Contexts
from peaceful.errors import UsageError
from peaceful.interrupt import InterruptReceiver, InterruptSender, interrupt_channel
from peaceful.interrupt.os_signals import interrupt_on_signals
from peaceful.model import InterruptSignal, InterruptSource
from peaceful.runtime import SystemClock
from peaceful.web._access import EVERYTHING, LOOPBACK, Access
from peaceful.web._context import server_context
from peaceful.web._site import WebApp, web_app

_LAST_ANSWERS: Final = 5
"""Seconds that connections have for what they are being sent, once nothing runs any more."""

_CONNECTIONS: Final = 4096
"""How many connections there may be at once; more are told to come again."""


def asgi(
    app: AppDef,
    workspace: Path | None = None,
    *,
    hosts: tuple[str, ...] = LOOPBACK,
    token: str | None = None,
) -> WebApp:
    """As `App.asgi`."""
    contexts = Contexts.of(app, workspace)
    tokens = {} if token is None else {token: EVERYTHING}
    access = Access(tuple(host.lower() for host in hosts), tokens)
    return web_app(contexts, server_context(contexts, SystemClock()), access)


async def serve(
    app: AppDef,
    address: str = "127.0.0.1",
    port: int = 0,
    *,
    workspace: Path | None = None,
    token: str | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> InterruptSignal | None:
    """As `App.serve`."""
    contexts = Contexts.of(app, workspace)
    token = token or secrets.token_urlsafe(32)
    with _listening(address, port) as listening:
        place = _place(listening)
        port = listening.getsockname()[1]
        hosts = dict.fromkeys((place, *(f"{each}:{port}" for each in LOOPBACK)))
        access = Access(tuple(hosts), {token: EVERYTHING}, f"peaceful_{port}")
        web = web_app(contexts, server_context(contexts, SystemClock()), access)

        def ready() -> None:
            if on_ready is not None:
                on_ready(f"http://{place}/?token={token}")

        channel = interrupt_channel()
        async with interrupt_on_signals(channel[0]):
            await _served(web, listening, channel, ready)
        return channel[0].signal


async def _served(
    web: WebApp,
    listening: socket.socket,
    channel: tuple[InterruptSender, InterruptReceiver],
    ready: Callable[[], None],
) -> None:
    """Serves until an interrupt, and then until what runs has ended."""
    config = uvicorn.Config(
        web,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_LAST_ANSWERS,
    )
    sender, receiver = channel
    server = _Server(config, ready)
    loop = asyncio.get_running_loop()

    def on_signal(signal: InterruptSignal) -> None:
        # Perhaps in a signal handler: only the loop may be touched.
        loop.call_soon_threadsafe(web.interrupt_all, signal)

    leave = receiver.subscribe(on_signal)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    stopping = asyncio.ensure_future(_stopped(web, receiver))
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        # Whoever serves wants an end, as by a signal.
        sender.request(source=InterruptSource.API, reason="the server was cancelled")
        await asyncio.wait((stopping,))
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


async def _stopped(web: WebApp, receiver: InterruptReceiver) -> None:
    web.interrupt_all(await receiver.wait())
    await web.ended()


class _Server(uvicorn.Server):
    """Tells when it is ready, and leaves process signals to the executions."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@contextmanager
def _listening(address: str, port: int) -> Generator[socket.socket]:
    """A listening socket of this machine.

    Raises:
        UsageError: it cannot be listened there, or others than this machine would reach it.
    """
    found = _checked_address(address)
    family = socket.AF_INET6 if found.version == 6 else socket.AF_INET
    # By the protocol's name asyncio knows that small answers are not to wait for larger ones.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((str(found), port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"The server cannot listen at {address}, port {port}: {reason}.",
                help="choose another port, or none for a free one",
            ) from error
        listening.listen(socket.SOMAXCONN)
        yield listening


def _checked_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        found = ipaddress.ip_address("127.0.0.1" if address == "localhost" else address.strip("[]"))
    except ValueError as error:
        raise UsageError(
            f"{address!r} is not an address of this machine.", help="use 127.0.0.1 or ::1"
        ) from error
    if not found.is_loopback:
        raise UsageError(
            f"At {address}, others than this machine would reach the server, and their tokens "
            "would travel in plain sight.",
            help="use 127.0.0.1, and let a proxy with TLS stand before it; or mount App.asgi() in "
            "a site that has both",
        )
    return found


def _place(listening: socket.socket) -> str:
    address, port = listening.getsockname()[:2]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
