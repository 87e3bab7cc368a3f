"""Breaks guards of the package, one at a time, and shows that tests notice.

`scripts/mutants.toml` holds the sample. Each mutant is a copy of the sources in which one snippet
is replaced by another; the tests that are named beside it must fail on that copy. The sources
themselves are never touched.

    python scripts/mutants.py              all mutants
    python scripts/mutants.py WORD...      those whose text has one of the words
"""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SAMPLE: Final = ROOT / "scripts" / "mutants.toml"

_TESTS_PASSED: Final = 0
_TESTS_FAILED: Final = 1

_PATIENCE: Final = 180.0
"""Seconds that the tests of one mutant have."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A guard, and what it is broken to.

    Attributes:
        snippet: the code with the guard, which is in the sources exactly once.
        mutant: the code without it.
        tests: the test modules that must notice, relative to the project.
        means: what it would mean for people if nobody noticed.
    """

    snippet: str
    mutant: str
    tests: tuple[str, ...]
    means: str

    def matches(self, words: Sequence[str]) -> bool:
        """Return whether the text has one of the words; with no words, always."""
        text = "\n".join((self.snippet, self.mutant, *self.tests, self.means)).lower()
        return not words or any(word.lower() in text for word in words)


def mutants_in(sample: Path) -> tuple[Mutant, ...]:
    """Read the mutants of a sample."""
    entries = tomllib.loads(sample.read_text(encoding="utf-8"))["mutant"]
    return tuple(
        Mutant(each["snippet"], each["mutant"], tuple(each["tests"]), each["means"])
        for each in entries
    )


def files_with(snippet: str, sources: Path) -> list[Path]:
    """Return the modules that hold a snippet, each as often as it does."""
    found: list[Path] = []
    for path in sorted(sources.rglob("*.py")):
        found += [path] * path.read_text(encoding="utf-8").count(snippet)
    return found


def problems_of(mutant: Mutant, root: Path) -> list[str]:
    """Return why a mutant cannot be tried, as after its code has changed; empty where it can."""
    problems = [f"there are no tests {each}" for each in mutant.tests if not (root / each).exists()]
    found = files_with(mutant.snippet, root / "src")
    if len(found) != 1:
        return [*problems, f"the snippet is there {len(found)} times, not once"]
    try:
        ast.parse(_mutated(mutant, found[0]))
    except SyntaxError as error:
        problems.append(f"the mutant is not Python: {error}")
    return problems


def _mutated(mutant: Mutant, path: Path) -> str:
    return path.read_text(encoding="utf-8").replace(mutant.snippet, mutant.mutant)


class Trial:
    """A copy of the sources of a project, against which its tests are run.

    Args:
        root: the project's folder.
        folder: where the copy is made.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._sources = folder / "src"
        shutil.copytree(
            root / "src", self._sources, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
        # Compiled by content: a mutant may be of the same size and second as what it replaces.
        command = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash"]
        subprocess.run([sys.executable, *command, str(self._sources)], check=True)

    def tests_on(self, mutant: Mutant) -> int:
        """Run the tests of a mutant on it; return the exit code of pytest."""
        [path] = files_with(mutant.snippet, self._sources)
        whole = path.read_text(encoding="utf-8")
        path.write_text(_mutated(mutant, path), encoding="utf-8")
        try:
            return self.tests(mutant.tests, may_fail=True)
        finally:
            path.write_text(whole, encoding="utf-8")

    def tests(self, tests: Iterable[str], *, may_fail: bool = False) -> int:
        """Run tests on the copy as it is, until the first one fails; return pytest's exit code."""
        options = ["-p", "no:cacheprovider", "--exitfirst", "--quiet", "--tb", "line"]
        environment = {
            **os.environ,
            "PYTHONPATH": str(self._sources),
            "TESTS_SOURCES": str(self._sources),  # So that what tests start has them, too.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with (self._sources.parent / "output").open("w+") as output:
            ran = subprocess.Popen(
                [sys.executable, "-m", "pytest", *options, *tests],
                cwd=self._root,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = ran.wait(_PATIENCE if may_fail else None)
            except subprocess.TimeoutExpired:
                # Tests end themselves when they hang: that these did not shows nothing.
                os.killpg(ran.pid, signal.SIGKILL)
                code = ran.wait()
            if code != _TESTS_PASSED and not (may_fail and code == _TESTS_FAILED):
                output.seek(0)
                print(output.read()[-4000:])
        return code


def wrong_with(mutants: Sequence[Mutant], root: Path) -> list[str]:
    """Try mutants; return what is wrong: those that nobody noticed or that could not be tried."""
    wrong = [
        f"{problem}:\n{mutant.snippet}"
        for mutant in mutants
        for problem in problems_of(mutant, root)
    ]
    if wrong:
        return wrong
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trial = Trial(root, Path(folder))
        every = sorted({test for mutant in mutants for test in mutant.tests})
        print(f"{len(every)} test modules on sources as they are ...", flush=True)
        if trial.tests(every) != _TESTS_PASSED:
            return ["the tests fail on sources as they are: mend that first"]
        for number, mutant in enumerate(mutants, start=1):
            code = trial.tests_on(mutant)
            verdict = {_TESTS_FAILED: "noticed", _TESTS_PASSED: "SURVIVED"}.get(code, "NOT TRIED")
            print(f"{number} of {len(mutants)}: {verdict}: {mutant.means}", flush=True)
            if code != _TESTS_FAILED:
                tests = ", ".join(mutant.tests)
                wrong.append(f"{verdict}, by {tests} (exit code {code}):\n{mutant.mutant}")
    return wrong


def main(words: Sequence[str]) -> int:
    """Try the mutants of the sample; print what is wrong; return the exit code."""
    mutants = [mutant for mutant in mutants_in(SAMPLE) if mutant.matches(words)]
    wrong = wrong_with(mutants, ROOT)
    for each in wrong:
        print(f"\n{each}")
    print(f"\n{len(mutants)} mutants, {len(wrong)} wrong")
    return 1 if wrong or not mutants else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
