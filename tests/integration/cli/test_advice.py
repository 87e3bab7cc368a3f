"""What an error, an outcome or a help text says to type can be pasted, and is understood."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_lines import of_app, problem
from in_process import Run
from text_app import app

import peaceful
from peaceful._cli.program.options import command_of

SOURCE = Path(peaceful.__file__).parent

NAMES = "|".join(sorted({*of_app(app).list_commands(None), "--help"}))  # type: ignore[arg-type]  # it needs none

ENDS = re.compile(r";|, |  |\)|`|$|\. ")
"""What ends a command in a sentence."""

COMMAND = re.compile(rf"(?<![\w/.'])texts (?=(?:{NAMES})\b)")
"""Where a command of the application begins."""


BARE = re.compile(r"\b(?:run|by|:) (?:discover|states [a-z]+ [A-Z]+|executions list)\b")
"""A command in a sentence that is not told from its words."""


def lines(text: str) -> Iterator[str]:
    """The command lines in a text, apart from what an error says that was typed, and usage."""
    advice = "\n".join(
        line for line in text.splitlines() if not line.startswith(("Error ", "  usage "))
    )
    for begins in COMMAND.finditer(advice):
        rest = advice[begins.start() :].partition("\n")[0]
        ends = ENDS.search(rest)
        assert ends is not None
        yield rest[: ends.start()].removesuffix(".")


def broken(folder: Path) -> None:
    """Stored states that cannot be read."""
    (folder / ".peace/texts/default/some/states_current.yaml").write_text("x")


def unknown_key(folder: Path) -> None:
    """A parameter that there is not."""
    with (folder / ".peace/texts/default/some/flow_params.yaml").open("a") as file:
        file.write("nmaes: [a]\n")


def without_names(folder: Path) -> None:
    """A parameter that has to be given, and is not there."""
    (folder / ".peace/texts/default/some/flow_params.yaml").write_text("trouble: none\n")


def unknown_profile(folder: Path) -> None:
    """A profile in use that there is not."""
    (folder / ".peace/texts/workspace_params.yaml").write_text(
        "folder: f\nprofile: gone\nflow: x\n"
    )


def nothing(_: Path) -> None:
    """Everything is as it should be."""


CASES: list[tuple[Callable[[Path], None], str]] = [
    *(
        (nothing, words)
        for words in ("", "nonsense", "apply", "states rm", "unlock", "write --nix")
    ),
    *((nothing, words) for words in ("write", "write --only nix", "clean --only nix", "clean")),
    *((nothing, words) for words in ("status --flow nix", "status --profile nix", "diff a b")),
    *((nothing, words) for words in ("diff a", "switch nix", "switch default --names c")),
    *((nothing, words) for words in ("switch default --create", "states show nix", "profile list")),
    *((nothing, words) for words in ("states forget nix", "states move a b", "states adopt nix")),
    *((nothing, words) for words in ("profile delete default", "profile copy default default")),
    *((nothing, words) for words in ("profile copy default other", "executions show nix")),
    *((nothing, words) for words in ("interrupt", "interrupt nix", "states restore nix", "goal")),
    *((nothing, words) for words in ("write --plan nix", "write --plan nix --only a", "key new")),
    *((nothing, words) for words in ("write --plan nix --prune", "write --plan nix --sync both")),
    *((nothing, words) for words in ("plan --out p", "diff --profile default", "executions")),
    *((nothing, words) for words in ("init --trouble fails", "write", "write --profile default")),
    *((each, "write") for each in (broken, unknown_key, without_names, unknown_profile)),
    *((each, "status") for each in (broken, unknown_key, without_names, unknown_profile)),
    *((each, "profile show") for each in (unknown_key, without_names, unknown_profile)),
    *((each, "clean") for each in (broken, without_names, unknown_profile)),
]


@pytest.mark.parametrize(("damage", "typed"), CASES)
def test_what_is_said_to_be_typed(
    ready: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], None],
    typed: str,
) -> None:
    """Each command in what a command says is understood, with values or upper-case placeholders."""
    monkeypatch.setenv("COLUMNS", "2000")
    damage(tmp_path)
    told = ready(*typed.split())
    said = f"{told.out}\n{told.err}"
    assert "`" not in said or not [each for each in quoted(said) if command_of(each.split())]
    for line in lines(said):
        assert problem(app, line) == "", line


def test_cases_say_something(ready: Run) -> None:
    """Commands are found in what is said: those that the tests are about."""
    assert [*lines(ready("interrupt").err)] == ["texts executions list"]
    assert [*lines(ready("write", "--plan", "f", "--only", "a").err)] == [
        "texts plan --only ITEM --out FILE"
    ]


def quoted(text: str) -> list[str]:
    """What stands in backquotes."""
    return re.findall(r"`([^`\n]+)`", text)


def texts_in_source() -> Iterator[tuple[str, str]]:
    """Each text of the program that is no docstring, with its place; values are placeholders."""
    for file in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text())
        said = [
            each.value
            for each in ast.walk(tree)
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
        ]
        parts = {
            id(part)
            for each in ast.walk(tree)
            if isinstance(each, ast.JoinedStr)
            for part in each.values
        }
        for each in ast.walk(tree):
            place = f"{file.relative_to(SOURCE)}:{getattr(each, 'lineno', 0)}"
            if isinstance(each, ast.JoinedStr):
                yield (
                    place,
                    "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "VALUE"
                        for part in each.values
                    ),
                )
            elif (
                isinstance(each, ast.Constant)
                and isinstance(each.value, str)
                and each not in said
                and id(each) not in parts
            ):
                yield place, each.value


def test_commands_in_the_source() -> None:
    """Below the command line, advice has commands in backquotes, without the program's name."""
    found = 0
    for place, text in texts_in_source():
        for command in quoted(text):
            if command_of(command.split(" ")):
                found += 1
                assert problem(app, f"texts {command}") == "", (place, command)
        unquoted = re.search(
            r"(?<!`)\b(?:run|by|:) (discover|states [a-z]+ [A-Z]+|executions list)\b", text
        )
        assert unquoted is None, (place, text)
    assert found > 10
