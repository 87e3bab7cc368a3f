"""Names that nothing uses are found, and what is allowed must be needed."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "unused.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a package, in which nothing is yet, and the script."""
    (tmp_path / "README.md").touch()
    for folder in ("docs", "examples/src", "benchmarks", "scripts"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "scripts")
    for folder in ("interrupt", "graph"):
        (tmp_path / "src" / "peaceful" / folder).mkdir(parents=True)
    (tmp_path / "src" / "peaceful" / "graph" / "_one.py").write_text(
        "def one() -> None:\n    two()\n\n\ndef two() -> None:\n    ...\n"
    )
    return tmp_path


@pytest.fixture
def found(project: Path) -> Callable[[], set[str]]:
    """Gives the names that nothing in the project uses."""
    unused = runpy.run_path(str(SCRIPT))["unused"]
    return lambda: {each.name for each in unused(project)}


def test_what_only_a_test_uses_is_unused(project: Path, found: Callable[[], set[str]]) -> None:
    """A name that the package itself does not use is found, whatever tests do with it."""
    (project / "tests").mkdir()
    (project / "tests" / "test_one.py").write_text("one()\n")
    assert found() == {"one"}


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("src/peaceful/graph/_three.py", "one()\n"),
        ("src/peaceful/interrupt/__init__.py", '__all__ = ["one"]\n'),
        ("src/peaceful/graph/page.html", "<p>{{ one }}</p>\n"),
        ("scripts/do.py", "one()\n"),
        ("docs/page.md", "Then:\n\n```python\none()\n```\n"),
        ("README.md", "1. First:\n\n   ```python\n   one()\n   ```\n"),
    ],
)
def test_each_user_counts(
    project: Path, found: Callable[[], set[str]], place: str, text: str
) -> None:
    """A name is used that the package, its public `__all__`, a page or the documentation uses."""
    (project / place).write_text(text)
    assert found() == set()


def test_what_siblings_may_use_is_not_used(project: Path, found: Callable[[], set[str]]) -> None:
    """In a package that is not for people, `__all__` alone is no use."""
    (project / "src/peaceful/graph/__init__.py").write_text('__all__ = ["one"]\n')
    assert found() == {"one"}


def test_an_allowance_must_be_needed(project: Path) -> None:
    """Unused names, and names that are allowed though they are used, are told of, and fail."""
    ran = subprocess.run(
        [sys.executable, project / "scripts" / "unused.py"],
        capture_output=True,
        text=True,
        cwd=project,
        check=False,
    )
    assert ran.returncode == 1
    assert "src/peaceful/graph/_one.py:1: unused function 'one'" in ran.stdout
    assert "scripts/unused.py: 'apply_check' is used, and is allowed in vain" in ran.stdout
