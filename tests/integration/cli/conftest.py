"""What these tests share: a command line that runs in this process, in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from texts import app

from peaceful.cli import run


@dataclass(frozen=True)
class Ran:
    """A command that has ended.

    Attributes:
        code: its exit code.
        out: what it wrote to stdout.
        err: what it wrote to stderr.
    """

    code: object
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON document on stdout. (Any: as JSON has it.)"""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def yaml(self) -> dict[str, Any]:
        """The one YAML document on stdout. (Any: as YAML has it.)"""
        document: dict[str, Any] = yaml.safe_load(self.out)
        return document


RunTexts = Callable[..., Ran]


@pytest.fixture
def texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunTexts:
    """Runs the application of the tests with some words, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/bin/texts"])
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run_texts(*words: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            run(app, words)
        captured = capsys.readouterr()
        return Ran(ended.value.code, captured.out, captured.err)

    return run_texts


@pytest.fixture
def ready(texts: RunTexts) -> RunTexts:
    """The same, after `init`."""
    assert texts("init", "folder", "--names", "a", "--names", "b", "--flow", "some").code == 0
    return texts
