"""The command that serves pages, and the log of the server."""

from __future__ import annotations

import json
import logging
import threading
import traceback
import webbrowser
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from peaceful._app.web_settings import ServerEnd, Tls, WebSettings, web_tokens
from peaceful._cli.program.loop import PATIENCE, lost_notices, run_in_loop
from peaceful._cli.program.result import Result, document_text
from peaceful._cli.terminal.text import local_zone
from peaceful._cli.terminal.writer import Writer
from peaceful._errors.base import PeacefulError
from peaceful._errors.usage import UsageError
from peaceful._item.child import kill_every_child
from peaceful._model.interrupt import (
    PROCESS_SIGNALS,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
)
from peaceful._present.numbers import date_time_zone
from peaceful._present.text import one_line
from peaceful.interrupt import SendResult, interrupt_channel
from peaceful.interrupt.os_signals import interrupt_on_signals

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation

_LOG = logging.getLogger("peaceful.cli.web")

_LAST_RESORT: Final = 8.0
"""Seconds from KILL to the end of the process, if something keeps the server from ending."""

_LONGEST: Final = 1000
"""The most characters of a line."""

_OWN: Final = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"})
"""The attributes of every record; further ones are fields that were added."""

Form = Callable[[logging.LogRecord], str]
"""Formats a record as lines, each with its line break."""


def as_json(record: logging.LogRecord) -> str:
    """Format a record as an object on a line: `at`, `level`, `logger`, `message`, its fields."""
    at = datetime.fromtimestamp(record.created, UTC)
    entry: dict[str, object] = {
        "at": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": one_line(record.getMessage(), _LONGEST),
    }
    entry |= {name: value for name, value in _fields(record).items() if name not in entry}
    if record.exc_info:
        entry["traceback"] = [one_line(line, _LONGEST) for line in _traceback(record)]
    return json.dumps(entry, ensure_ascii=True, default=str) + "\n"


def as_text(record: logging.LogRecord, zone: tzinfo) -> str:
    """Format a record for people: the time, how bad it is, the message; a traceback is indented."""
    at = date_time_zone(datetime.fromtimestamp(record.created, zone), zone)
    bad = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
    fields = _fields(record)
    item = fields.get("item_id")
    message = record.getMessage()
    about = "" if item is None or str(item) in message else f"{item}: "
    lines = [one_line(f"{at} {bad}{about}{message}", _LONGEST)]
    if record.exc_info:
        lines += [f"  {one_line(f'    {line}', _LONGEST)}" for line in _traceback(record)]
    return "".join(f"{line}\n" for line in lines)


@contextmanager
def server_log(writer: Writer, form: Form, *, debug: bool, quiet: bool) -> Generator[None]:
    """Write log records to a stream within a context; `debug` adds each request."""
    handler = _Handler(writer, form)
    root, own = logging.getLogger(), logging.getLogger("peaceful")
    before = own.level
    own.setLevel(logging.WARNING if quiet else logging.DEBUG if debug else logging.INFO)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        own.setLevel(before)


class _Handler(logging.Handler):
    def __init__(self, writer: Writer, form: Form) -> None:
        super().__init__()
        self._writer = writer
        self._form = form

    def emit(self, record: logging.LogRecord) -> None:
        # A log that cannot be written is given up by its writer, and must not end what it tells of.
        with suppress(PeacefulError):
            self._writer.write(self._form(record))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {
        name: one_line(value, _LONGEST) if isinstance(value, str) else value
        for name, value in vars(record).items()
        if name not in _OWN
    }


def _traceback(record: logging.LogRecord) -> Iterator[str]:
    assert record.exc_info is not None
    for part in traceback.format_exception(record.exc_info[1]):
        yield from part.rstrip("\n").split("\n")


def web(invocation: Invocation, **choices: Any) -> Result:  # noqa: ANN401  as click has read them
    """Serve the application's pages until a process signal ends that."""
    serving = _Serving(invocation=invocation, **choices)
    debug, quiet = invocation.options.debug, serving.quiet
    with server_log(invocation.stderr, serving.form(), debug=debug, quiet=quiet):
        loop_end = run_in_loop(serving.run(), lambda: PATIENCE)
    if loop_end.error is not None:
        raise loop_end.error
    assert loop_end.value is not None
    code = exit_code_of(loop_end.value)
    invocation.signals.ending(code, _dies_of(loop_end.value))
    return Result({}, exit_code=code, stuck=loop_end.stuck)


def exit_code_of(end: ServerEnd) -> int:
    """Return the exit code of a server: 0, unless its end has interrupted executions."""
    return end.signal.source.exit_code if end.cut else 0


def _dies_of(end: ServerEnd) -> str | None:
    """Return the process signal that a server dies of, or None."""
    source = end.signal.source
    return source.name if end.cut and source in PROCESS_SIGNALS else None


@dataclass(kw_only=True)
class _Serving:
    """One run of the server, with the choices of the command line."""

    invocation: Invocation
    address: str
    port: int
    open: bool
    token_file: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    behind_proxy: tuple[str, ...]
    host: tuple[str, ...]
    approve: tuple[str, ...]
    log_format: str | None  # None for that of progress

    def __post_init__(self) -> None:
        tls = self._tls()
        self._contexts = self.invocation.contexts()
        self._settings = WebSettings(
            tokens=() if self.token_file is None else web_tokens(self.token_file),
            hosts=self.host,
            proxies=self.behind_proxy,
            tls=tls,
            max_concurrency=self.invocation.options.max_concurrency,
            approve=self.approve,
        )
        progress = self.invocation.options.progress
        self.quiet = progress == "none"
        self._json = (self.log_format or progress) == "json"
        self._leaving: threading.Timer | None = None

    def _tls(self) -> Tls | None:
        if self.tls_cert is None and self.tls_key is None:
            return None
        if self.tls_cert is None or self.tls_key is None:
            given, other = ("cert", "key") if self.tls_key is None else ("key", "cert")
            raise UsageError(
                f"--tls-{given} is of no use without --tls-{other}.",
                help=f"give the other file, too: --tls-{other} FILE",
            )
        return Tls(self.tls_cert, self.tls_key)

    def form(self) -> Form:
        """Return the format of the log."""
        if self._json:
            return as_json
        zone = local_zone()
        return lambda record: as_text(record, zone)

    async def run(self) -> ServerEnd:
        """Serve until a process signal ends it."""
        signals = self.invocation.signals
        sender, receiver = interrupt_channel()
        signals.end_children = kill_every_child
        timeout = self.invocation.stop_timeout()
        async with interrupt_on_signals(sender, stop_timeout=timeout, on_press=self._pressed):
            try:
                end = await self.invocation.app.serve(
                    self.address,
                    self.port,
                    workspace=self._contexts.workspace.root,
                    settings=self._settings,
                    receiver=receiver,
                    on_ready=self._welcome,
                )
            except Exception as error:  # Whatever it is: it is raised on.
                signals.ending(error.exit_code if isinstance(error, PeacefulError) else 1)
                raise
            signals.ending(exit_code_of(end), _dies_of(end))
            return end

    def _pressed(self, signal: InterruptSignal, _: SendResult) -> None:
        if signal.level is InterruptLevel.KILL and self._leaving is None:
            self._leaving = threading.Timer(_LAST_RESORT, self._leave, (signal.source,))
            self._leaving.daemon = True
            self._leaving.start()

    def _leave(self, source: InterruptSource) -> None:
        """End the process, because something does not let go of the event loop."""
        signals = self.invocation.signals
        signals.ending(source.exit_code, source.name)
        signals.leave(source.exit_code, at_once=True)

    def _welcome(self, url: str) -> None:
        app, folder = self.invocation.app.name, self._contexts.workspace.root
        form = self.invocation.options.format
        document = document_text({"app": app, "url": url}, form)
        if shown := f"{url}\n" if form == "text" else document:
            self.invocation.stdout.write(shown)
        if self._json:
            place = url.partition("?")[0]
            fields = {"app": app, "workspace": str(folder), "address": place}
            _LOG.info("%s serves its workspace at %s", app, place, extra=fields)
        elif not self.quiet:
            how = "in a browser, with ?token= and a token of yours at its end."
            if "?token=" in url:
                how = "in a browser. Whoever has it may do everything here."
            self.invocation.stderr.write(
                f"{app}, workspace {one_line(str(folder))}\n"
                f"Open the address above {how}\n"
                "Ctrl-C ends it: what is in progress finishes first, and nothing new starts.\n"
            )
        for notice in lost_notices(None, self._contexts.executions.survivors()):
            _LOG.warning("%s", notice)
        if self.open:
            threading.Thread(target=_open, args=(url,), name="browser", daemon=True).start()


def _open(url: str) -> None:
    """Open an address in a browser, which may take its time."""
    try:
        if not webbrowser.open(url):
            _LOG.warning("No browser was found: open the address by hand.")
    except (webbrowser.Error, OSError) as error:
        _LOG.warning("The browser could not be opened: %s", error)
