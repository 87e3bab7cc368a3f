"""Finds names of the package that nothing uses, by vulture.

What counts as a use: the package itself, the examples, the benchmarks, the scripts, the templates
of pages, the table of commands, the code in the documentation, and `__all__` of the packages that
are made for people.
Tests do not count: what only a test uses goes, and the test with it.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vulture.core import Vulture  # type: ignore[import-untyped]  # it brings no types

ROOT: Final = Path(__file__).resolve().parent.parent

USERS: Final = ("examples/src", "benchmarks", "scripts")
"""Folders of the project that use the package."""

PUBLIC: Final = (".", "commands", "errors", "interrupt", "items", "items/aws", "testing")
"""The packages whose `__all__` is for people; elsewhere it only says what siblings may use."""

ALLOWED: Final = {
    "__dir__": "Python calls it, for `dir` and `help`",
    "apply_check": "a function of items, called by its name",
    "apply_dry": "a function of items, called by its name",
    "try_state_current": "a function of items, called by its name",
    "try_state_goal": "a function of items, called by its name",
    "capture_signals": "called by uvicorn",
    "should_exit": "read by uvicorn",
    "redirect_slashes": "read by starlette",
    "format_epilog": "called by click",
    "format_options": "called by click",
    "short_help": "read by click",
    "writable": "a part of every text stream",
    "ignored_warning_kinds": "read by pydantic",
    "handle_invalid_for_json_schema": "called by pydantic",
    "error_info": "an argument that pydantic gives",
    "not_in_flow": "a field of an answer of the API",
    "_MakesClients": "named in the text of a cast",
}
"""Names that are used where vulture cannot see it, each with the reason."""

VALIDATORS: Final = ["@field_validator", "@model_validator"]
"""Decorators of functions that pydantic calls."""

_BLOCK: Final = re.compile(r"^( *)```python[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_EXPRESSION: Final = re.compile(r"\{[{%](.*?)[}%]\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unused:
    """A name that nothing uses.

    Attributes:
        name: the name.
        report: where it is, in a line.
    """

    name: str
    report: str


def unused(root: Path) -> list[Unused]:
    """The names of the package that nothing in the project uses.

    Args:
        root: the project's folder.
    """
    package = root / "src" / "peaceful"
    public = [package / folder for folder in PUBLIC]
    inner = [path for path in package.rglob("__init__.py") if path.parent not in public]
    finder = Vulture(ignore_decorators=VALIDATORS)
    finder.scavenge([package, *(root / folder for folder in USERS)], exclude=map(str, inner))
    for code in _code_in_documentation(root):
        finder.scan(code, root / "docs")
    finder.used_names |= {*_words_in_templates(package), *_functions_of_commands(package)}
    return [
        Unused(item.name, item.get_report())
        for item in finder.get_unused_code()
        if package in item.filename.parents
    ]


def _code_in_documentation(root: Path) -> Iterator[str]:
    for page in (root / "README.md", *(root / "docs").rglob("*.md")):
        for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
            yield textwrap.dedent(block[2])


def _words_in_templates(package: Path) -> Iterator[str]:
    for template in package.rglob("*.html"):
        for expression in _EXPRESSION.finditer(template.read_text(encoding="utf-8")):
            yield from re.findall(r"\w+", expression[1])


def _functions_of_commands(package: Path) -> Iterator[str]:
    """Yield the functions that rows of the table of commands name: `"executions.interrupt"`."""
    for table in package.glob("_cli/commands/table.py"):
        yield from re.findall(r'"[a-z_]+\.([a-z_]+)",', table.read_text(encoding="utf-8"))


def main() -> int:
    """Prints what nothing uses, and what is allowed in vain; returns the exit code."""
    found = unused(ROOT)
    in_vain = sorted(ALLOWED.keys() - {each.name for each in found})
    wrong = [each.report for each in found if each.name not in ALLOWED]
    wrong += [f"scripts/unused.py: {name!r} is used, and is allowed in vain" for name in in_vain]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
