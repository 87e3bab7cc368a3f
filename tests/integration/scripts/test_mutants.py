"""Guards are broken in a copy, and it is said which breaks the tests do not notice."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "mutants.py"))

SOURCE = "def may(number):\n    return 0 < number < 10\n"
TEST = "from kit.one import may\n\n\ndef test_may():\n    assert may(1) and not may(0)\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a module and a test that holds one of its two guards."""
    for folder in ("src/kit", "tests"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/kit/one.py").write_text(SOURCE)
    (tmp_path / "tests/test_one.py").write_text(TEST)
    return tmp_path


def _mutant(snippet: str, mutant: str, test: str = "tests/test_one.py") -> Any:
    return SCRIPT["Mutant"](snippet, mutant, (test,), "a number is taken that is none")


HELD = _mutant("0 < number <", "number <")
NOT_HELD = _mutant("number < 10", "number")

Try = Callable[..., list[str]]


@pytest.fixture
def wrong(project: Path, monkeypatch: pytest.MonkeyPatch) -> Try:
    """Tries mutants on the project, and tells what is wrong."""
    # The plug-ins of pytest that are installed here take longer than the tests of the project.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def tried(*mutants: Any) -> list[str]:
        found: list[str] = SCRIPT["wrong_with"](mutants, project)
        return found

    return tried


def test_what_tests_notice(project: Path, wrong: Try) -> None:
    """A guard that tests hold is all right. The sources themselves are left alone."""
    assert wrong(HELD) == []
    assert (project / "src/kit/one.py").read_text() == SOURCE
    assert sorted(path.name for path in project.rglob("*.py*")) == ["one.py", "test_one.py"]


def test_what_tests_do_not_notice(wrong: Try, capsys: pytest.CaptureFixture[str]) -> None:
    """A guard that no test holds is named, and the others are tried all the same."""
    [only] = wrong(NOT_HELD, HELD)
    assert "SURVIVED" in only
    assert NOT_HELD.mutant in only
    assert "2 of 2: noticed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mutant", "said"),
    [
        (_mutant("nowhere", "x"), "there 0 times"),
        (_mutant("number", "x"), "there 2 times"),
        (_mutant("0 < number < 10", "0 <"), "not Python"),
        (_mutant("0 < number < 10", "0", "tests/test_two.py"), "no tests tests/test_two.py"),
    ],
)
def test_what_cannot_be_tried(wrong: Try, mutant: Any, said: str) -> None:
    """A guard that is not there once, what is not Python, and missing tests are all wrong."""
    [only] = wrong(mutant, HELD)
    assert said in only


def test_tests_that_fail_anyway(project: Path, wrong: Try) -> None:
    """Where tests fail on the sources as they are, it would mean nothing that they do."""
    (project / "tests/test_one.py").write_text(TEST.replace("may(0)", "may(1)"))
    [only] = wrong(HELD)
    assert "fail on sources as they are" in only


def test_tests_that_cannot_run(project: Path, wrong: Try) -> None:
    """A break that keeps the tests from running at all is not noticed by them."""
    (project / "src/kit/one.py").write_text(f"WORD = 1\n\n\n{SOURCE}")
    [only] = wrong(_mutant("WORD = 1", "raise SystemExit"))
    assert "NOT TRIED" in only
