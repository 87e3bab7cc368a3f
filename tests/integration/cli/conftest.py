"""What these tests share: a command line that runs in this process, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from in_process import Ran, Run
from text_app import app
from versions import Versions


@pytest.fixture
def texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the application of the tests with some words, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/bin/texts"])
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run_texts(*words: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            app.main(words)
        captured = capsys.readouterr()
        return Ran(ended.value.code, captured.out, captured.err)

    return run_texts


@pytest.fixture
def ready(texts: Run) -> Run:
    """The same, after `init`."""
    assert texts("init", "folder", "--names", "a", "--names", "b", "--flow", "some").code == 0
    return texts


@pytest.fixture
def tool(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Versions:
    """An empty workspace, which versions of a program are run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/bin/tool"])
    monkeypatch.setenv("COLUMNS", "400")
    return Versions(tmp_path, capsys, caplog)
