"""A flow may use what another flow of the same profile has made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from text_app import Text, TextState

from peaceful import App, Flow, Given, ItemStatus, State, mapped, upgrades
from peaceful.commands import (
    CmdCtx,
    Complete,
    Contexts,
    DiffCmd,
    DiscoverCmd,
    EnsureCmd,
    ItemError,
    Workspace,
)
from peaceful.errors import DefinitionError, NameUnknown, ParamsInvalid, ParamsMissing


class OtherState(State):
    """A state that has nothing of a text."""

    size: int


def application(*, typed: bool = True) -> App:
    """Two flows, of which the second copies what the first has written."""
    app = App("two_flows")

    @app.flow("first")
    def first(flow: Flow, folder: Path, text: str = "hello") -> None:
        flow.add("one", Text(path=folder / flow.profile / "one", content=text))

    @app.flow("second")
    def second(flow: Flow, folder: Path) -> None:
        one = app.flow("first").item("one", *([TextState] if typed else []))
        flow.add("two", Text(path=folder / flow.profile / "two", content=one.state.content))

    return app


def contexts(app: App, folder: Path, *profiles: str) -> Contexts:
    """The application, set up."""
    made = Contexts(app, Workspace(folder, app.name), {})
    for profile in profiles or ("default",):
        (folder / profile).mkdir()
        made.init({"folder": Given(folder, "--folder")}, profile=profile)
    return made


def ctx(made: Contexts, flow: str, profile: str = "default") -> CmdCtx:
    """What commands run on."""
    return made.cmd_ctx(profile, flow)


@pytest.mark.parametrize("typed", [True, False])
async def test_what_was_made_is_used(tmp_path: Path, *, typed: bool) -> None:
    """The value is that of the state which was stored when the other flow ran last."""
    made = contexts(application(typed=typed), tmp_path)
    assert isinstance(await EnsureCmd.exec(ctx(made, "first")), Complete)
    assert isinstance(await EnsureCmd.exec(ctx(made, "second")), Complete)
    assert (tmp_path / "default" / "two").read_text() == "hello"
    specs = (tmp_path / ".peace/two_flows/default/second/params_specs.yaml").read_text()
    assert "from: flow.first.one.state.content" in specs
    made.init({"text": Given("bye", "--text")})
    await EnsureCmd.exec(ctx(made, "first"))
    outcome = await EnsureCmd.exec(ctx(made, "second"))
    assert outcome.items_with(ItemStatus.DONE) == ("two",)
    assert (tmp_path / "default" / "two").read_text() == "bye"


async def test_each_profile_has_its_own(tmp_path: Path) -> None:
    """What another profile has made is not used."""
    made = contexts(application(), tmp_path, "a", "b")
    await EnsureCmd.exec(ctx(made, "first", "a"))
    assert isinstance(await EnsureCmd.exec(ctx(made, "second", "a")), Complete)
    outcome = await EnsureCmd.exec(ctx(made, "second", "b"))
    assert isinstance(outcome, ItemError)
    assert "in profile b" in str(outcome.errors["two"])


async def test_a_flow_that_has_not_run(tmp_path: Path) -> None:
    """It is told what to run first; what can be known without it, is."""
    made = contexts(application(), tmp_path)
    outcome = await EnsureCmd.exec(ctx(made, "second"))
    assert isinstance(outcome, ItemError)
    error = outcome.errors["two"]
    said = str(error)
    assert "one of flow first is not known in profile default: it has not run" in said
    assert "run two_flows ensure --flow first first" in said
    diff = await DiffCmd.exec(ctx(made, "second"))
    assert isinstance(diff, Complete)


async def test_another_class(tmp_path: Path) -> None:
    """What is stored is not taken for a state of another class."""
    app = application()

    @app.flow("third")
    def third(flow: Flow, folder: Path) -> None:
        size = app.flow("first").item("one", OtherState).state
        flow.add("three", Text(path=folder / "three", content="x"))
        assert "size" in repr(size.size)

    made = contexts(app, tmp_path)
    await EnsureCmd.exec(ctx(made, "first"))
    assert isinstance(await DiscoverCmd.exec(ctx(made, "third")), Complete)


def test_unknown_names(tmp_path: Path) -> None:
    """Flows and items that are not there are told by their names."""
    app = application(typed=False)

    @app.flow("wrong_flow")
    def wrong_flow(flow: Flow) -> None:
        _ = app.flow("nowhere").item("one", TextState).state

    @app.flow("wrong_item")
    def wrong_item(flow: Flow) -> None:
        _ = app.flow("first").item("nothing").state

    made = contexts(app, tmp_path)
    with pytest.raises(NameUnknown, match="nowhere"):
        ctx(made, "wrong_flow")
    with pytest.raises(NameUnknown, match="nothing"):
        ctx(made, "wrong_item")


def test_flows_that_refer_to_each_other(tmp_path: Path) -> None:
    """Two flows that need each other's classes are told how to go on."""
    app = App("circle")

    @app.flow("first")
    def first(flow: Flow) -> None:
        _ = app.flow("second").item("two").state

    @app.flow("second")
    def second(flow: Flow) -> None:
        _ = app.flow("first").item("one").state

    made = Contexts(app, Workspace(tmp_path, app.name), {})
    made.init({})
    with pytest.raises(DefinitionError, match="which refers to it") as caught:
        ctx(made, "first")
    assert "give the class of the state" in caught.value.help


def test_outside_a_flow() -> None:
    """Elsewhere than in a flow's function there is no profile whose state it could be."""
    item = application().flow("first").item("one", TextState)
    assert repr(item) == "<item one of flow first>"
    with pytest.raises(DefinitionError, match="outside a flow's function"):
        _ = item.state


def test_parameters_of_the_other_flow(tmp_path: Path) -> None:
    """Where the other flow has to be declared, its parameters are needed."""
    app = application(typed=False)
    made = Contexts(app, Workspace(tmp_path, app.name), {})
    made.init({"folder": Given(tmp_path, "--folder")}, flow="second")
    with pytest.raises(ParamsMissing, match="flow first"):
        ctx(made, "second")


def test_a_wrong_value_for_several_flows(tmp_path: Path) -> None:
    """What is wrong with a value that several flows share is told once."""
    made = Contexts(application(), Workspace(tmp_path, "two_flows"), {})
    with pytest.raises(ParamsInvalid) as caught:
        made.init({"folder": Given(3, "--folder")})
    assert [each.field for each in caught.value.problems] == ["folder"]


class SizeState(State):
    """What was the size of a text, and is more now."""

    state_version: ClassVar[int] = 2

    size: int


@upgrades(SizeState, from_version=1)
def _text_has_a_size(old: dict[str, Any]) -> Mapping[str, Any]:
    return {"size": len(old["content"])}


@pytest.mark.parametrize(("stored", "known"), [("hello", "5"), (None, None)])
async def test_what_an_earlier_version_has_stored(
    tmp_path: Path, stored: str | None, known: str | None
) -> None:
    """It is upgraded where it is used; where that fails, the reason is told."""
    app = application()

    @app.flow("third")
    def third(flow: Flow, folder: Path) -> None:
        size = app.flow("first").item("one", SizeState).state.size
        flow.add("three", Text(path=folder / "three", content=mapped("as_text", str, size)))

    made = contexts(app, tmp_path)
    if stored is not None:
        await EnsureCmd.exec(ctx(made, "first"))
    else:
        await DiscoverCmd.exec(ctx(made, "first"))
    outcome = await EnsureCmd.exec(ctx(made, "third"))
    if known is None:
        assert "_text_has_a_size failed: TypeError" in str(outcome.items["three"].error)
    else:
        assert (tmp_path / "three").read_text() == known
