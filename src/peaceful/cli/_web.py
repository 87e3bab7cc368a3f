"""Serving an application's pages, until Ctrl-C."""

from __future__ import annotations

import logging
import threading
import webbrowser
from datetime import datetime
from typing import TYPE_CHECKING

from peaceful.app import ServerEnd, Tls, WebSettings, web_tokens
from peaceful.cli._formats import json_text, yaml_text
from peaceful.cli._loop import run_in_loop
from peaceful.cli._lost import lost_notices
from peaceful.cli._options import Format, ProgressStyle
from peaceful.cli._result import Result, no_lines
from peaceful.cli._server_log import Form, as_json, as_text, server_log
from peaceful.cli._web_options import WebChoices
from peaceful.errors import PeacefulError
from peaceful.interrupt import interrupt_channel
from peaceful.interrupt.os_signals import interrupt_on_signals
from peaceful.present import one_line

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation
    from peaceful.model import JsonValue

_LOG = logging.getLogger("peaceful.cli.web")

_PATIENCE = 1.0
"""Seconds that are given to tasks and threads that are left when the server has ended."""


def web(invocation: Invocation, choices: WebChoices) -> Result:
    """Serves the application's pages, until a process signal ends that.

    Raises:
        UsageError: it cannot be served so.
        PeacefulError: it could not begin for another reason.
    """
    serving = _Serving(invocation, choices)
    debug, quiet = invocation.options.debug, serving.quiet
    with server_log(invocation.stderr, serving.form(), debug=debug, quiet=quiet):
        loop_end = run_in_loop(serving.run(), lambda: _PATIENCE)
    if loop_end.error is not None:
        raise loop_end.error
    assert loop_end.value is not None
    code = exit_code_of(loop_end.value)
    return Result({}, no_lines, code, stuck=loop_end.stuck, told=True)


def exit_code_of(end: ServerEnd) -> int:
    """The exit code of a server: 0, unless its end has cut executions short."""
    return end.signal.source.exit_code if end.cut else 0


class _Serving:
    """One run of the command.

    Args:
        invocation: the run of the command line.
        choices: what the person chose.
    """

    def __init__(self, invocation: Invocation, choices: WebChoices) -> None:
        self._invocation = invocation
        self._choices = choices
        self._contexts = invocation.contexts()
        self._settings = _settings(choices, invocation.options.max_concurrency)
        progress = invocation.options.progress
        self.quiet = progress is ProgressStyle.NONE
        self._json = (choices.log_format or progress) == "json"

    def form(self) -> Form:
        """How the log is written."""
        if self._json:
            return as_json
        zone = datetime.now().astimezone().tzinfo
        assert zone is not None
        return lambda record: as_text(record, zone)

    async def run(self) -> ServerEnd:
        """Serves until a process signal ends it."""
        signals = self._invocation.signals
        sender, receiver = interrupt_channel()
        async with interrupt_on_signals(sender):
            if signals.left_by is not None:
                sender.request(source=signals.left_by)
            with signals.last_resort():
                try:
                    end = await self._invocation.app.serve(
                        self._choices.address,
                        self._choices.port,
                        workspace=self._contexts.workspace.root,
                        settings=self._settings,
                        receiver=receiver,
                        on_ready=self._welcome,
                    )
                except Exception as error:  # Whatever it is: it is raised on.
                    signals.ending(error.exit_code if isinstance(error, PeacefulError) else 1)
                    raise
                signals.ending(exit_code_of(end))
                return end

    def _welcome(self, url: str) -> None:
        self._print(url)
        app, folder = self._invocation.app.name, self._contexts.workspace.root
        if self._json:
            place = url.partition("?")[0]
            fields = {"app": app, "workspace": str(folder), "address": place}
            _LOG.info("%s serves its workspace at %s", app, place, extra=fields)
        elif not self.quiet:
            self._invocation.stderr.write(
                f"{app}, workspace {one_line(str(folder))}\n"
                f"{_who(url)}\n"
                "Ctrl-C ends it: what is in progress finishes first, and nothing new starts.\n"
            )
        for notice in lost_notices(None, self._contexts.executions.survivors()):
            _LOG.warning("%s", notice)
        if self._choices.open:
            threading.Thread(target=_open, args=(url,), name="browser", daemon=True).start()

    def _print(self, url: str) -> None:
        """Tells the address, in the first line of stdout, or as a document."""
        document: dict[str, JsonValue] = {"app": self._invocation.app.name, "url": url}
        match self._invocation.options.format:
            case Format.TEXT:
                self._invocation.stdout.write(f"{url}\n")
            case Format.JSON:
                self._invocation.stdout.write(json_text(document))
            case Format.YAML:
                self._invocation.stdout.write(yaml_text(document))
            case Format.NONE:
                pass


def _settings(choices: WebChoices, max_concurrency: int | None) -> WebSettings:
    cert, key = choices.tls_cert, choices.tls_key
    return WebSettings(
        tokens=() if choices.token_file is None else web_tokens(choices.token_file),
        hosts=choices.host,
        proxies=choices.behind_proxy,
        tls=None if cert is None or key is None else Tls(cert, key),
        max_concurrency=max_concurrency,
    )


def _who(url: str) -> str:
    if "?token=" in url:
        return "Open the address above in a browser. Whoever has it may do everything here."
    return "Open the address above in a browser, with ?token= and a token of yours at its end."


def _open(url: str) -> None:
    """Opens an address in a browser, which may take its time."""
    try:
        opened = webbrowser.open(url)
    except (webbrowser.Error, OSError) as error:
        _LOG.warning("The browser could not be opened: %s", error)
        return
    if not opened:
        _LOG.warning("No browser was found: open the address by hand.")
