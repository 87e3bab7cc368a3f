"""The diagram of places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from diagram_checks import by_graphviz, check_layout
from hypothesis import given, settings
from hypothesis import strategies as st

from peaceful import Flow, Interaction, Item, ItemCtx, Location, Pull, Push, State, Within
from peaceful._model.location import LocationKind
from peaceful._runtime.flow import BuiltFlow
from peaceful._web.diagrams.plan import Outcome, Plan, Touches, touches_of
from peaceful.commands import States
from peaceful.items import FileDownload, ShCmd, TarExtract

HERE = Location.host("localhost")


def path(name: str, parent: Location = HERE) -> Location:
    """A file on this machine."""
    return Location.path(name, parent)


def shown(plan: Plan) -> dict[str, str | None]:
    """By label, the label of what each is in."""
    labels = {node.id: node.label for node in plan.nodes}
    return {node.label: node.inside and labels[node.inside] for node in plan.nodes}


def arrows(plan: Plan) -> list[tuple[str, str]]:
    """By labels, what leads where."""
    labels = {node.id: node.label for node in plan.nodes}
    return [(labels[link.source], labels[link.target]) for link in plan.arrows]


def test_items_stand_between_the_places_they_join() -> None:
    """And in the one in which both are."""
    cloud = Location.path("bucket", Location.group("cloud"))
    plan = Outcome(
        "flow",
        [
            Touches("fetch", (Pull(path("/x/a.tar"), path("/a.tar", Location.host("there"))),)),
            Touches("unpack", (Pull(path("/x/a"), path("/x/a.tar")),)),
            Touches("send", (Push(path("/x/a"), path("a", cloud)),)),
            Touches("make", (Within(cloud),)),
        ],
    ).plan()
    assert shown(plan) == {
        "localhost": None, "/x": "localhost", "a.tar": "/x", "a": "bucket",
        "there": None, "/a.tar": "there", "cloud": None, "bucket": "cloud",
        "fetch": None, "unpack": "/x", "send": None, "make": "bucket",
    }  # fmt: skip
    assert arrows(plan) == [
        ("/a.tar", "fetch"), ("fetch", "a.tar"),
        ("a.tar", "unpack"), ("unpack", "a"),
        ("a", "send"), ("send", "a"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["/a/b/c"], {"/a/b/c": "localhost"}),
        (["/a/b", "/a/c"], {"/a": "localhost", "b": "/a", "c": "/a"}),
        (["/a/b", "/c/d"], {"/a/b": "localhost", "/c/d": "localhost"}),
        (["/a", "/a/b/c"], {"/a": "localhost", "b/c": "/a"}),
        (["x/y/1", "x/y/2", "x/z"], {"x": "localhost", "y": "x", "1": "y", "2": "y", "z": "x"}),
        (["/", "/a"], {"/": "localhost", "a": "/"}),
        (["policy web", "./a//b"], {"policy web": "localhost", "a/b": "localhost"}),
    ],
)
def test_paths_are_put_into_the_folders_they_share(
    names: Sequence[str], expected: dict[str, str]
) -> None:
    """A folder of one thing is none of its own."""
    touches = [Touches(f"i{at}", (Within(path(name)),)) for at, name in enumerate(names)]
    found = shown(Outcome("flow", touches).plan())
    items = {each.item for each in touches}
    assert {label: holder for label, holder in found.items() if label not in items} == {
        "localhost": None,
        **expected,
    }


def test_an_item_that_declares_no_place_is_shown_apart() -> None:
    """As is one whose places cannot be told, with the reason."""
    plan = Outcome("flow", [Touches("quiet"), Touches("broken", trouble="KeyError")]).plan()
    assert shown(plan) == {
        "declares no place": None,
        "quiet": "declares no place",
        "broken": "declares no place",
    }
    assert plan.notes == ("The places of broken cannot be told: KeyError",)
    assert Outcome("flow", [Touches("quiet")]).without_places == {"quiet": ""}


def test_a_circle_of_places_has_one_arrow_that_points_up() -> None:
    """What comes back is drawn all the same."""
    one, other = Location.host("one"), Location.host("other")
    touches = [Touches("there", (Push(one, other),)), Touches("back", (Push(other, one),))]
    plan = Outcome("flow", touches).plan()
    assert len(plan.arrows) == 4
    layout = by_graphviz(plan)
    check_layout(plan, layout)
    assert sum(line.way[-1][1] < line.way[0][1] for line in layout.lines) == 1


def test_ways_between_what_is_in_each_other_are_drawn() -> None:
    """From a folder into what is in it, and from outside back to what holds all."""
    root, leaf, beside = path("/a"), path("/a/b"), Location.host("beside")
    touches = [
        Touches("down", (Push(root, leaf),)),
        Touches("out", (Push(leaf, beside),)),
        Touches("home", (Push(beside, root),)),
    ]
    plan = Outcome("flow", touches).plan()
    layout = by_graphviz(plan)
    check_layout(plan, layout)
    assert len(layout.lines) == 5


def test_places_that_nobody_named_are_joined_with_what_they_hold() -> None:
    """A place that somebody named is shown, also where it holds one thing only."""
    bucket = Location.path("bucket", Location.group("cloud"))
    touches = [Touches("put", (Push(path("/x/y/z"), Location.path("a/b", bucket)),))]
    assert shown(Outcome("flow", touches).plan()) == {
        "localhost": None, "/x/y/z": "localhost",
        "cloud": None, "bucket": "cloud", "a/b": "bucket",
        "put": None,
    }  # fmt: skip


def test_what_an_item_does_twice_is_shown_twice() -> None:
    """Under IDs of their own; the same is shown once."""
    one, other = path("/one"), path("/other")
    touches = [Touches("copy", (Within(one), Within(other), Within(one)))]
    plan = Outcome("flow", touches).plan()
    assert [node.id for node in plan.nodes if node.item] == ["item-copy", "item-copy-2"]


LOCATIONS = st.recursive(
    st.builds(Location, st.sampled_from(LocationKind), st.text("ab/", max_size=4)),
    lambda inner: st.builds(
        Location, st.sampled_from(LocationKind), st.text("ab/", max_size=6), inner
    ),
    max_leaves=4,
)
INTERACTIONS = (
    st.builds(Push, LOCATIONS, LOCATIONS)
    | st.builds(Pull, LOCATIONS, LOCATIONS)
    | st.builds(Within, LOCATIONS)
)


@given(st.lists(st.lists(INTERACTIONS, max_size=3), max_size=8))
@settings(max_examples=20)
def test_whatever_items_touch_can_be_drawn(lists: list[list[Interaction]]) -> None:
    """Also where places are in each other in odd ways, and lines lead around."""
    touches = [Touches(f"i{at}", tuple(each)) for at, each in enumerate(lists)]
    plan = Outcome("flow", touches).plan()
    check_layout(plan, by_graphviz(plan))
    items = {node.item for node in plan.nodes if node.item}
    assert items == {each.item for each in touches}


class Fickle(Item[State]):
    """Fails where it is asked for an example."""

    def state_current(self, ctx: ItemCtx) -> State:
        """Nothing."""
        return State()

    def state_goal(self, ctx: ItemCtx) -> State:
        """Nothing."""
        return State()

    def apply(self, ctx: ItemCtx, current: State, goal: State) -> State:
        """Does nothing."""
        return goal

    def interactions(self) -> Sequence[Interaction]:
        """Fails, with a secret in its message, and not by an `Exception`."""
        raise SystemExit("swordfish")


@pytest.fixture
def built() -> BuiltFlow:
    """A flow with references, of which nothing is known yet."""
    flow = Flow("deploy")
    archive = flow.add(
        "download", FileDownload(src="https://example.org/app.tar", dest=Path("/x/app.tar"))
    )
    flow.add("extract", TarExtract(tar_path=archive.state.path, dest=Path("/x/app")))
    flow.add("run", ShCmd(check="true", apply="true", cwd=Path("/x/app")))
    flow.add("fickle", Fickle())
    return flow.build()


def test_before_anything_exists_places_are_examples(built: BuiltFlow) -> None:
    """Made from examples of the states that are referred to."""
    touches = tuple(touches_of(built, States()))
    assert [each.is_there for each in touches] == [False] * 4
    plan = Outcome("deploy", touches).plan()
    assert shown(plan)["app.tar"] == "/x"
    by_example = {node.label for node in plan.nodes if node.by_example}
    assert by_example == {"app.tar", "app"}
    assert plan.notes == ("The places of fickle cannot be told: SystemExit",)


def test_places_become_real_with_what_is_stored(built: BuiltFlow) -> None:
    """As soon as an item's thing is as it should be."""
    item = built.items["download"].item
    state = item.state_example()
    absent = state.model_copy(update={"present": False})
    known = States({"download": state}, {"download": state})
    assert [each.is_there for each in touches_of(built, known)] == [True, False, False, False]
    known = States({"download": absent}, {"download": state})
    assert not next(touches_of(built, known)).is_there
    known = States({"download": state}, {"download": state})
    plan = Outcome("deploy", touches_of(built, known)).plan()
    assert {node.label for node in plan.nodes if node.by_example} == {"app"}
