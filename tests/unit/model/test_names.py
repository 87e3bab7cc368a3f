"""Names follow one rule; IDs of executions sort by their time."""

from __future__ import annotations

import re
import unicodedata
import uuid

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from peaceful._model.names import NAME_RULE, checked_app_name, checked_name, execution_id
from peaceful.errors import NameInvalid

letters = st.characters(categories=["L"])
parts = letters | st.characters(categories=["Nd"]) | st.just("_")


@st.composite
def good_names(draw: st.DrawFn) -> str:
    """Names that follow the rule."""
    name = draw(letters | st.just("_")) + draw(st.text(parts, max_size=40))
    name = unicodedata.normalize("NFC", name)
    assume(len(name.encode()) <= 200 and not re.search(r"[^\w]", name))
    return name


@given(good_names())
def test_letters_of_every_script_are_letters(name: str) -> None:
    """With digits and `_`, they make a name."""
    assert checked_name("a profile", name) == name
    assert checked_app_name(name) == name


@given(st.text(max_size=30))
def test_every_other_name_is_refused(name: str) -> None:
    """With the rule; whether a name is good depends on nothing but its letters."""
    good = (
        re.fullmatch(r"(?!\d)\w+", name) is not None
        and all(each.isalpha() or each.isdecimal() or each == "_" for each in name)
        and (name[0].isalpha() or name[0] == "_")
        and unicodedata.normalize("NFC", name) == name
    )
    if good:
        assert checked_name("a profile", name) == name
    else:
        with pytest.raises(NameInvalid) as invalid:
            checked_name("a profile", name)
        assert invalid.value.details[0][1].startswith(NAME_RULE)
        assert invalid.value.help == "choose another name for a profile"


FRAKTUR = "\N{MATHEMATICAL FRAKTUR CAPITAL U}"
LONG = ["x" * 101, "数" * 67, FRAKTUR * 51]


@pytest.mark.parametrize(
    "name",
    ["", "1st", "٣x", "²x", "x²", "a b", "a-b", "a.b", "a/b", "..", "a\n", "\n", "a\0",
     "a\u200b", "é!", "e\u0301", "\u212b", "\u1112\u1161\u11ab", "नमस्ते", "\ud800", *LONG],
    ids=ascii,
)  # fmt: skip
def test_what_looks_like_a_name_may_be_none(name: str) -> None:
    """Digits first, marks, spaces, a line break at the end, other forms of letters, length."""
    with pytest.raises(NameInvalid):
        checked_name("an item", name)
    with pytest.raises(NameInvalid):
        checked_app_name(name.replace("-", " "))


@pytest.mark.parametrize(
    "name",
    ["a", "_", "a1", "class", "None", "straße", "Ünïcode", "数据", "한글", "x" * 100, "数" * 66],
)
def test_what_looks_odd_may_be_a_name(name: str) -> None:
    """Keywords of Python included."""
    assert checked_name("an item", name) == name


def test_applications_may_have_a_dash() -> None:
    """Though not in front, where it would look like an option."""
    assert checked_app_name("slow-files") == "slow-files"
    with pytest.raises(NameInvalid, match="cannot be the name of an application") as invalid:
        checked_app_name("-x")
    assert invalid.value.details == (("the rule", f"{NAME_RULE}, and -"),)
    with pytest.raises(NameInvalid):
        checked_name("a flow", "slow-files")


random_bits = st.integers(0, 2**74 - 1)
moments = st.integers(0, 2**48 - 1)


@given(moments, random_bits)
def test_ids_are_uuids_of_version_7(unix_ms: int, bits: int) -> None:
    """Which hold the time and all of the random bits."""
    text = execution_id(unix_ms, bits)
    found = uuid.UUID(text)

    assert str(found) == text
    assert found.version == 7
    assert found.variant == uuid.RFC_4122
    assert found.int >> 80 == unix_ms
    assert (found.int >> 64 & 0xFFF) << 62 | found.int & ((1 << 62) - 1) == bits


@given(moments, moments, random_bits, random_bits)
def test_ids_sort_by_their_time(one: int, other: int, bits: int, more_bits: int) -> None:
    """As text; and two are the same only where everything is."""
    first, second = execution_id(one, bits), execution_id(other, more_bits)

    if one != other:
        assert (first < second) is (one < other)
    assert (first == second) is ((one, bits) == (other, more_bits))
