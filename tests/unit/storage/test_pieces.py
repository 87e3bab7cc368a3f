"""Cutting a file into entries, so that what does not change keeps its text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._storage.yaml import YamlProblem, parse
from peaceful._storage.yaml_file import cut, merged_order, renewed

keys = st.sampled_from("abcdefgh")
comments = st.sampled_from(["", "\n", "# above\n", "\n# above\n\n# more\n"])
bodies = st.sampled_from(
    [
        " 1\n",
        " 1  # beside\n",
        "\n  x: 1\n  # within\n  y: 2\n",
        " |\n  many\n\n  # no comment\n  lines\n",
        " |+\n  kept\n\n\n",
        " 'folded\n\n  text'\n",
        ' "text at the\nbeginning of a line\n# no comment"\n',
        " {x: 1,\n  y: [2]}\n",
        "\n- 1\n-\n  - 2\n",
        "\n",
        " []\n",
    ]
)
files = st.builds(
    lambda head, entries, tail: (
        head + "".join(f"{above}{key}:{body}" for key, (above, body) in entries.items()) + tail
    ),
    comments,
    st.dictionaries(keys, st.tuples(comments, bodies), max_size=6),
    comments,
)


@given(files, st.sets(keys), st.sets(keys))
def test_other_entries_are_not_touched(text: str, gone: set[str], new: set[str]) -> None:
    """Whatever entries are removed or written anew, the others say what they said."""
    entries = parse(text)
    before = {entry.key: entry.value for entry in entries}
    pieces = cut(text, entries)
    assert pieces is not None
    assert pieces.joined() == text

    texts = dict(pieces.texts)
    for key in gone & texts.keys():
        del texts[key]
    for key in sorted(new - gone):
        texts[key] = renewed(texts.get(key), f"{key}: new\n")
    after = {
        entry.key: entry.value
        for entry in parse(pieces.head + "".join(texts.values()) + pieces.tail)
    }

    expected = {key: value for key, value in before.items() if key not in gone}
    assert after == expected | dict.fromkeys(new - gone, "new")


def test_comments_belong_to_what_follows() -> None:
    """A comment above an entry goes and stays with it; one after the last entry is the end."""
    text = "# head\n\na: 1\n\n# about b\nb:  {x: 1}   # odd\n# end\n"
    pieces = cut(text, parse(text))

    assert pieces is not None
    assert pieces.head == "# head\n\n"
    assert pieces.texts == {"a": "a: 1\n\n", "b": "# about b\nb:  {x: 1}   # odd\n"}
    assert pieces.tail == "# end\n"
    assert renewed(pieces.texts["b"], "b: 2\n") == "# about b\nb: 2\n"


def test_a_missing_line_end_is_added() -> None:
    """What is appended to a file without a line end at its end begins on a line of its own."""
    pieces = cut("a: 1", parse("a: 1"))

    assert pieces is not None
    assert pieces.joined() == "a: 1\n"


@pytest.mark.parametrize(
    "text",
    ["{a: 1, b: 2}\n", "  a: 1\n  b: 2\n", "---\na: 1\n", "a: 1\n...\n", "%YAML 1.1\n---\na: 1\n"],
)
def test_what_cannot_be_cut(text: str) -> None:
    """A file in which entries do not have lines of their own has no pieces."""
    assert cut(text, parse(text)) is None


def test_names_on_lines_of_their_own() -> None:
    """A name with a question mark before it can be cut off all the same."""
    text = "? a\n: 1\n? b\n: 2\n"
    pieces = cut(text, parse(text))

    assert pieces is not None
    assert pieces.texts == {"a": "? a\n: 1\n", "b": "? b\n: 2\n"}


@given(st.lists(keys, unique=True), st.lists(keys))
def test_order_is_stable(present: list[str], wanted: list[str]) -> None:
    """What is there keeps its order, all that is wanted is there once, and nothing else is."""
    merged = merged_order(present, wanted)

    assert [key for key in merged if key in set(present)] == present
    assert sorted(merged) == sorted({*present, *wanted})


@given(st.lists(keys, unique=True), st.sets(keys))
def test_order_of_the_flow(flow: list[str], present: set[str]) -> None:
    """Where what is there has the flow's order, so has all of it when the rest has come."""
    merged = merged_order([key for key in flow if key in present], flow)

    assert merged == flow


def test_new_entries_follow_their_neighbours() -> None:
    """A new entry stands behind the one before it in the flow, or first."""
    assert merged_order(["old", "b", "a"], ["first", "a", "x", "b", "y"]) == [
        *("first", "old", "b", "y", "a", "x")
    ]


@given(st.text(st.sampled_from("ab:{}[]|#'\" \n-?"), max_size=30))
def test_pieces_are_the_text(text: str) -> None:
    """Pieces of any file that can be read make up that file, but for a line end at its end."""
    try:
        entries = parse(text)
    except YamlProblem:
        return
    pieces = cut(text, entries)

    assert pieces is None or pieces.joined() in (text, f"{text}\n")
