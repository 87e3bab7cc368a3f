"""A program may be run as a script, as a module, and by others that import it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

PROGRAM: Final = '''
from pathlib import Path
from peaceful import App, Flow, Item, State, write_atomically

class NoteState(State):
    text: str | None

class Note(Item[NoteState]):
    """A file."""
    path: Path
    def state_current(self, ctx):
        return NoteState(text=self.path.read_text() if self.path.exists() else None)
    def state_goal(self, ctx):
        return NoteState(text="x")
    def apply(self, ctx, current, goal):
        write_atomically(self.path, goal.text)
        return goal

app = App("tool")

@app.flow("notes")
def notes(flow: Flow, into: Path) -> None:
    flow.add("note", Note(path=into))

if __name__ == "__main__":
    app.main()
'''

WAYS: Final = {
    "script": ["package/tool.py"],
    "module": ["-m", "package.tool"],
    "imported": ["-c", "from package.tool import app; app.main()"],
    "imported alone": ["-c", "import sys; sys.path[0] = 'package'; import tool; tool.app.main()"],
}


@pytest.mark.parametrize(
    ("first", "then"),
    [("module", "imported"), ("script", "imported alone"), ("imported", "module")],
)
def test_its_items_are_of_one_kind(tmp_path: Path, first: str, then: str) -> None:
    """What one of them has stored is the other's, too."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").touch()
    (tmp_path / "package/tool.py").write_text(PROGRAM)

    def run(way: str, *arguments: str) -> Any:
        command = [sys.executable, *WAYS[way], *arguments, "--format", "json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    run(first, "init", "--into", "a.txt")
    run(first, "ensure")
    run(then, "init", "--into", "b.txt")
    run(then, "ensure")

    left = run(then, "status")["states"]
    assert set(left) == {"note", "note__before"}
    run(then, "clean")
    assert not (tmp_path / "a.txt").exists()
