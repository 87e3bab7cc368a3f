"""One invocation of the program: its words, its options, its streams."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from peaceful._cli.program.options import ColorChoice, GlobalOptions
from peaceful._cli.program.signals import ProcessSignals
from peaceful._cli.terminal.writer import Writer
from peaceful._errors.usage import UsageError

if TYPE_CHECKING:
    from peaceful._app.app import App
    from peaceful._app.contexts import Contexts
    from peaceful._cli.terminal.text import Page
    from peaceful._executions.registry import Executions


def program_words(app_name: str, argv: Sequence[str], orig_argv: Sequence[str]) -> list[str]:
    """The words before the command's name.

    An installed script is called by its name. A file that was given to Python, or a module, is not
    a command by itself: then Python's own words belong to it.

    Args:
        app_name: the application's name, for where nothing better is known.
        argv: as `sys.argv`.
        orig_argv: as `sys.orig_argv`.
    """
    started = PurePath(argv[0]) if argv and argv[0] else None
    if started is None:
        return [app_name]
    if started.name == "__main__.py" and "-m" in orig_argv[:-1]:
        module = orig_argv[orig_argv.index("-m") + 1]
        return ["python", "-m", module]
    if started.suffix == ".py":
        return ["python", str(started)]
    return [app_name if started.stem == app_name else started.name]


def typed(words: Sequence[str]) -> str:
    """Words as one types them in a shell."""
    return shlex.join(words)


_USUAL_WIDTH = 80
"""Columns where nobody says how many there are."""


@dataclass(slots=True)
class Invocation:
    """One run of the command line.

    Attributes:
        app: the application.
        words: what was typed after the program's name.
        program: what was typed before: how the program is called.
        options: what every command takes.
        command: the command, as soon as it is known.
        profile: the profile that is worked on, as soon as it is known.
        flow: the flow, likewise.
        started_at: UTC.
        signals: the process signals.
        stdout: where outcomes go.
        stderr: where progress and errors go.
        until_printed: what is to be left when the answer is printed.
        progress_left: whether there are lines of progress on stderr, above the answer.
    """

    app: App
    words: Sequence[str]
    program: Sequence[str]
    options: GlobalOptions
    signals: ProcessSignals
    stdout: Writer
    stderr: Writer
    until_printed: ExitStack
    command: str = ""
    profile: str | None = None
    flow: str | None = None
    progress_left: bool = False
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def of(
        cls, app: App, words: Sequence[str], signals: ProcessSignals, until_printed: ExitStack
    ) -> Invocation:
        """A run in this process."""
        return cls(
            app=app,
            words=words,
            program=program_words(app.name, sys.argv, sys.orig_argv),
            options=GlobalOptions.peeked(words),
            signals=signals,
            stdout=Writer(sys.stdout, "standard output"),
            stderr=Writer(sys.stderr, "standard error"),
            until_printed=until_printed,
        )

    def contexts(self) -> Contexts:
        """The application in the chosen workspace.

        Raises:
            UsageError: it is to be looked for from a folder that is gone.
        """
        contexts = self.app.contexts(self._folder())
        contexts.typed = self.line
        return contexts

    def executions(self) -> Executions:
        """The register of the chosen workspace, without loading what runs flows.

        Raises:
            UsageError: as for `contexts`.
        """
        from peaceful._app.register import register_of, workspace_of

        return register_of(workspace_of(self.app.name, self._folder()))

    def _folder(self) -> Path | None:
        folder = self.options.workspace
        if folder is None or not folder.is_absolute():
            _check_here()
        return folder

    def line(self, *words: str) -> str:
        """A command of this program, as one would type it to work on the same things."""
        return typed([*self.program, *words, *self.options.selection(without=words)])

    def colors(self, writer: Writer) -> bool:
        """Whether to use colours on a stream."""
        match self.options.color:
            case ColorChoice.ALWAYS:
                return True
            case ColorChoice.NEVER:
                return False
            case ColorChoice.AUTO:
                # https://no-color.org: set, and not empty.
                wanted = not os.environ.get("NO_COLOR")
                return wanted and writer.is_terminal and os.environ.get("TERM") != "dumb"

    def page(self, writer: Writer) -> Page:
        """Where results are shown."""
        from peaceful._cli.terminal.text import Page

        zone = datetime.now().astimezone().tzinfo
        assert zone is not None
        columns = _columns(writer)
        return Page(
            columns or _USUAL_WIDTH,
            zone,
            datetime.now(UTC),
            writer.ascii_only,
            limited=writer.is_terminal or columns is not None,
        )


def _check_here() -> None:
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UsageError(
            "The folder that this command was started in is gone.",
            help="change to another folder, or say --workspace DIR",
        ) from error


def _columns(writer: Writer) -> int | None:
    """How many columns there are, or none where nobody says so."""
    size = writer.size()
    if size is not None:
        return size[0]
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else None
