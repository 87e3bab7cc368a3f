"""Every word of how an item ended is true, and the same wherever it is read."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from example_counts import examples
from hypothesis import example, given, note
from hypothesis import strategies as st
from true_words import DECLARED, WORLDS, Declared, Ran, Thing, World, ran, things_app

from peaceful import App, ItemStatus
from peaceful._commands.run_request import CommandName
from peaceful._model.outcome import WOULD
from peaceful.commands import Contexts, RunRequest

PLACES = "abcdef"
NAMES = ("n0", "n1", "n2", "n3")
LOOKS_ONLY = {"discover", "diff"}
TOUCHED = {ItemStatus.DONE, ItemStatus.FAILED, ItemStatus.STOPPED, ItemStatus.ABANDONED}
REAL = {*TOUCHED, ItemStatus.UNCHANGED, ItemStatus.NOT_STARTED}
SAID = WOULD | {ItemStatus.UNCHANGED, ItemStatus.UNKNOWN, ItemStatus.FAILED, ItemStatus.NOT_STARTED}


@st.composite
def flows(draw: st.DrawFn) -> list[Declared]:
    """Any items, each with a place of its own; some on others, or made of them."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    places = draw(st.permutations(PLACES))
    declared: list[Declared] = []
    for name, place in zip(names, places, strict=False):
        before = draw(st.sampled_from([None, *declared]))
        made_of_it = before is not None and draw(st.booleans())
        stands = before is not None and draw(st.booleans())
        thing = Thing(
            place=place,
            what=draw(st.sampled_from(["thing", "other"])),
            stands_on=before.item.place if before is not None and stands else "",
            rigid=draw(st.sampled_from([False, False, True])),
            stops=draw(st.booleans()),
        )
        declared.append(Declared(name, thing, before.name if before else "", made_of_it))
    return declared


REQUESTS = st.sampled_from(
    [
        ("ensure", {}),
        ("ensure", {}),
        ("ensure", {"prune": True}),
        ("replace", {}),
        ("planned", {}),
        ("planned", {"prune": True}),
        ("clean", {}),
        ("clean", {"left": True}),
        ("clean", {"found": True}),
        ("discover", {}),
        ("diff", {}),
    ]
)
SOME_PLACES = st.frozensets(st.sampled_from(PLACES), max_size=2)
STEPS = st.lists(
    st.tuples(
        flows(),
        REQUESTS,
        st.dictionaries(st.sampled_from(PLACES), st.sampled_from(["", "thing", "foreign"])),
        st.tuples(SOME_PLACES, SOME_PLACES),
        st.tuples(st.integers(0, 6), st.booleans()),
    ),
    min_size=1,
    max_size=4,
)


QUIET: tuple[tuple[frozenset[str], frozenset[str]], tuple[int, bool]] = (
    (frozenset(), frozenset()),
    (0, False),
)
"""Nothing goes wrong."""
ONE = [Declared("n0", Thing(place="a"))]
OTHERS = [Declared("n1", Thing(place="b"))]
MADE_OF_IT = [*ONE, Declared("n1", Thing(place="b"), "n0", made_of_it=True)]


@examples(6, soak=3_000)
@given(STEPS)
@example([(ONE, ("clean", {"left": True}), {}, *QUIET)])
@example([(ONE, ("clean", {}), {"a": "foreign"}, *QUIET)])
@example(
    [
        (ONE, ("ensure", {}), {}, *QUIET),
        (OTHERS, ("clean", {"left": True}), {}, (frozenset("b"), frozenset()), (0, False)),
    ]
)
@example([(MADE_OF_IT, ("discover", {}), {}, *QUIET)])
@example([(ONE, ("ensure", {}), {}, *QUIET), ([], ("clean", {"left": True}), {}, *QUIET)])
def test_every_word_is_true(steps: list[tuple[Any, ...]]) -> None:
    """What a dry run says comes true; what is said to be done was done, and nothing else was."""

    async def live(folder: Path) -> None:
        app = things_app()
        WORLDS[0] = World()
        Contexts.of(app, folder).init({}, profile="p")
        for step in steps:
            await run_step(app, folder, *step)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(Path(folder)))


async def run_step(
    app: App,
    folder: Path,
    declared: list[Declared],
    asked: tuple[str, dict[str, bool]],
    drift: dict[str, str],
    trouble: tuple[frozenset[str], frozenset[str]],
    interrupt: tuple[int, bool],
) -> None:
    """Something changes outside; then a command is run: dry at first, and for real."""
    world = WORLDS[0]
    DECLARED[0] = declared
    for place, what in drift.items():
        if what:
            world.things[place] = what
        else:
            world.things.pop(place, None)
    world.no_look, world.no_change = trouble
    command, options = asked
    word: CommandName = "ensure"
    if command in {"clean", "discover", "diff"}:
        word = cast("CommandName", command)
    first = tuple(each.name for each in declared[:1]) if command == "replace" else ()
    real = RunRequest(
        command=word,
        profile="p",
        flow="all",
        replace=first,
        prune=options.get("prune", False),
        left=options.get("left", False),
        found=options.get("found", False),
    )
    said: Ran | None = None
    if command == "planned":
        said = await ran(app, folder, replace(real, command="plan"))
    elif word not in LOOKS_ONLY:
        said = await ran(app, folder, replace(real, dry_run=True))
    if said is not None:
        check_only_said(said)
        if said.plan is not None:
            real = RunRequest(command="ensure", profile="p", flow="all", plan=said.plan)
    at, kills = interrupt
    done = await ran(app, folder, real, at=at, kills=kills)
    check_done(done)
    if said is not None:
        check_came_true(said, done)


def check_faces(one: Ran) -> None:
    """Each face has the word of the document for each item, and the same numbers."""
    for name, face in one.faces.items():
        note(f"{name}: {face}")
        words, told = face.words, one.statuses
        if one.request.left and name in {"text", "page"}:
            # They leave out what the command is not about.
            words, told = _begun(words), _begun(told)
        named = {item: status for item, status in told.items() if status not in face.silent}
        if name == "text" and one.request.command == "diff":
            continue
        assert words == named, (name, words, named)
        if face.counts is not None and not one.request.left:
            assert face.counts == Counter(told.values()), (name, face.counts, told)


def _begun(words: Mapping[str, ItemStatus]) -> dict[str, ItemStatus]:
    return {item: each for item, each in words.items() if each is not ItemStatus.NOT_STARTED}


def check_only_said(one: Ran) -> None:
    """A dry run touches nothing, and does not say that it did."""
    check_faces(one)
    assert not one.begun
    assert one.ending.document.dry_run
    assert {*one.statuses.values()} <= SAID
    for item, each in one.ending.document.items.items():
        if each.status in {ItemStatus.UNCHANGED, ItemStatus.UNKNOWN, ItemStatus.NOT_STARTED}:
            assert not each.changes, item


def check_done(one: Ran) -> None:
    """What was touched is told, and what was not is not."""
    check_faces(one)
    assert not one.ending.document.dry_run
    if one.request.command in LOOKS_ONLY:
        assert not one.begun
        assert {*one.statuses.values()} <= {*REAL, ItemStatus.UNKNOWN}
        for item, each in one.ending.document.items.items():
            if each.status is ItemStatus.UNCHANGED:
                assert each.state is not None, f"it is known what {item} is"
        return
    assert {*one.statuses.values()} <= REAL
    assert {*one.begun} <= {item for item, status in one.statuses.items() if status in TOUCHED}, (
        "each that was touched says so"
    )
    for item, status in one.statuses.items():
        if status is ItemStatus.DONE:
            [(before, after)] = one.changes[item]
            assert before != after, item
            changes = one.ending.document.items[item].changes
            assert isinstance(changes, tuple)
            assert [(each.before, each.after) for each in changes] == [(before, after)]
        if status is ItemStatus.STOPPED:
            assert item in one.begun
        assert (status is ItemStatus.FAILED) == (item in one.ending.document.errors), item


MAKES = {
    ItemStatus.WOULD_CREATE: lambda before, after: before is None and after is not None,
    ItemStatus.WOULD_CHANGE: lambda before, after: before is not None and after is not None,
    ItemStatus.WOULD_REPLACE: lambda before, after: before is None and after is not None,
    ItemStatus.WOULD_REMOVE: lambda before, after: before is not None and after is None,
}
"""What was done to a thing is what was said would be: by what was there before, and afterwards."""


def check_came_true(said: Ran, done: Ran) -> None:
    """What was said of an item came true, unless something went wrong with it or before it."""
    if "" in done.ending.document.errors:
        assert not done.begun
        return
    assert said.statuses.keys() == done.statuses.keys()
    for item, planned in said.statuses.items():
        status = done.statuses[item]
        if status in {ItemStatus.DONE, ItemStatus.UNCHANGED}:
            note(f"{item}: {planned}, {status}, {done.changes.get(item)}")
            if planned in WOULD:
                assert status is ItemStatus.DONE, item
                [change] = done.changes[item]
                assert MAKES[planned](*change), item
            elif planned is not ItemStatus.UNKNOWN:
                assert status is planned is ItemStatus.UNCHANGED, item
