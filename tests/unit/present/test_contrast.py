"""Two different texts never look the same where a person compares them."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from example_counts import examples
from hypothesis import example, given
from hypothesis import strategies as st

from peaceful import Change, State
from peaceful._disclosure import HIDDEN, know_secrets, masked_part
from peaceful._item.diff import field_wise_diff
from peaceful._present.contrast import alike, contrast, legible
from peaceful._present.text import one_line

IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
"""`Default_Ignorable_Code_Point` of Unicode, and the Braille pattern without dots."""

SMALL = st.sampled_from(
    [
        *[
            "",
            " ",
            "  ",
            "\t",
            "\n",
            "\r\n",
            "\x00",
            "\x1b[31m",
            "\u202e",
            "\u200b",
            "\ufeff",
            "\u00a0",
        ],
        *[
            "\u3164",
            "\ufe0f",
            "\u200d",
            "\u2800",
            "e\u0301",
            "\u00e9",
            "\ufb01",
            "fi",
            "a",
            "\u0430",
        ],
        *[
            "'",
            "\\",
            "\\n",
            "'a'",
            "…",
            "\ud83d",
            "漢",
            "👩\u200d🚀",
            "K",
            "\u212a",
            "ü",
            "u\u0308",
        ],
    ]
)
TEXTS = st.one_of(st.text(), st.lists(SMALL | st.text(max_size=3), max_size=6).map("".join))


class Holder(State):
    """A state of anything."""

    value: object


@st.composite
def near_texts(draw: st.DrawFn) -> tuple[str, str]:
    """Two texts that have a beginning and an end in common, each of them short or long."""
    begin, end = (
        draw(TEXTS) + draw(st.sampled_from(["", "x" * 70, "ab " * 40, "é" * 70])) for _ in range(2)
    )
    return begin + draw(TEXTS) + end, begin + draw(TEXTS) + end


def seen(text: str) -> str:
    """What a reader sees of a text that is displayed: no form, nothing that is not drawn."""
    return IGNORED.sub("", unicodedata.normalize("NFKC", one_line(text, 240)))


@examples(200)
@given(near_texts())
@example(("a\r\nb", "a\nb"))
@example(("x" * 1000 + "a" + "y" * 1000, "x" * 1000 + "b" + "y" * 1000))
@example(("'a\\nb'", "a\nb"))
@example(("", "''"))
def test_the_words_for_two_different_texts_differ(texts: tuple[str, str]) -> None:
    """White space, invisible characters, forms of Unicode, and places far inside are no excuse."""
    before, after = texts
    if before == after:
        return
    shown = Change("text", before, after).words

    assert seen(shown[0]) != seen(shown[1])
    assert all(len(words) < 100 for words in shown)


@examples(200)
@given(near_texts())
def test_texts_in_contrast_are_shown_as_they_are(texts: tuple[str, str]) -> None:
    """A display changes nothing of them, and they lead to their first difference."""
    if texts[0] == texts[1]:
        return
    for shown, text in zip(contrast(*texts, 60), texts, strict=True):
        assert one_line(shown) == shown
        found = re.fullmatch("(…?)'(.*)'(…?)", shown)
        assert found is not None
        inside = found[2].encode("latin-1", "backslashreplace").decode("unicode_escape")
        assert inside in text
        assert found[1] or text.startswith(inside)
        assert found[3] or text.endswith(inside)


@given(TEXTS, TEXTS)
def test_a_name_that_is_shown_alone_is_told_from_any_other(one: str, other: str) -> None:
    """Unless it is drawn as another one, as letters of two scripts and ligatures are."""
    if unicodedata.normalize("NFKC", one) != unicodedata.normalize("NFKC", other):
        assert legible(one) != legible(other)
    elif one != other and unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other):
        assert seen(legible(one)) != seen(legible(other))
    assert one_line(legible(one), 10_000) == legible(one)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a", "b", "a → b"),
        ("a\nb", "c", "'a\\nb' → c"),
        ("a ", "a", "'a ' → 'a'"),
        ("a  b", "a b", "'a \\x20b' → 'a b'"),
        ("größer\r\n", "größer\n", "'größer\\r\\n' → 'größer\\n'"),
        ("caf\u00e9", "cafe\u0301", "'caf\\xe9' → 'cafe\\u0301'"),
        ("admin", "\u0430dmin", "'admin' → '\\u0430dmin'"),
        ("Müller", "Muller", "Müller → Muller"),
        ("a\u202eb", "ab", "'a\\u202eb' → ab"),
        (
            "x" * 500 + "one" + "y" * 500,
            "x" * 500 + "two" + "y" * 500,
            f"…'{'x' * 20}one{'y' * 37}'… → …'{'x' * 20}two{'y' * 37}'…",
        ),
        (1, "1", "'1' → '\"1\"'"),
        (["a "], ["a", "b"], "1 entry → 2 entries (- 'a ', + 'a', + b)"),
    ],
)
def test_what_is_shown_is_no_stranger_than_needed(
    before: object, after: object, shown: str
) -> None:
    """Quotes and escapes come only where something would be overlooked."""
    diff = field_wise_diff(Holder(value=before), Holder(value=after))

    assert str(diff) == f"value: {shown}"


def test_words_of_an_item_that_are_the_same_give_way_to_the_values() -> None:
    """Two sizes that are rounded alike are told in bytes."""
    assert str(Change("size", 51_200, 51_201, "51.2 kB", "51.2 kB")) == "size: 51200 → 51201"
    assert str(Change("size", None, 1, "unknown", "1 B")) == "size: unknown → 1 B"
    assert str(Change("e\u0301", None, 1)) == "+ 'e\\u0301': 1"


# ---- secrets

SECRET = "tell-nobody"
OTHER = "nobody-knows"


@given(st.lists(st.sampled_from([SECRET, OTHER, "tell-", "a", "nobody"]), max_size=8), st.data())
def test_a_part_of_a_text_shows_nothing_of_a_secret(pieces: list[str], data: st.DataObject) -> None:
    """Not even of one that only reaches into it; of everything else, all is shown."""
    know_secrets([SECRET, OTHER])
    text = "".join(pieces)
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    hidden = {
        place
        for secret in (SECRET, OTHER)
        for found in re.finditer(f"(?={secret})", text)
        for place in range(found.start(), found.start() + len(secret))
    }

    shown = masked_part(text, start, stop)

    assert shown.replace(HIDDEN, "") == "".join(
        text[place] for place in range(start, stop) if place not in hidden
    )
    if start < stop:
        assert (HIDDEN in shown) == any(place in hidden for place in range(start, stop))


def test_secrets_are_hidden_in_a_contrast_too() -> None:
    """Where only they differ, that is said."""
    know_secrets([SECRET, OTHER])

    assert contrast(f"a {SECRET}", f"a {OTHER}", 60) == (
        "'a **********'",
        "'a **********' (another secret)",
    )
    shown = contrast("x" * 100 + SECRET + " ", "x" * 100 + SECRET, 60)
    assert shown == (f"…'{'x' * 10}{HIDDEN} '", f"…'{'x' * 10}{HIDDEN}'")


def test_long_texts_are_compared_in_no_time() -> None:
    """Of ten megabytes that differ at their end, only what is around that is looked at."""
    text = "x" * 10_000_000
    began = time.process_time()

    assert alike(f"{text}a", f"{text}b")
    assert contrast(f"{text}a", f"{text}b", 60)[1].endswith("xb'")
    assert time.process_time() - began < 1
