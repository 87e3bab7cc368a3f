"""Numbers of things, lists of names, short IDs, words of items, figures of progress."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus, ProgressUnit
from peaceful._model.events import Phase
from peaceful._present.summary import (
    STATUS_ORDER,
    LiveWord,
    amount,
    live_word,
    percent,
    rate,
    status_symbol,
    status_word,
    waiting_word,
)
from peaceful._present.text import (
    count,
    display_width,
    fitted_list,
    name_list,
    plural,
    short_id,
)
from peaceful.commands import Progress


@pytest.mark.parametrize(
    ("noun", "several"),
    [
        ("item", "items"),
        ("entry", "entries"),
        ("key", "keys"),
        ("process", "processes"),
        ("box", "boxes"),
        ("branch", "branches"),
        ("y", "ys"),
    ],
)
def test_plurals(noun: str, several: str) -> None:
    """Nouns that follow the rules have their plural."""
    assert plural(noun) == several


@pytest.mark.parametrize(
    ("number", "noun", "several", "text"),
    [
        (0, "item", "", "0 items"),
        (1, "item", "", "1 item"),
        (2, "item", "", "2 items"),
        (10_000, "item", "", "10,000 items"),
        (2, "child", "children", "2 children"),
        (1, "child", "children", "1 child"),
    ],
)
def test_counts(number: int, noun: str, several: str, text: str) -> None:
    """A number stands with the right form of its noun."""
    assert count(number, noun, several) == text


@pytest.mark.parametrize(
    ("names", "most", "text"),
    [
        ("", None, ""),
        ("a", None, "a"),
        ("ab", None, "a and b"),
        ("abc", None, "a, b and c"),
        ("abcde", 2, "a, b and 3 more"),
        ("abc", 2, "a, b and c"),
        ("abcd", 2, "a, b and 2 more"),
        ("abcd", 0, "a and 3 more"),
        ("a" * 2000, 1, "a and 1,999 more"),
    ],
)
def test_lists_of_names(names: str, most: int | None, text: str) -> None:
    """Names are joined as in a sentence; never `and 1 more`, which is longer than a name."""
    assert name_list(list(names), most) == text


NAMES = ["app_download", "iam_policy", "iam_role"]


@pytest.mark.parametrize(
    ("names", "width", "text"),
    [
        ([], 10, ""),
        (NAMES, 34, "app_download, iam_policy, iam_role"),
        (NAMES, 33, "app_download and 2 more"),
        (NAMES, 23, "app_download and 2 more"),
        (NAMES, 22, "app_d…nload and 2 more"),
        (NAMES, 12, ""),
        (NAMES, 11, ""),
        (NAMES, 7, ""),
        (NAMES, 0, ""),
        (["name"] * 1234, 4, ""),
        (["漢字", "b"], 7, "漢字, b"),
        (["漢字", "b"], 6, ""),
        (["a_long_name"], 5, "a_…me"),
    ],
)
def test_lists_that_fit(names: list[str], width: int, text: str) -> None:
    """As many names as fit are shown, and how many are not."""
    assert fitted_list(names, width) == text


@given(st.lists(st.text("abc漢", min_size=1, max_size=9), max_size=12), st.integers(0, 60))
def test_a_fitted_list_fits(names: list[str], width: int) -> None:
    """A list is never wider than its place, and whole where the whole of it fits."""
    line = fitted_list(names, width)
    whole = ", ".join(names)
    assert display_width(line) <= width
    assert (line == whole) == (display_width(whole) <= width)


def test_a_long_list_costs_as_much_as_what_fits() -> None:
    """Of many names only as many are looked at as might fit."""

    class Watched(list[str]):
        """Notes how far it is read."""

        read = 0

        def __iter__(self) -> object:  # type: ignore[override]  # a generator is an iterator
            """Read one by one."""
            for name in super().__iter__():
                self.read += 1
                yield name

    names = Watched(["name"] * 100_000)
    assert fitted_list(names, 30) == "name, name and 99,998 more"
    assert names.read < 10


def test_short_ids() -> None:
    """An execution is told from others by the end of its ID: it begins with its time."""
    assert short_id("0193a5c2-7d1e-7c40-8000-00005f3a91bc") == "5f3a91bc"


def test_words_and_symbols_of_endings() -> None:
    """Each way to end has a word and a symbol of one column, with one in ASCII."""
    assert tuple(ItemStatus) == STATUS_ORDER
    assert [status_word(status) for status in STATUS_ORDER] == [
        "done",
        "would create",
        "would change",
        "would replace",
        "would remove",
        "unchanged",
        "unknown",
        "failed",
        "stopped",
        "abandoned",
        "not started",
    ]
    assert "".join(map(status_symbol, STATUS_ORDER)) == "✓+~±-=?✗‖!·"
    plain = "".join(status_symbol(status, ascii_only=True) for status in STATUS_ORDER)
    assert plain == "*+~%-=?x]!."


def test_words_of_items_that_have_not_ended() -> None:
    """Once an interrupt came, what is changed is finishing, and what waits will not start."""
    assert live_word(None, interrupting=False) is LiveWord.RUNNING
    assert live_word(Phase.CHANGING, interrupting=False) is LiveWord.CHANGING
    for phase in (None, Phase.CHANGING):
        assert live_word(phase, interrupting=True) is LiveWord.FINISHING
    for interrupting in (False, True):
        # It does not finish: it ends as not started.
        assert live_word(Phase.LOOKING, interrupting=interrupting) is LiveWord.LOOKING
    assert waiting_word(interrupting=False) is LiveWord.WAITING
    assert waiting_word(interrupting=True) is LiveWord.WILL_NOT_START


BYTES, STEPS, PERCENT = ProgressUnit.BYTES, ProgressUnit.STEPS, ProgressUnit.PERCENT


@pytest.mark.parametrize(
    ("progress", "figures"),
    [
        (Progress(), ("", "", "")),
        (Progress(BYTES, 3.1e6, 5e6, 1.2e6), ("62 %", "3.1/5.0 MB", "1.2 MB/s")),
        (Progress(BYTES, 3.1e6, None, 1.2e6), ("", "3.1 MB", "1.2 MB/s")),
        (Progress(BYTES, 99_999_999_999, 1e11), ("99 %", "99/100 GB", "")),
        (Progress(BYTES, 5e6, 5e6, math.inf), ("100 %", "5.0/5.0 MB", "")),
        (Progress(STEPS, 3, 10, 0.42), ("30 %", "3/10 steps", "0.4 steps/s")),
        (Progress(STEPS, 0, 2, 12.6), ("0 %", "0/2 steps", "13 steps/s")),
        (Progress(STEPS, 0, 1, 12.6), ("", "", "")),
        (Progress(STEPS, 1, 1, 12.6), ("", "", "")),
        (Progress(STEPS, 1), ("", "1 step", "")),
        (Progress(STEPS, 12_345), ("", "12,345 steps", "")),
        (Progress(STEPS, math.nan, 10), ("0 %", "?/10 steps", "")),
        (Progress(PERCENT, 29, 100, 3), ("29 %", "", "")),
        (Progress(PERCENT, 130, 100), ("100 %", "", "")),
        (Progress(rate=3), ("", "", "")),
    ],
)
def test_figures_of_progress(progress: Progress, figures: tuple[str, str, str]) -> None:
    """Percent, amount and rate are shown where they are known and mean something."""
    assert (percent(progress), amount(progress), rate(progress)) == figures


def test_amounts_in_a_sentence() -> None:
    """What stands between a part and its whole can be chosen."""
    assert amount(Progress(BYTES, 3.1e6, 5e6), " of ") == "3.1 of 5.0 MB"
    assert amount(Progress(STEPS, 3, 10), " of ") == "3 of 10 steps"
