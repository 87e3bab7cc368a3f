"""`check_item` finds items that do not tell the truth about their things, and says what to do."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from peaceful import Item, ItemCtx, ItemFailure, State, StateDiff, write_atomically
from peaceful.testing import check_item


class TextState(State):
    """What a text file holds."""

    content: str | None


class Text(Item[TextState]):
    """A text file in a folder that may be its own."""

    path: Path
    content: str = "hello"

    def state_current(self, ctx: ItemCtx) -> TextState:
        """What it holds."""
        return TextState(content=self.path.read_text() if self.path.exists() else None)

    def state_goal(self, ctx: ItemCtx) -> TextState:
        """What it should hold."""
        return TextState(content=self.content)

    def apply(
        self, ctx: ItemCtx, current: TextState, goal: TextState
    ) -> TextState | Awaitable[TextState]:
        """Writes or removes it."""
        return self.write(goal)

    def write(self, goal: TextState) -> TextState:
        """Writes or removes it."""
        write_atomically(self.path, goal.content)
        if goal.content is None and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()
        return goal


class Parts(Text):
    """A text file that is written in parts, and carries on where it was interrupted."""

    async def apply(self, ctx: ItemCtx, current: TextState, goal: TextState) -> TextState:
        """Writes it character by character, into another file."""
        part = self.path.with_suffix(".part")
        part.parent.mkdir(exist_ok=True)
        done = len(part.read_text()) if part.exists() else 0
        for letter in (goal.content or "")[done:]:
            await ctx.safe_point(where="between two letters")
            with part.open("a") as file:
                file.write(letter)
        if goal.content is not None:
            part.replace(self.path)
            return goal
        part.unlink(missing_ok=True)
        return self.write(goal)


def check(
    kind: type[Text],
    folder: Path,
    changes: Mapping[str, object] = {},
    *,
    no_difference: Mapping[str, str] = {},
    prepare: Callable[[Path], object] = lambda _: None,
    break_it: Callable[[Text], object] | None = lambda item: item.path.write_text("broken"),
    **given: Any,
) -> None:
    """Checks an item, with other values for the fields that all of these have."""

    def make(place: Path) -> Text:
        prepare(place)
        return kind(path=place / "own" / "it.txt", **given)

    check_item(
        make,
        folder / "checks",
        changed=lambda item: {"path": item.path.with_name("o.txt"), "content": "bye", **changes},
        no_difference=no_difference,
        break_it=break_it,
    )


def said_of(kind: type[Text], folder: Path, **how: Any) -> list[str]:
    """The problems that are found with an item."""
    with pytest.raises(AssertionError) as found:
        check(kind, folder, **how)
    first, *problems = str(found.value).split("\n* ")
    assert first == f"{kind.__name__} does not tell the truth about its thing:"
    return problems


@pytest.mark.parametrize("kind", [Text, Parts])
def test_items_that_tell_the_truth(tmp_path: Path, kind: type[Text]) -> None:
    """Nothing is found, whether their functions are plain or not."""
    check(kind, tmp_path)


class Coloured(Text):
    """One whose colour nobody looks at."""

    colour: str = "red"


def test_a_field_that_makes_no_difference(tmp_path: Path) -> None:
    """A change of it would never be made; who knows that says why."""
    (problem,) = said_of(Coloured, tmp_path, changes={"colour": "blue"})

    assert problem.startswith("Coloured.colour: with 'blue' nothing differs")
    assert "Add to TextState what it decides" in problem
    why = {"colour": "the paper has its own"}
    check(Coloured, tmp_path / "2", no_difference=why)
    check(Coloured, tmp_path / "3", {"colour": "blue"}, no_difference=why)


def test_a_field_that_nobody_has_tried(tmp_path: Path) -> None:
    """Each is named; so is a value that is no change, and what is no field."""
    same = {"content": "hello", "weight": 1}

    problems = said_of(Coloured, tmp_path, changes=same, no_difference={"size": "none"})

    assert [problem.split(".")[1].split(":")[0] for problem in problems] == [
        "weight",
        "size",
        "content",
        "colour",
    ]
    assert "there is no such field" in problems[0]
    assert "'hello' is what it has already" in problems[2]
    assert "nobody has tried what a change of it does" in problems[3]


def test_a_field_that_does_make_a_difference(tmp_path: Path) -> None:
    """Whoever says that it makes none is wrong."""
    (problem,) = said_of(Text, tmp_path, no_difference={"content": "it is only words"})

    assert problem == (
        "Text.content: it makes a difference: content: hello → bye. Do not say that it makes none."
    )


def test_a_changed_value_that_is_none(tmp_path: Path) -> None:
    """What cannot be tried is told, and no traceback is shown."""
    (problem,) = said_of(Text, tmp_path, changes={"content": 7})

    assert problem.startswith("Text.content: it cannot be tried: ValidationError: 1 validation")


class Loud(Text):
    """One that writes something else than it says, and does not look for it."""

    def apply(self, ctx: ItemCtx, current: TextState, goal: TextState) -> TextState:
        """Writes in capitals."""
        loud = goal.content and goal.content.upper()
        self.write(TextState(content=loud))
        return goal


class Curious(Text):
    """One that leaves something behind when it looks."""

    def state_goal(self, ctx: ItemCtx) -> TextState:
        """Notes that somebody asked."""
        with self.path.parent.with_name("asked").open("a") as file:
            file.write("again")
        return super().state_goal(ctx)


class Boastful(Text):
    """One that predicts more than it does."""

    def apply_dry(self, ctx: ItemCtx, current: TextState, goal: TextState) -> TextState:
        """Predicts something else."""
        return TextState(content="better")


class Untidy(Text):
    """One that leaves something behind when it is cleaned up."""

    def apply(self, ctx: ItemCtx, current: TextState, goal: TextState) -> TextState:
        """Keeps what was there."""
        if goal.content is None:
            self.path.parent.with_name("backup").write_text(current.content or "")
        return self.write(goal)


class Rough(Text):
    """One that removes more than it made."""

    def apply(self, ctx: ItemCtx, current: TextState, goal: TextState) -> TextState:
        """Removes the folder, whatever is in it."""
        if goal.content is None:
            shutil.rmtree(self.path.parent)
            return goal
        return self.write(goal)


class Idle(Text):
    """One that does not clean up."""

    def clean(self, ctx: ItemCtx, current: TextState, clean: TextState) -> TextState:
        """Only says so."""
        return clean


class Forgetful(Parts):
    """One that begins again where it had begun."""

    async def apply(self, ctx: ItemCtx, current: TextState, goal: TextState) -> TextState:
        """Appends letter by letter, whatever is there."""
        if goal.content is None:
            return self.write(goal)
        self.path.parent.mkdir(exist_ok=True)
        for letter in goal.content:
            await ctx.safe_point(where="between two letters")
            with self.path.open("a") as file:
                file.write(letter)
        return goal


class Blind(Text):
    """One that only looks whether there is something."""

    def diff(self, current: TextState, goal: TextState) -> StateDiff | None:
        """Whether there is a file."""
        is_there = current.content is None, goal.content is None
        return None if is_there[0] == is_there[1] else super().diff(current, goal)


class Failing(Text):
    """One that cannot be cleaned up."""

    def clean(self, ctx: ItemCtx, current: TextState, clean: TextState) -> TextState:
        """Fails."""
        raise ItemFailure("The disk is worn out.", help="buy one")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Loud, "Loud.ensure: a second time, it has work to do. Let apply end at the goal."),
        (Loud, "Loud.state_current: apply returned content=hello, and then it finds content=HELLO"),
        (Curious, "Curious.apply_dry: a dry run left or added asked."),
        (Curious, "Curious.ensure: a second time, it changed asked."),
        (Boastful, "Boastful.apply_dry: it predicts another state than apply makes: content: be"),
        (Untidy, "Untidy.clean: after ensure, it left or added backup."),
        (Rough, "Rough.clean: it touches what others put there: "),
        (Idle, "Idle.clean: after ensure, it left or added own, own/it.txt."),
        (Idle, "Idle.clean: a second time, it has work to do."),
        (Forgetful, "Forgetful.ensure: after an interrupt (stop) at its moment "),
        (Forgetful, "Forgetful.ensure: after an interrupt (kill) at its moment "),
        (Blind, "Blind.state_current: it does not notice what `break_it` does."),
        (Failing, "Failing.clean: it failed: ITEM-FAILED: The disk is worn out."),
    ],
)
def test_items_that_do_not(tmp_path: Path, kind: type[Text], said: str) -> None:
    """A sentence names the item and the function, and says what to do."""
    problems = said_of(kind, tmp_path)

    assert any(problem.startswith(said) for problem in problems), problems


def test_what_is_not_asked_for_is_not_checked(tmp_path: Path) -> None:
    """Nobody says how to break the thing: that it would not notice is not found."""
    problems = said_of(Blind, tmp_path, break_it=None)

    assert not any("break_it" in problem for problem in problems)


def test_a_thing_that_is_there_before(tmp_path: Path) -> None:
    """Then nothing could be seen of how it is made."""

    def prepare(place: Path) -> None:
        (place / "own").mkdir()
        (place / "own/it.txt").write_text("hello")

    problems = said_of(Text, tmp_path, prepare=prepare)

    assert "Text.ensure: `make` leaves nothing to do: unchanged. Its thing must not be" in str(
        problems
    )


class Sum(State):
    """A state whose examples are not made from the types alone."""

    digits: Annotated[str, Field(pattern="^[0-9]+$")] | None


class Summed(Item[Sum]):
    """An item without an example of its own."""

    def state_current(self, ctx: ItemCtx) -> Sum:
        """Nothing."""
        return Sum(digits="1" if Path(ctx.workspace, "x").exists() else None)

    def state_goal(self, ctx: ItemCtx) -> Sum:
        """A digit."""
        return Sum(digits="1")

    def apply(self, ctx: ItemCtx, current: Sum, goal: Sum) -> Sum:
        """Writes it."""
        write_atomically(Path(ctx.workspace, "x"), goal.digits)
        return goal


def test_an_example_that_is_none(tmp_path: Path) -> None:
    """It is checked as a state that an item returns."""
    with pytest.raises(AssertionError, match=r"state_example: its digits is not one that") as found:
        check_item(lambda _: Summed(), tmp_path / "checks", changed=lambda _: {})
    assert len(str(found.value).splitlines()) == 2


def test_a_listing_of_ones_own(tmp_path: Path) -> None:
    """What is elsewhere than in the folder is listed by who knows it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def listing(_: Untidy) -> Mapping[str, object]:
        return {path.name: path.read_text() for path in elsewhere.rglob("*") if path.is_file()}

    with pytest.raises(AssertionError, match=r"Untidy.clean: after ensure, it left or added back"):
        check_item(
            lambda place: Untidy(path=elsewhere / place.name / "it.txt"),
            tmp_path / "checks",
            changed=lambda item: {"path": item.path.with_name("o.txt"), "content": "bye"},
            listing=listing,
        )
    assert not list(elsewhere.rglob("it.txt"))
