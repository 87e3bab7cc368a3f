"""The server as a program: it begins, and ends when what it runs has ended."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import uvicorn

from peaceful.app import AppDef, Contexts, ServerEnd, WebSettings
from peaceful.interrupt import InterruptReceiver, interrupt_channel
from peaceful.interrupt.os_signals import interrupt_on_signals
from peaceful.model import InterruptLevel, InterruptSignal, InterruptSource, SystemClock
from peaceful.present import count, interrupted_how, next_press_sentence
from peaceful.runtime import MAX_CONCURRENCY, ExecutionSettings
from peaceful.web._context import server_context
from peaceful.web._http._access import EVERYTHING, Access
from peaceful.web._server._listening import (
    Place,
    checked_address,
    listening,
    most_connections,
    tls_context,
)
from peaceful.web._server._site import WebApp, web_app

_LOG = logging.getLogger("peaceful.web")

_LAST_ANSWERS: Final = 5
"""Seconds that connections have for what they are being sent, once nothing runs any more."""

_KEEP_ALIVE: Final = 15
"""Seconds after an answer until a connection without a new request is closed."""

_KEEP_ALIVE_OF_PROXY: Final = 75
"""The same behind a proxy: longer than proxies usually wait (60 s), so that the proxy closes."""

_LONGEST_HEAD: Final = 16 * 1024
"""Bytes of an incomplete head of a request."""


def asgi(app: AppDef, workspace: Path | None = None, settings: WebSettings | None = None) -> WebApp:
    """As `App.asgi`."""
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
    """As `App.serve`."""
    settings = settings or WebSettings()
    found = checked_address(address, settings)
    tls = None if settings.tls is None else tls_context(settings.tls)
    contexts = Contexts.of(app, workspace)
    with listening(found, port) as opened:
        place = Place(found, opened.getsockname()[1], tls is not None, settings.hosts)
        new = "" if settings.tokens else secrets.token_urlsafe(32)
        web = _web(contexts, settings, _access(settings, place, new))
        keep_alive = _KEEP_ALIVE_OF_PROXY if settings.proxies else _KEEP_ALIVE
        server = _Server(_config(web, tls, keep_alive))
        async with _interrupts(receiver) as interrupts:
            if on_ready is not None:
                # The socket listens already: who connects now is answered in a moment.
                on_ready(f"{place.url}/?token={new}" if new else f"{place.url}/")
            signal = await _served(web, server, opened, interrupts)
        return ServerEnd(signal, web.server.running.cut)


def _web(contexts: Contexts, settings: WebSettings, access: Access) -> WebApp:
    execution = ExecutionSettings(settings.max_concurrency or MAX_CONCURRENCY)
    return web_app(contexts, server_context(contexts, SystemClock(), execution), access)


def _access(settings: WebSettings, place: Place, new_token: str) -> Access:
    given = {token.text: token.roles for token in settings.tokens}
    return Access(
        place.hosts,
        given or {new_token: EVERYTHING},
        f"peaceful_{place.port}",
        tuple(settings.networks()),
        place.encrypts,
    )


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


@asynccontextmanager
async def _interrupts(given: InterruptReceiver | None) -> AsyncGenerator[InterruptReceiver]:
    if given is not None:
        yield given
        return
    sender, receiver = interrupt_channel()
    async with interrupt_on_signals(sender):
        yield receiver


async def _served(
    web: WebApp, server: _Server, opened: socket.socket, receiver: InterruptReceiver
) -> InterruptSignal:
    """Serves until an interrupt, and then until what runs has ended.

    Returns:
        The first signal that asked for the end.
    """
    loop = asyncio.get_running_loop()

    def on_signal(signal: InterruptSignal) -> None:
        # Perhaps in a signal handler: only the loop may be touched.
        loop.call_soon_threadsafe(_interrupt, web, signal)

    leave = receiver.subscribe(on_signal)
    serving = asyncio.ensure_future(server.serve(sockets=[opened]))
    stopping = asyncio.ensure_future(_stopped(web, receiver))
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        # Whoever serves wants an end, as by a signal; which may still come, and be of a higher
        # level.
        now = SystemClock.now()
        reason = "the server was cancelled"
        _interrupt(web, InterruptSignal(InterruptLevel.STOP, InterruptSource.API, now, reason))
        await web.ended()
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


async def _stopped(web: WebApp, receiver: InterruptReceiver) -> None:
    web.interrupt_all(await receiver.wait())
    await web.ended()


def _interrupt(web: WebApp, signal: InterruptSignal) -> None:
    running = len(web.server.running)
    fields = {
        "interrupt_level": str(signal.level),
        "interrupt_source": str(signal.source),
        "running": running,
    }
    runs = f"interrupting {count(running, 'execution')}" if running else "nothing runs"
    told = [f"Ending, {interrupted_how(signal)}: {runs}."]
    if signal.source is InterruptSource.SIGINT:
        told.append(next_press_sentence(signal.level, running))
    _LOG.info("%s", " ".join(told).rstrip(), extra=fields)
    web.interrupt_all(signal)


class _Server(uvicorn.Server):
    """A server that leaves process signals alone: executions heed them first."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        # The one method that is overridden: uvicorn has no setting for it.
        yield
