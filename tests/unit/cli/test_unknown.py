"""Words that are no command: what leads from them to what there is."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

import click
import pytest
from command_lines import of_app, problem
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st

from peaceful import App
from peaceful._cli.program.unknown import DESTRUCTIVE, PEERS
from peaceful._errors.usage import UsageError, nearest

GROUPS = ("", "states", "profile", "executions", "key")

APP = App("tool", ensure_name="build")


def told(*words: str) -> UsageError:
    """What is told of words that are no command."""
    group = of_app(APP)
    with pytest.raises(UsageError) as raised, group.make_context("tool", [*words]) as context:
        group.invoke(context)
    return raised.value


@pytest.mark.parametrize(("word", "here"), PEERS.items())
def test_words_of_other_tools(word: str, here: str) -> None:
    """A word that people know from other tools leads to a command line that this program takes."""
    error = told(*word.split())
    assert not error.details, "nothing is guessed"
    line = error.help.rpartition(": ")[2]
    assert problem(APP, line) == ""
    if here:
        command = here.replace("ensure", "build").split()[0]
        assert line.split()[1] == command


def test_what_destroys_is_explained() -> None:
    """Who asks for what destroys by another tool's word gets the command that only looks."""
    assert told("destroy").help == "see what it would remove: tool clean --dry-run"
    assert "clean is what removes here" in told("destroy").message
    assert told("state", "rm").help.endswith("tool states forget ITEM --dry-run")
    assert "None is needed" in told("force-unlock").message


def test_groups_of_other_tools() -> None:
    """A group that is called otherwise elsewhere leads to the subcommand of that name, if any."""
    assert told("state", "show", "x").help.endswith("tool states show ITEM")
    assert told("workspace", "new").help.endswith("tool switch PROFILE --create")
    assert told("workspace").help.endswith("tool profile list")


@pytest.mark.parametrize(
    ("words", "guess"),
    [
        (["staus"], "status"),
        (["aply"], "build"),
        (["dpeloy"], "build"),
        (["executions", "lst"], "list"),
        (["exec"], "executions"),
        (["clea"], ""),
        (["destory"], ""),
        (["profile", "delet"], ""),
        (["states", "forge"], ""),
        (["nonsense"], ""),
    ],
)
def test_guesses(words: list[str], guess: str) -> None:
    """A misspelling is led to the nearest command, or to none where that would destroy."""
    first = dict(told(*words).details).get("did you mean", "")
    assert first.split(", ")[0] == guess


def changed(word: str, draw: Callable[[st.SearchStrategy[int]], int]) -> str:
    """A word after a change of one letter: left out, added, another, exchanged."""
    letters = string.ascii_lowercase + "-_"
    at = draw(st.integers(0, len(word)))
    letter = letters[draw(st.integers(0, len(letters) - 1))]
    forms = (
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :],
    )
    return forms[draw(st.integers(0, len(forms) - 1))]


@st.composite
def misspelt(draw: st.DrawFn) -> tuple[str, str]:
    """A group, and a word that is at most two changes from one that means something there."""
    group = draw(st.sampled_from(GROUPS))
    own = [word.removeprefix(group).strip() for word in PEERS if word.startswith(group)]
    own = [word for word in own if " " not in word]
    word = draw(st.sampled_from([*own, *known(group)]))
    for _ in range(draw(st.integers(0, 2))):
        word = changed(word, draw)
    return group, word


def known(group: str) -> Sequence[str]:
    """The commands of a group."""
    command = of_app(APP)
    if group:
        found = command.get_command(click.Context(command), group)
        assert isinstance(found, click.Group)
        command = found
    return command.list_commands(click.Context(command))


@examples(300)
@given(misspelt())
def test_no_guess_destroys(typed: tuple[str, str]) -> None:
    """Whatever is misspelt, nothing that destroys is offered by guess."""
    group, word = typed
    words = [each for each in (group, word) if each]
    if not word or word[0] == "-" or word in {*known(group), "help", "ensure"}:
        return
    guesses = dict(told(*words).details).get("did you mean", "").split(", ")
    for guess in guesses:
        assert guess not in DESTRUCTIVE
        assert f"{group} {guess}".strip() not in DESTRUCTIVE


@examples(200)
@given(st.lists(st.text("abcde_", min_size=1, max_size=8), max_size=8), st.text("abcde_"))
def test_nearest(names: list[str], name: str) -> None:
    """A name is its own nearest one; what is offered is there, each once, and at most three."""
    found = nearest(name, dict.fromkeys(names))
    assert len(found) == len(set(found)) <= 3
    assert set(found) <= set(names)
    if name in names:
        assert found[0] == name


@pytest.mark.parametrize(
    ("name", "names", "found"),
    [
        ("prdo", ["stage", "prod", "prod_b"], ["prod"]),
        ("Prod", ["prod"], ["prod"]),
        ("stat", ["goal", "status", "states"], ["status", "states"]),
        ("abcdef", ["abcxyz", "abcdxx"], ["abcdxx"]),
        ("", ["a"], []),
        ("x" * 1000, ["y", "x" * 999], ["x" * 999]),
    ],
)
def test_nearest_names(name: str, names: list[str], found: list[str]) -> None:
    """At most a third of the letters differ, or what was typed is the beginning."""
    assert nearest(name, names) == found
