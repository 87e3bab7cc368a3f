"""Corrections of what is stored: of what they are about, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from peaceful import Flow
from peaceful._commands.ownership import Ownership
from peaceful._commands.states import Edit, adopting, forgetting, moving
from peaceful._storage.stored_state import Origin, StateKind, StoredState

NAMES = "abcdef"
FLOW = Flow("f", "p").build()
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

Entries = dict[str, StoredState]


@st.composite
def owned(draw: st.DrawFn) -> Ownership:
    """What is stored of some items, some of which stand on others."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    entries = {
        name: StoredState(
            kind="k",
            version=1,
            state=name,
            params={},
            at=NOW,
            origin=draw(st.sampled_from(Origin)),
            needs=tuple(draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=2))),
        )
        for name in names
    }
    goals = draw(st.lists(st.sampled_from(names), unique=True))
    return Ownership(
        {StateKind.CURRENT: entries, StateKind.GOAL: {name: entries[name] for name in goals}}
    )


def after(ownership: Ownership, edit: Edit) -> Ownership:
    """What is stored once it was corrected."""
    return Ownership(
        {
            kind: {
                name: entry
                for name, entry in {**ownership.states[kind], **edit.changes.get(kind, {})}.items()
                if entry is not None
            }
            for kind in StateKind
        }
    )


@given(ownership=owned(), data=st.data())
def test_only_what_is_named_is_forgotten(ownership: Ownership, data: st.DataObject) -> None:
    """Of both kinds of states; all else is as it was."""
    names = data.draw(st.lists(st.sampled_from([*ownership.current]), unique=True))
    edited = after(ownership, forgetting(names, FLOW, ownership))
    for kind in StateKind:
        before = ownership.states[kind]
        assert edited.states[kind] == {n: e for n, e in before.items() if n not in names}


@given(ownership=owned(), data=st.data())
def test_what_is_moved_there_and_back_is_as_it_was(
    ownership: Ownership, data: st.DataObject
) -> None:
    """In between, whatever stood on it stands on the new name, and nothing is lost."""
    name = data.draw(st.sampled_from([*ownership.current]))
    there = after(ownership, moving(name, "new", FLOW, ownership))
    assert len(there.current) == len(ownership.current)
    assert there.current["new"] == ownership.current[name]
    for other, entry in ownership.current.items():
        if other != name:
            needs = tuple("new" if each == name else each for each in entry.needs)
            assert there.current[other] == replace(entry, needs=needs)
    # What is not there now may be replaced, and all else is refused: so it is there.
    assert after(there, moving("new", name, FLOW, there)).states == ownership.states


@given(ownership=owned(), data=st.data())
def test_what_is_adopted_was_found(ownership: Ownership, data: st.DataObject) -> None:
    """Nothing but its origin is another one; what is adopted twice is as adopted once."""
    there = [name for name, entry in ownership.current.items() if entry.is_there]
    names = data.draw(st.lists(st.sampled_from(there), unique=True)) if there else []
    edit = adopting(names, FLOW, ownership)
    edited = after(ownership, edit)
    assert {name for name, said in edit.said.items() if said} == {
        name for name in names if ownership.current[name].origin is Origin.FOUND
    }
    for name, entry in ownership.current.items():
        origin = Origin.MADE if name in names else entry.origin
        assert edited.current[name] == replace(entry, origin=origin)
    assert not any(adopting(names, FLOW, edited).said.values())
