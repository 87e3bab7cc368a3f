"""The picture on a terminal: one takes the place of the other, and what was above stays."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from terminal_emulator import Emulator

from peaceful._cli.progress.screen import Screen

WIDTH, HEIGHT = 20, 8

line_texts = st.text(st.sampled_from("ab 漢")).map(lambda text: text[: WIDTH // 2].strip())
pictures = st.lists(line_texts, max_size=HEIGHT - 1)
steps = st.lists(st.tuples(pictures, st.lists(line_texts, max_size=3)), max_size=8)


def draw(
    screen: Screen, terminal: Emulator, lines: Sequence[str], above: Sequence[str] = ()
) -> None:
    """Draws lines on a screen, and lets the terminal see them."""
    terminal.feed(
        screen.change([(each, each) for each in lines], (terminal.columns, terminal.height), above)
    )


def ends(lines: Sequence[str]) -> list[str]:
    """The lines without empty ones at the end, which nobody can see."""
    kept = list(lines)
    while kept and not kept[-1]:
        kept.pop()
    return kept


@given(steps)
def test_the_last_picture_is_there(changes: list[tuple[list[str], list[str]]]) -> None:
    """The terminal shows all that was said above, in order, and the last picture below it."""
    screen, terminal = Screen(), Emulator(WIDTH, HEIGHT)
    terminal.feed("$ command\n")
    said: list[str] = []
    for lines, above in changes:
        draw(screen, terminal, lines, above)
        said += above
        assert terminal.everything == ends(["$ command", *said, *lines])


def test_what_has_not_changed_is_not_written() -> None:
    """The same picture again is nothing; a changed line is all that is written of it."""
    screen = Screen()
    screen.change([("one", "one"), ("two", "two")], (WIDTH, HEIGHT))
    assert screen.change([("one", "one"), ("two", "two")], (WIDTH, HEIGHT)) == ""
    again = screen.change([("one", "one"), ("three", "three")], (WIDTH, HEIGHT))
    assert "three" in again
    assert "one" not in again


def test_a_smaller_picture() -> None:
    """Nothing is left of a picture that was higher."""
    screen, terminal = Screen(), Emulator(WIDTH, HEIGHT)
    draw(screen, terminal, ["a", "b", "c"])
    draw(screen, terminal, ["d"])
    assert terminal.lines == ["d"]


@given(pictures, pictures, st.integers(3, 30))
def test_resized(before: list[str], after: list[str], columns: int) -> None:
    """When the terminal is made another size, the picture is drawn in its place again."""
    screen, terminal = Screen(), Emulator(WIDTH, HEIGHT)
    terminal.feed("$ command\n")
    draw(screen, terminal, before)
    terminal.resize(columns, 50)
    lines = [each[: columns // 2].strip() for each in after]
    draw(screen, terminal, lines)
    assert terminal.everything[-len(ends(lines)) or len(terminal.everything) :] == ends(lines)
    assert "".join(terminal.everything) == f"$ command{''.join(lines)}"


def test_shrunk_below_the_picture() -> None:
    """In a terminal that has become too small for the old picture, the new one is whole."""
    screen, terminal = Screen(), Emulator(WIDTH, HEIGHT)
    draw(screen, terminal, ["one", "two", "three", "four", "five"])
    terminal.resize(5, 3)
    draw(screen, terminal, ["6", "7"])
    assert terminal.lines[-2:] == ["6", "7"]


def test_lower_terminal() -> None:
    """In a terminal that has become lower, lines that have not changed are where they belong."""
    screen, terminal = Screen(), Emulator(WIDTH, HEIGHT)
    lines = ["one", "two", "three", "four", "five"]
    draw(screen, terminal, lines)
    terminal.resize(WIDTH, 4)
    draw(screen, terminal, ["one", "two", "four"])
    assert terminal.lines == ["one", "two", "four"]


def test_a_character_that_is_wider_than_it_should_be() -> None:
    """A line that does not fit after all spoils no other line."""
    screen, terminal = Screen(), Emulator(WIDTH, HEIGHT)
    draw(screen, terminal, ["a" * (WIDTH + 5), "b"])
    draw(screen, terminal, ["c", "d"])
    assert terminal.everything == ["c", "d"]


def test_forgotten() -> None:
    """What something else has written stays, and the picture is drawn below."""
    screen, terminal = Screen(), Emulator(WIDTH, HEIGHT)
    draw(screen, terminal, ["one"])
    terminal.feed("[1]+ Stopped\n")
    screen.forget()
    draw(screen, terminal, ["two"])
    assert terminal.lines == ["one", "[1]+ Stopped", "two"]
