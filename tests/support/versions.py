"""Versions of a program, one after the other on one workspace, as at a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from in_process import Ran
from text_app import Text

from peaceful import App, Flow
from peaceful._app.parameters.declaration import FlowFunction

QUIET = ("--progress", "none")


@dataclass
class Versions:
    """The workspace, and how what is printed and logged is captured."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    caplog: pytest.LogCaptureFixture

    def run(self, app: App, *words: str) -> Ran:
        """Run a version with some words."""
        with pytest.raises(SystemExit) as ended:
            app.main(words)
        captured, logged = self.capsys.readouterr(), self.caplog.text
        self.caplog.clear()
        return Ran(ended.value.code, captured.out, captured.err + logged)

    def done(self, app: App, *words: str) -> Ran:
        """Run a version, which must end well."""
        ran = self.run(app, *words)
        assert ran.code == 0, ran.out + ran.err
        return ran

    def text(self, name: str) -> str | None:
        """Return what a file holds that an item looks after."""
        path = self.folder / f"{name}.txt"
        return path.read_text() if path.exists() else None

    def stored(self, flow: str, file: str = "flow_params.yaml") -> str:
        """Return a stored file of a flow."""
        return (self.folder / ".peace" / "tool" / "default" / flow / file).read_text()


def write(flow: Flow, **texts: object) -> None:
    """Add items that write texts, each into the file of its name in the present folder."""
    for name, text in texts.items():
        flow.add(name, Text(path=Path(f"{name}.txt"), content=str(text)))


def version(*functions: FlowFunction, was: str | tuple[str, ...] = (), **options: Any) -> App:
    """Return a version of the program, with flows by the names of their functions.

    Only the first of them had other names before.
    """
    app = App("tool", **options)
    for number, function in enumerate(functions):
        app.flow(getattr(function, "__name__", ""), was=() if number else was)(function)
    return app
