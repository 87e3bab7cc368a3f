"""Names under which is kept what items have left behind."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._commands.ownership import is_name_for, names_for
from peaceful._model.names import checked_name

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)


@given(NAMES, st.integers(1, 20))
def test_a_name_is_known_by_its_item(item: str, many: int) -> None:
    """Each is different, follows the rule for names, and is known as one of that item."""
    names = list(islice(names_for(item), many))
    assert len(set(names)) == many
    for name in names:
        assert checked_name("an item", name) == name
        assert is_name_for(name, item)
        assert not is_name_for(item, name)


@pytest.mark.parametrize(
    "name", ["one", "one_more", "one__beforehand", "one__before_x", "on__before"]
)
def test_other_names(name: str) -> None:
    """A name that only begins alike is another item's."""
    assert not is_name_for(name, "one")
