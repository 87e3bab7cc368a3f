"""What differs between two states is told field by field."""

# ruff: noqa: RUF012 - values of whatever type; pydantic copies defaults

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from peaceful import Change, State, StateDiff
from peaceful._item.diff import field_wise_diff


class Server(BaseModel):
    """A model in a state."""

    host: str
    port: int = 80
    login: SecretStr | None = None


class Wide(State):
    """A state with fields of many types."""

    path: Path | None = None
    size: float | None = None
    text: str | None = None
    anything: Any = None
    names: list[str] = []
    unique: set[str] = set()
    servers: list[Server] = []
    server: Server | None = None
    tags: dict[str, str | None] = {}
    token: SecretStr | None = None


def _shown(before: Wide, after: Wide) -> str:
    return str(field_wise_diff(before, after))


plain = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(["a", "b c"]), inside)
    ),
    max_leaves=6,
)


@given(plain, plain)
def test_there_is_a_diff_exactly_where_something_differs(before: Any, after: Any) -> None:
    """Whatever the values; and what differs is named once."""
    diff = field_wise_diff(Wide(anything=before), Wide(anything=after))

    assert (diff is None) is (before == after)
    if diff is not None:
        places = [change.field for change in diff.changes]
        assert len(places) == len(set(places))
        assert all(place.startswith("anything") for place in places)
        assert "\n" not in str(diff)
        assert isinstance(diff.to_json(), dict)


def test_equal_states_do_not_differ() -> None:
    """Neither the same one, nor an equal one, nor one that would be written alike."""
    state = Wide(size=1)

    assert field_wise_diff(state, state) is None
    assert field_wise_diff(state, Wide(size=1)) is None
    assert field_wise_diff(Wide(anything=1), Wide(anything=1.0)) is None
    assert field_wise_diff(Wide(anything="/x"), Wide(anything=Path("/x"))) is None


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ({"text": "a"}, {"text": "b"}, "text: a → b"),
        ({}, {"text": "a"}, "+ text: a"),
        ({"text": "a"}, {}, "- text: a"),
        ({"text": "a"}, {"text": ""}, "text: a → ''"),
        ({"text": "a\nb"}, {"text": "x" * 100}, f"text: 'a\\nb' → {'x' * 57}..."),
        ({"path": Path("/a")}, {"path": Path("/b")}, "path: /a → /b"),
        ({"size": 1}, {"size": 2, "text": "t"}, "size: 1.0 → 2.0, + text: t"),
        (
            {"server": Server(host="h")},
            {"server": Server(host="h", port=81)},
            "server.port: 80 → 81",
        ),
        ({"tags": {"a": "1"}}, {"tags": {"b": "2"}}, "- tags.a: 1, + tags.b: 2"),
        ({"tags": {}}, {"tags": {"a-b": "2"}}, "+ tags['a-b']: 2"),
        ({"tags": {"a": None}}, {"tags": {}}, "tags.a: none → absent"),
        ({"tags": {}}, {"tags": {"a": None}}, "tags.a: absent → none"),
        ({"names": ["a", "b"]}, {"names": ["a", "c"]}, "names[1]: b → c"),
        (
            {"servers": [Server(host="a"), Server(host="b")]},
            {"servers": [Server(host="a"), Server(host="b", port=81)]},
            "servers[1].port: 80 → 81",
        ),
        (
            {"names": ["a", "b", "b"]},
            {"names": ["b", "c"]},
            "names: 3 entries → 2 entries (- a, - b, + c)",
        ),
        ({"names": ["a"]}, {"names": []}, "names: 1 entry → 0 entries (- a)"),
        (
            {"unique": {"b", "a"}},
            {"unique": {"c", "a"}},
            "unique: 2 entries → 2 entries (- b, + c)",
        ),
        (
            {"names": []},
            {"names": [str(number) for number in range(12)]},
            "names: 0 entries → 12 entries (+ 0, + 1, + 2, + 3, + 4, + 5, + 6, + 7, 4 more)",
        ),
        ({"token": SecretStr("x")}, {"token": SecretStr("y")}, "token: a secret → another secret"),
        (
            {"server": Server(host="h", login=SecretStr("x"))},
            {"server": Server(host="h", login=SecretStr("y"))},
            "server: a secret → another secret",
        ),
    ],
)
def test_changes_are_shown_in_one_line(
    before: dict[str, Any], after: dict[str, Any], shown: str
) -> None:
    """A person sees what is there, and what should be; long values are cut, secrets not shown."""
    assert _shown(Wide(**before), Wide(**after)) == shown


def test_many_changes_are_counted() -> None:
    """The first ones are named."""
    before = Wide(names=[str(number) for number in range(20)])
    after = Wide(names=[f"{number}x" for number in range(20)])

    shown = _shown(before, after)

    assert shown.startswith("names[0]: 0 → 0x, names[1]")
    assert shown.endswith("names[7]: 7 → 7x and 12 more")


def test_a_diff_is_data_too() -> None:
    """By field, what is there and what should be."""
    diff = field_wise_diff(Wide(size=1, names=["a"]), Wide(names=["a", "b"]))

    assert diff is not None
    assert diff.to_json() == {
        "size": {"before": 1.0, "after": None},
        "names": {
            "before": ["a"],
            "after": ["a", "b"],
            "before_shown": "1 entry",
            "after_shown": "2 entries (+ b)",
        },
    }


def test_items_may_tell_changes_in_their_own_words() -> None:
    """Also of what is none."""
    diff = StateDiff(
        (
            Change("etag", "a", "b", "old", "new"),
            Change("size", None, None, "unknown", "5 kB"),
            Change("there", None, True, after_shown="yes"),
        )
    )

    assert str(diff) == "etag: old → new, size: unknown → 5 kB, + there: yes"
