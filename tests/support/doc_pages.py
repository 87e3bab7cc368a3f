"""Pages of the documentation, as what their readers do with them: read, type, compare.

| block | means |
|---|---|
| `console` | what is typed (`$ …`, continued by `> …`) and shown; `^C` is the key, `...` anything |
| `console` with a title | likewise, in another terminal of that name |
| … "left open" in its title | what runs at its end runs on until the reader has read the page |
| titled, below `.peace/` | a file that is there by now, and holds this |
| titled otherwise | a file that the reader writes |
| `python` titled `notebook` | a cell of a notebook, in which a loop runs |
| `python` | a part of one module, made of all such blocks of the page |
| `text` | a picture |

A block without `$` goes on with what runs in its terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOWN_FOLDER = "/home/ada/tryout"
"""What pages call the folder that their commands run in."""
SHOWN_HOST = "laptop"
"""What pages call the machine."""
SHOWN_PORT = "8000"
"""The port that pages serve files on."""
LEFT_OPEN = "left open"
"""Part of the title of a terminal in which something runs on."""

_FENCE = re.compile(r"^(?P<indent>\s*)(?P<ticks>`{3,})(?P<language>\w*)\s*(?P<rest>[^`]*)$")
_TITLE = re.compile(r'title="(?P<title>[^"]*)"')


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code on a page.

    Attributes:
        language: as named on the page.
        title: what stands above it, or empty.
        line: of the page, that of its first line of code; counted from 1.
        text: the code.
    """

    language: str
    title: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Type:
    """The reader types a command."""

    command: str


@dataclass(frozen=True, slots=True)
class Press:
    """The reader presses Ctrl-C, once what was shown before is seen."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The terminal shows lines."""

    lines: tuple[str, ...]


Step = Type | Press | Shown


def pages() -> list[Path]:
    """All pages of the project."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def page_name(page: Path) -> str:
    """What a page is called in tests."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(text: str) -> list[Block]:
    """The blocks of code of a page.

    Raises:
        ValueError: a block has no end.
    """
    blocks: list[Block] = []
    begun: re.Match[str] | None = None
    start = 0
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        fence = _FENCE.match(line)
        if begun is None:
            if fence is not None:
                begun, start, lines = fence, number + 1, []
        elif fence is not None and fence["ticks"] == begun["ticks"] and not fence["language"]:
            title = _TITLE.search(begun["rest"])
            code = "\n".join(lines)
            blocks.append(Block(begun["language"], title["title"] if title else "", start, code))
            begun = None
        else:
            lines.append(line.removeprefix(begun["indent"]))
    if begun is not None:
        raise ValueError(f"the block in line {start - 1} has no end")
    return blocks


def as_module(blocks: Sequence[Block], title: str = "") -> str:
    """The page with only some of its Python code on it, each line where it was.

    Args:
        blocks: all of the page's blocks.
        title: that of the blocks to take.
    """
    lines: list[str] = []
    for block in blocks:
        if block.language == "python" and block.title == title:
            lines += [""] * (block.line - 1 - len(lines))
            lines += block.text.split("\n")
    return "\n".join(lines) + "\n" if lines else ""


def steps_of(block: Block) -> Iterator[Step]:
    """What a reader does, and sees, in a terminal."""
    shown: list[str] = []
    typed: list[str] = []
    for line in [*block.text.split("\n"), None]:
        if line is not None and typed and line.startswith("> "):
            typed.append(line.removeprefix("> "))
            continue
        if typed:
            yield Type("\n".join(typed))
            typed = []
        if line is None or line.startswith("$ ") or line == "^C":
            yield Shown(tuple(shown))
            shown = []
        if line == "^C":
            yield Press()
        elif line is not None and line.startswith("$ "):
            typed = [line.removeprefix("$ ")]
        elif line is not None:
            shown.append(line)


_DURATION = r"\d+(?:\.\d+)? (?:ms|s|min|h|d)\b"
_VARIES = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"\b[0-9a-f]{8}(?:(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?\b", "ID"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00| UTC)?", "TIME"),
        (r"\b\d\d:\d\d(?::\d\d)?\b", "TIME"),
        (r"\d+(?:\.\d+)? [kMG]?B/s", "RATE"),
        (r"\b\d+\.\d+s\b", "DURATION"),
        (rf"{_DURATION}(?: {_DURATION})*", "DURATION"),
        (r"(?<=\"seconds\": )[\d.e-]+", "0"),
        (r"(?<=pid )\d+", "PID"),
        (r"(?<=\"pid\": )\d+", "0"),
        (r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", "~"),
        (r"[━╸╺─]{3,}", "BAR"),
        (r" {2,}", " "),
    )
)


_OF_AN_ITEM = re.compile(r" *[✓=✗!~] ")
"""Items end in no certain order."""


def normalised(lines: Sequence[str]) -> list[str]:
    """Lines without what differs from one run to the next, and without empty ones around them."""
    text = "\n".join(line.strip() for line in lines).strip("\n")
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    by_kind = groupby(text.split("\n"), lambda line: _OF_AN_ITEM.match(line) is not None)
    return [line for of_items, group in by_kind for line in (sorted(group) if of_items else group)]


def matches(expected: Sequence[str], actual: Sequence[str]) -> bool:
    """Whether lines are those that a page shows."""
    parts: list[str] = []
    for line in normalised(expected):
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*?".join(re.escape(part) for part in line.split("...")) + r"\n")
    return re.fullmatch("".join(parts), "\n".join(normalised(actual)) + "\n") is not None
