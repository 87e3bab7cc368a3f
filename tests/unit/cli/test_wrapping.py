"""Lines: styles that say nothing alone, and text that fits."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._cli.terminal import wrapping
from peaceful._cli.terminal.text import Style, coloured, line, plain
from peaceful._cli.terminal.wrapping import clipped, table, wrapped
from peaceful._present.text import display_width, one_line

texts = st.text(st.sampled_from("ab 漢🎉éx-")).map(one_line)


@given(texts, st.integers(2, 40))
def test_nothing_is_wider_than_the_width(text: str, width: int) -> None:
    """No line is wider than it may be, whatever it is made of."""
    assert all(display_width(each) <= width for each in wrapped(text, width))


@given(texts, st.integers(2, 40))
def test_nothing_is_lost(text: str, width: int) -> None:
    """All of the text is there, but for the spaces at which it was broken."""
    assert "".join(wrapped(text, width)).replace(" ", "") == text.replace(" ", "")


@given(texts, st.integers(2, 40), st.integers(1, 3))
def test_what_is_left_out_is_marked(text: str, width: int, most: int) -> None:
    """No more lines than allowed; where that leaves something out, the end says so."""
    lines = wrapped(text, width, most)
    assert len(lines) <= most
    assert lines[-1].endswith("…") == (len(wrapped(text, width)) > most)
    assert all(display_width(each) <= width for each in lines)


@given(texts.filter(bool), st.integers(1, 40), st.integers(1, 3))
def test_what_is_not_shown_costs_nothing(text: str, width: int, most: int) -> None:
    """Where only some lines are wanted, as much is measured of a text as of a much longer one."""
    shown = text * (2 * width * most)
    measured: list[set[str]] = []
    for longer in (shown, shown * 50):
        with patch.object(wrapping, "display_width", wraps=display_width) as measure:
            lines = wrapped(longer, width, most)
        measured.append({call.args[0] for call in measure.call_args_list})
        assert len(lines) <= most
    assert measured[0] == measured[1]


def test_a_wide_character_in_a_single_column() -> None:
    """What cannot be broken any further stands alone."""
    assert wrapped("漢字", 1) == ["漢", "字"]


@given(st.lists(texts, max_size=4), st.integers(0, 30))
def test_clipped_lines(parts: list[str], width: int) -> None:
    """A line is cut to a width, and stays as it is where it fits."""
    whole = line(*((part, Style.GOOD) for part in parts))
    cut = clipped(whole, width)
    assert display_width(plain(cut)) <= width
    assert plain(whole).startswith(plain(cut))
    if display_width(plain(whole)) <= width:
        assert cut == whole


def test_tables() -> None:
    """Labels stand below each other, and so do texts, however many lines they take."""
    rows = [("a", "one two three four five six"), ("label", "seven")]
    assert table(rows, 30) == [
        "  a      one two three four",
        "         five six",
        "  label  seven",
    ]


def test_narrow_tables() -> None:
    """Where there is no room beside labels, texts stand below them."""
    assert table([("label", "one two three")], 14) == ["  label", "    one two", "    three"]
    assert table([], 14) == []


@pytest.mark.parametrize("style", Style)
def test_colours_add_nothing(style: Style) -> None:
    """Without its control sequences a coloured line is the plain one."""
    shown = line("a ", ("b", style), ("", Style.BAD))
    assert one_line(coloured(shown)) == plain(shown) == "a b"


def test_colours_by_meaning() -> None:
    """What is bad is red, and only that part."""
    assert coloured(line("a ", ("b", Style.BAD))) == "a \x1b[31mb\x1b[0m"
