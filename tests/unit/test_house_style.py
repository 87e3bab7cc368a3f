"""The rules of the house that no other tool checks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST_MODULE = 600
SILENCED = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*|(?:type|pyright):\s*ignore\[[^\]]*\]"
    r"|pragma: no (?:cover|branch))"
)


def _sources() -> Iterator[Path]:
    for folder in ("src", "examples/src", "scripts", "benchmarks"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def _place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT).as_posix()}:{line}"


def _has_reason(lines: list[str], index: int) -> bool:
    """Whether a comment in words stands on the line, or above or below it."""
    comment = "".join(lines[index].partition("#")[1:])
    around = [*lines[max(0, index - 1) : index], *lines[index + 1 : index + 2]]
    return re.search(r"\w", SILENCED.sub("", comment)) is not None or any(
        line.lstrip().startswith("#") for line in around
    )


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=aliases):
                yield from ((node.lineno, alias.name) for alias in aliases)
            case ast.ImportFrom(module=str(source), names=aliases):
                yield from ((node.lineno, f"{source}.{alias.name}") for alias in aliases)
            case _:
                pass


def _package(path: Path) -> str:
    """The package that a module is in; empty for programs, which are in none."""
    return ".".join(path.parts[path.parts.index("src") + 1 : -1]) if "src" in path.parts else ""


def _owner(imported: str) -> str | None:
    """The package that keeps a module private, or none where nothing in its path is private."""
    parts = imported.split(".")
    if parts[0] != "peaceful":
        return None
    private = (i for i, part in enumerate(parts) if re.match(r"_[a-z]", part))
    return next((".".join(parts[:i]) for i in private), None)


def test_modules_are_short() -> None:
    """A module is one idea: it has at most 600 lines."""
    lengths = {_place(path, 1): len(path.read_text().splitlines()) for path in _sources()}
    too_long = [f"{place}: {lines}" for place, lines in lengths.items() if lines > LONGEST_MODULE]

    assert not too_long, "\n".join(too_long)


def test_exceptions_from_rules_have_reasons() -> None:
    """Who silences a tool says why beside it; ruff objects to every blind `except`."""
    unexplained = [
        f"{_place(path, index + 1)}: {line.strip()}"
        for path in _sources()
        for lines in [path.read_text().splitlines()]
        for index, line in enumerate(lines)
        if SILENCED.search(line) and not _has_reason(lines, index)
    ]

    assert not unexplained, "\n".join(unexplained)


def test_what_is_deeper_is_private() -> None:
    """A private module is imported only by modules of the package that keeps it."""
    trespasses = [
        f"{_place(path, line)}: {imported}"
        for path in _sources()
        for importer in [_package(path)]
        for line, imported in _imports(path)
        for owner in [_owner(imported)]
        if owner is not None and not f"{importer}.".startswith(f"{owner}.")
    ]

    assert not trespasses, "\n".join(trespasses)
