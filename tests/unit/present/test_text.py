"""Text from anywhere, cleaned, measured and shortened."""

from __future__ import annotations

import unicodedata
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._disclosure import HIDDEN, know_secrets
from peaceful._present.text import display_width, fitted, one_line, padded, shortened

HOSTILE = st.one_of(
    st.text(),
    st.lists(
        st.one_of(
            st.text(max_size=5),
            st.sampled_from(
                ["\x1b[31m", "\x1b[2J", "\x1b", "\x1b]0;title\x07", "\x1b]8;;", "\x1b\\", "\x9b1m"]
            ),
            st.sampled_from(["\r", "\n", "\t", "\x00", "\x7f", "\x85", "\u2028", "\u3000", " "]),
            st.sampled_from(["\u202e", "\u2066", "\u200f", "\ufeff", "\u200d", "\u200b", "\xad"]),
            st.sampled_from(["e\u0301", "\u0301", "\u20dd", "漢", "각", "\u1161", "👩\u200d🚀"]),
            st.characters(categories=["Cc", "Cf", "Cs", "Cn", "Co", "Mn", "Zs"]),
        )
    ).map("".join),
)

HARMLESS_FORMATS = {"\u200c", "\u200d"}


@given(HOSTILE)
def test_a_cleaned_line_holds_nothing_that_acts(text: str) -> None:
    """No control, direction, half or unassigned character is left, and one kind of space."""
    line = one_line(text)
    for character in line:
        assert character in HARMLESS_FORMATS or unicodedata.category(character)[0] != "C"
        assert character == " " or not character.isspace()
    assert "  " not in line
    assert line == line.strip()
    line.encode()


@given(HOSTILE)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """A cleaned line stays as it is."""
    line = one_line(text)
    assert one_line(line) == line


@given(HOSTILE, st.integers(1, 30))
def test_a_cleaned_line_is_no_longer_than_asked(text: str, longest: int) -> None:
    """A line has no more characters than it may, and says where it was cut."""
    line = one_line(text, longest)
    assert len(line) <= longest
    assert line == one_line(text) or line.endswith("…")


@given(HOSTILE, st.integers(0, 40), st.sampled_from(["…", "..."]))
def test_a_fitted_line_is_never_wider_than_its_place(text: str, width: int, dots: str) -> None:
    """Whatever the text, it takes no more columns than there are, and holds nothing that acts."""
    line = fitted(text, width, dots)
    assert display_width(line) <= width
    assert one_line(line) == line.strip()


@given(HOSTILE.map(one_line), st.integers(0, 40))
def test_shortening_keeps_both_ends_and_wastes_no_room(text: str, width: int) -> None:
    """What fits stays; what does not keeps its beginning and its end, and fills its place."""
    line = shortened(text, width)
    if display_width(text) <= width:
        assert line == text
        return
    if width < 1:
        assert line == ""
        return
    places = [place for place, sign in enumerate(line) if sign == "…"]
    assert any(
        text.startswith(line[:place]) and text.endswith(line[place + 1 :]) for place in places
    )
    # A wide character at the cut may leave a column free on either side.
    assert display_width(line) >= width - 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("", ""),
        ("  a\r\n\tb\u2028c\u3000 d\x85", "a b c d"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred\x9b0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\text\x1b(B\x1b7\x1b=", "text"),
        ("\x9dtitle\x9ctext", "text"),
        ("\x1b]0;no end", "\ufffd]0;no end"),
        ("\x1b[31", "\ufffd[31"),
        ("\x1b\x1b[31m[31mred", "\ufffd[31mred"),
        ("a\x00\x01\x02b\x08", "a\ufffdb\ufffd"),
        ("half \ud800.", "half \ufffd."),
        ("gpj.\u202etxt", "gpj.txt"),
        ("a\u2067b\u2069\u200b\ufeffc", "abc"),
        ("\u0646\u0645\u06cc\u200c\u062e", "\u0646\u0645\u06cc\u200c\u062e"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("e" + "\u0301" * 1000 + "f", "e" + "\u0301" * 6 + "f"),
        ("\u0301a \u0301b", "a b"),
        ("déjà 漢字 ✓", "déjà 漢字 ✓"),
    ],
)
def test_cleaning(text: str, line: str) -> None:
    """Decoration vanishes, white space is one space, what cannot be shown is marked."""
    assert one_line(text) == line


@pytest.mark.parametrize(
    "unit", ["a", "\x1b", "\x1b]", "\x1b[1", "\x9d", "\x1b[31m", "\u0301", "\u202e", "\n", "漢"]
)
def test_ten_megabytes_cost_as_much_as_a_line(unit: str) -> None:
    """Of a text of any size only a beginning is looked at."""

    class Watched(str):
        """Notes how much of it is taken."""

        __slots__ = ()
        taken = 0

        def __getitem__(self, part: object) -> str:
            """Take a part."""
            assert isinstance(part, slice)
            piece = str(self)[part]
            Watched.taken += len(piece)
            return piece

    line = fitted(Watched(unit * (10_000_000 // len(unit))), 80)
    assert Watched.taken <= 16_000
    assert line.endswith("…")
    assert display_width(line) <= 80


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("漢字", 4),
        ("\uff46\uff55", 4),
        ("e\u0301", 1),
        ("\uac01", 2),
        ("\u1100\u1161\u11a8", 2),
        ("✓ …", 3),
    ],
)
def test_width_is_counted_in_columns(text: str, width: int) -> None:
    """Wide characters take two columns, marks and later parts of syllables none."""
    assert display_width(text) == width


def test_width_is_counted_only_as_far_as_it_matters() -> None:
    """Counting ends once the text is too wide."""
    assert display_width("漢" * 1000, 10) == 12
    assert display_width("漢" * 5, 10) == 10


@pytest.mark.parametrize(
    ("text", "width", "dots", "line"),
    [
        ("internal_dev_a", 14, "…", "internal_dev_a"),
        ("internal_dev_a", 9, "…", "inte…ev_a"),
        ("internal_dev_a", 8, "…", "inte…v_a"),
        ("internal_dev_a", 9, "...", "int...v_a"),
        ("internal_dev_a", 2, "…", "i…"),
        ("internal_dev_a", 1, "…", "…"),
        ("internal_dev_a", 0, "…", ""),
        ("internal_dev_a", 2, "...", ".."),
        ("漢字漢字漢字", 7, "…", "漢…漢字"),
        ("abcdefghe\u0301", 5, "…", "ab…he\u0301"),
        ("abcdefg漢\u0301h", 4, "…", "ab…h"),
    ],
)
def test_shortening(text: str, width: int, dots: str, line: str) -> None:
    """A text that is too wide loses its middle, and no mark is left without its character."""
    assert shortened(text, width, dots) == line


@pytest.mark.parametrize(
    ("text", "right", "line"),
    [("ab", False, "ab  "), ("ab", True, "  ab"), ("漢", True, "  漢"), ("abcde", False, "abcde")],
)
def test_padding(text: str, right: bool, line: str) -> None:
    """A text is filled up to its place in columns, on either side."""
    assert padded(text, 4, right=right) == line


@given(st.text(min_size=1), st.integers(1, 200))
def test_what_is_not_shown_costs_nothing(text: str, longest: int) -> None:
    """As much is looked at of a text as of a much longer one."""
    looked_at: list[int] = []
    for longer in (text * 10 * longest, text * 500 * longest):
        with patch.object(unicodedata, "category", wraps=unicodedata.category) as category:
            line = one_line(longer, longest)
            assert display_width(fitted(line, longest)) <= longest
        looked_at.append(category.call_count)
        assert len(line) <= longest
    assert looked_at[0] == looked_at[1]


@given(st.text(), st.integers(1, 200))
def test_known_secrets_are_hidden(text: str, longest: int) -> None:
    """Wherever a line is cut, no beginning of a secret is left over."""
    know_secrets(["hunter2-hunter2"])
    line = one_line(f"{text}hunter2-hunter2{text}", longest)
    assert "hunter" not in line.replace(HIDDEN, "")
