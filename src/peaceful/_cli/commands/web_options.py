"""The options of the command that serves pages."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from peaceful._cli.program.options import file_path, paths

TOKEN_FILE: Final = "PEACEFUL_WEB_TOKENS"  # noqa: S105 - a name
"""The environment variable that names a file with tokens."""

_HIGHEST_PORT: Final = 65535


def web_params() -> list[click.Parameter]:
    return [
        click.Option(
            ["--address"],
            default="127.0.0.1",
            metavar="ADDRESS",
            help="Where to listen. Others than this machine need tokens.  [default: 127.0.0.1]",
        ),
        click.Option(
            ["--port"], default="0", callback=_port, metavar="N", help="The port; else a free one."
        ),
        click.Option(["--open"], is_flag=True, help="Open the address in a browser."),
        _file_option(
            "--token-file",
            f"Tokens and their roles; else {TOKEN_FILE} names the file, else a new token is made.",
            default=lambda: os.environ.get(TOKEN_FILE) or None,
        ),
        _file_option("--tls-cert", "A certificate, to encrypt with; PEM."),
        _file_option("--tls-key", "Its private key; PEM."),
        click.Option(
            ["--behind-proxy"],
            multiple=True,
            metavar="ADDRESS",
            help="A proxy that encrypts, whose X-Forwarded headers are believed.",
        ),
        click.Option(
            ["--host"],
            multiple=True,
            metavar="NAME",
            help="What others call the server, as in its address.",
        ),
        click.Option(
            ["--log-format"],
            type=click.Choice(["text", "json"]),
            help="How the log is written on stderr.  [default: text]",
        ),
    ]


def _port(_context: click.Context, _param: click.Parameter, value: str) -> int:
    if not value.isdecimal() or int(value) > _HIGHEST_PORT:
        raise click.BadParameter(f"{value!r} is not a number from 0 to {_HIGHEST_PORT}.")
    return int(value)


def _file_option(
    name: str, help: str, default: Callable[[], str | None] | None = None
) -> click.Option:
    def path(_context: click.Context, _param: click.Parameter, value: str | None) -> Path | None:
        return file_path(value) if value else None

    return click.Option(
        [name], default=default, callback=path, metavar="FILE", help=help, shell_complete=paths
    )
