"""One run of the command line: its words, its options, its streams."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from peaceful._cli.program.options import GlobalOptions, seconds
from peaceful._cli.terminal.writer import Writer, hold_closed
from peaceful._errors.running import ProfileBusy
from peaceful._errors.usage import UsageError, WorkspaceMissing
from peaceful._model.interrupt import STOP_TIMEOUT
from peaceful._process_signals import ProcessSignals

if TYPE_CHECKING:
    from peaceful._app.app import App
    from peaceful._app.contexts import Contexts
    from peaceful._cli.terminal.text import Page
    from peaceful._executions.registry import Executions
    from peaceful._model.codec import ItemId, ProfileName
    from peaceful._storage.workspace import Workspace

_STOP_TIMEOUT: Final = "PEACEFUL_STOP_TIMEOUT"

_FORCE: Final = ("FORCE_COLOR", "CLICOLOR_FORCE")
"""Variables by which people want colours in pipes, too."""

_MAKE_WORKSPACES: Final = frozenset({"init", "states restore"})
"""The commands that may make the folder that they work in."""

_GITHUB: Final = 6.0
"""Seconds where `GITHUB_ACTIONS` is set: it kills what has not ended 10 s after its SIGINT."""


def program_words(app_name: str, argv: Sequence[str], orig_argv: Sequence[str]) -> list[str]:
    """Return the words before the command's name.

    An installed script is called by its name. A file that was given to Python, or a module, is not
    a command by itself: then Python's own words belong to it.
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


@dataclass(slots=True)
class Invocation:
    """One run of the command line."""

    app: App
    words: Sequence[str]
    program: Sequence[str]
    options: GlobalOptions
    signals: ProcessSignals
    stdout: Writer
    stderr: Writer
    until_printed: ExitStack
    """Contexts to leave when the answer is printed."""
    command: str = ""
    profile: str | None = None
    flow: str | None = None
    progress_left: bool = False
    """True if there are lines of progress on stderr, above the answer."""
    told: Collection[ItemId] = ()
    """The items of which these lines tell how they ended."""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def of(
        cls, app: App, words: Sequence[str], signals: ProcessSignals, until_printed: ExitStack
    ) -> Invocation:
        """Return the run of this process."""
        hold_closed()
        invocation = cls(
            app=app,
            words=words,
            program=program_words(app.name, sys.argv, sys.orig_argv),
            options=GlobalOptions.peeked(words),
            signals=signals,
            stdout=Writer(sys.stdout, "standard output"),
            stderr=Writer(sys.stderr, "standard error"),
            until_printed=until_printed,
        )
        signals.program = shlex.join(invocation.program)
        signals.facts = lambda: {
            "app": app.name,
            "profile": invocation.profile or invocation.options.profile,
            "flow": invocation.flow or invocation.options.flow,
            "command": invocation.command,
        }
        return invocation

    def contexts(self) -> Contexts:
        """Return the application in the chosen workspace."""
        contexts = self.app.contexts(self._folder())
        contexts.typed = self.line
        return contexts

    def profile_to_work_on(
        self, contexts: Contexts, name: ProfileName | None = None
    ) -> ProfileName:
        """Return the profile of a command that needs it for itself; with `--wait`, once it is free.

        It then is this process's own. Raises `ProfileBusy` if that takes too long.
        """
        if self.options.wait is None:
            return contexts.profile(name)
        try:
            profile = contexts.profile(name)
        except ProfileBusy as busy:
            profile = busy.profile  # A restoring is not finished yet.
        changed, self.signals.changes_nothing = not self.signals.changes_nothing, True
        give_back = contexts.reserve(profile, self.command, self.options.wait, self._waits)
        self.until_printed.callback(give_back)
        self.signals.changes_nothing = not changed
        return contexts.profile(profile)

    def _waits(self, busy: ProfileBusy) -> None:
        from peaceful._cli.terminal.text import json_line
        from peaceful._present.numbers import duration

        patience = self.options.wait or 0.0
        most = f" for at most {duration(patience)}" if math.isfinite(patience) else ""
        text = f"{busy.message} Waiting{most} until it is free."
        if self.options.progress == "json":
            self.stderr.write(json_line({"event": "output", "text": text}))
        else:
            self.progress_left = True
            self.stderr.write(f"{text}\n")

    def executions(self) -> Executions:
        """Return the register of the chosen workspace, without loading what runs flows."""
        from peaceful._app.register import register_of

        return register_of(self.workspace())

    def workspace(self) -> Workspace:
        """Return the application's part of the chosen workspace."""
        from peaceful._app.register import workspace_of

        return workspace_of(self.app.name, self._folder())

    def _folder(self) -> Path | None:
        folder = self.options.workspace
        if folder is None or not folder.is_absolute():
            try:
                Path.cwd()
            except FileNotFoundError as error:
                raise UsageError(
                    "The folder that this command was started in is gone.",
                    help="change to another folder, or say --workspace DIR",
                ) from error
        if folder is not None and not folder.exists() and self.command not in _MAKE_WORKSPACES:
            raise WorkspaceMissing(f"There is no folder {folder}, so nothing is set up in it.")
        return folder

    def line(self, *words: str) -> str:
        """Return a command of this program, as it is typed to work on the same profile and flow.

        `ensure` may be called as the application calls it, and is shown so.
        """
        if words[0] in {"ensure", self.app.ensure_name}:
            chosen = self.options.selection(["ensure", *words[1:]])
            words = (self.app.ensure_name, *words[1:])
        else:
            chosen = self.options.selection(words)
        return shlex.join([*self.program, *words, *chosen])

    def stop_timeout(self) -> float:
        """Return the seconds from the first signal that nobody has pressed to KILL.

        Only whoever runs the program knows how long it may take: by the option, the environment,
        the application or the platform, in this order. Raises `UsageError` if the environment
        variable is no such number.
        """
        option, text = self.options.stop_timeout, os.environ.get(_STOP_TIMEOUT, "")
        if option is not None:
            return option
        if text:
            return seconds(text, _STOP_TIMEOUT)
        if self.app.stop_timeout is not None:
            return self.app.stop_timeout
        return _GITHUB if os.environ.get("GITHUB_ACTIONS") else STOP_TIMEOUT

    def colors(self, writer: Writer) -> bool:
        """Return whether to use colours on a stream."""
        if self.options.color != "auto":
            return self.options.color == "always"
        # https://no-color.org and https://force-color.org: set, and not empty.
        if os.environ.get("NO_COLOR"):
            return False
        if any(os.environ.get(name, "0") not in {"", "0"} for name in _FORCE):
            return True
        return writer.is_terminal and os.environ.get("TERM") != "dumb"

    def page(self, writer: Writer) -> Page:
        """Return the page that results are shown on."""
        from peaceful._cli.terminal.text import Page, local_zone

        size, columns = writer.size(), os.environ.get("COLUMNS", "")
        width = size[0] if size else int(columns) if columns.isdecimal() else 0
        return Page(
            width or 80,
            local_zone(),
            datetime.now(UTC),
            writer.ascii_only,
            limited=writer.is_terminal or width > 0,
        )
