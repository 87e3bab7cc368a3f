"""What the pages say works as they say it.

The Python code blocks of a page belong together: they become one module, whose lines are where they
are on the page, so that a traceback leads to the page. Each runs in a process and a folder of its
own.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<indent>\s*)```(?P<language>\w*)")
LINK = re.compile(r"\]\((?!\w+:|#)(?P<target>[^)#\s]+)[^)]*\)")
MAKE = re.compile(r"\bmake ([a-z]+)\b(?=`|\s+#|$)", re.MULTILINE)


def _pages() -> Iterator[Path]:
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _as_module(page: Path) -> str:
    """The page with only its Python code on it, each line where it was."""
    lines: list[str] = []
    inside: str | None = None
    indent = ""
    for line in page.read_text().splitlines():
        fence = FENCE.match(line)
        if fence is not None:
            inside = fence["language"] if inside is None else None
            indent = fence["indent"]
            lines.append("")
        else:
            lines.append(line.removeprefix(indent) if inside == "python" else "")
    return "\n".join(lines) + "\n"


PAGES = list(_pages())
PAGES_WITH_CODE = [page for page in PAGES if _as_module(page).strip()]
PAGES_WITH_PROGRAMS = [page for page in PAGES if '__name__ == "__main__"' in _as_module(page)]


def _run(folder: Path, *arguments: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("page", PAGES_WITH_CODE, ids=_name)
def test_code_on_pages_runs(page: Path, tmp_path: Path) -> None:
    """The Python code of a page, read from top to bottom, runs."""
    (tmp_path / "page.py").write_text(_as_module(page))

    _run(tmp_path, "-c", "import page")


@pytest.mark.parametrize("page", PAGES_WITH_PROGRAMS, ids=_name)
def test_programs_on_pages_start(page: Path, tmp_path: Path) -> None:
    """A page that shows a whole program shows one that can be started and asked for help."""
    (tmp_path / "page.py").write_text(_as_module(page))

    _run(tmp_path, "page.py", "--help")


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")), ids=_name)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    """A link from a page outside the documentation leads to a file that is there.

    Those inside it are followed when it is built.
    """
    targets = [link["target"] for link in LINK.finditer(page.read_text())]

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_named_make_targets_exist(page: Path) -> None:
    """Where a page says to run a target of the Makefile, there is one."""
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(MAKE.findall(page.read_text())) - known == set()


def test_the_picture_of_the_layout_is_the_rule() -> None:
    """The floors that the README draws are those that the import rules hold the code to."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [floors] = [one["layers"] for one in settings["contracts"] if one["id"] == "floors"]
    # A room in parentheses is not built yet.
    built = [re.sub(r" \| \(\w+\)", "", floor) for floor in floors]

    picture = (ROOT / "README.md").read_text().partition("## Layout")[2].split("```")[1]
    drawn = [re.split(r"\s{2,}", line)[0] for line in picture.strip().splitlines()]

    assert drawn == built
