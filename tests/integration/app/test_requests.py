"""What is to be run, asked for by a program; as the terminal and the web ask for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from text_app import Text

from peaceful import App, Flow, ItemStatus
from peaceful.commands import Complete, Contexts, RunRequest, Workspace
from peaceful.errors import NameUnknown, ParamsInvalid


@pytest.fixture
def contexts(tmp_path: Path) -> Contexts:
    """An application, set up."""
    app = App("tool")

    @app.flow("make")
    def make(flow: Flow, text: str = "hello") -> None:
        for name in ("one", "two"):
            flow.add(name, Text(path=tmp_path / name, content=text))

    made = Contexts(app, Workspace(tmp_path, app.name), {})
    made.init({}, profile="dev")
    return made


def _request(command: Any = "ensure", **more: Any) -> RunRequest:
    return RunRequest(**{"command": command, "profile": "dev", "flow": "make", **more})


async def test_each_command_is_run(contexts: Contexts, tmp_path: Path) -> None:
    """By its name, with what it is limited to."""
    for command in ("discover", "diff"):
        request = _request(command)
        assert isinstance(await request.run(contexts.ctx_for(request)), Complete)
    request = _request(only=("one",))
    outcome = await request.run(contexts.ctx_for(request))
    assert outcome.items_with(ItemStatus.DONE) == ("one",)
    assert not (tmp_path / "two").exists()
    request = _request("clean", dry_run=True)
    assert isinstance(await request.run(contexts.ctx_for(request)), Complete)
    assert (tmp_path / "one").exists()
    request = _request("clean")
    await request.run(contexts.ctx_for(request))
    assert not (tmp_path / "one").exists()


async def test_its_parameters_are_stored_before(contexts: Contexts, tmp_path: Path) -> None:
    """They are checked, and hold for later commands too."""
    request = _request(params={"text": "bye"})
    await request.run(contexts.ctx_for(request))
    assert (tmp_path / "one").read_text() == "bye"
    assert contexts.stored("dev", "make") == {"text": "bye"}
    with pytest.raises(ParamsInvalid, match="text"):
        contexts.ctx_for(_request(params={"text": 3}))


@pytest.mark.parametrize("wrong", [{"profile": "x"}, {"flow": "x"}, {"params": {"x": 1}}])
def test_names_that_there_are_not(contexts: Contexts, wrong: dict[str, Any]) -> None:
    """A profile, a flow, a parameter: each is refused before anything is run."""
    with pytest.raises(NameUnknown):
        contexts.ctx_for(_request(**wrong))


async def test_what_a_command_does_not_take(contexts: Contexts) -> None:
    """It is refused, also where it is not known which items there are."""
    request = _request("diff", only=("one",))
    with pytest.raises(ParamsInvalid, match="only"):
        await request.run(contexts.ctx_for(request))
    request = _request(only=("three",))
    with pytest.raises(NameUnknown, match="three"):
        await request.run(contexts.ctx_for(request))


async def test_an_empty_path_is_refused_at_every_door(contexts: Contexts, tmp_path: Path) -> None:
    """It would be the present folder, wherever that is; an empty text is one."""
    app = App("paths")

    @app.flow("make")
    def make(flow: Flow, into: Path = Path("x"), text: str = "hello") -> None:
        flow.add("one", Text(path=tmp_path / into / "one", content=text))

    paths = Contexts(app, Workspace(tmp_path, app.name), {})
    paths.init({}, profile="dev")
    for command in ("ensure", "plan"):
        with pytest.raises(ParamsInvalid, match="a path is not empty"):
            paths.ctx_for(_request(command, params={"into": ""}))
    paths.ctx_for(_request(params={"text": ""}))
    assert paths.stored("dev", "make") == {"text": ""}


async def test_what_only_says_stores_no_parameters(contexts: Contexts, tmp_path: Path) -> None:
    """Neither a plan nor a dry run; what they say is of the parameters that were given."""
    for request in (
        _request("plan", params={"text": "new"}),
        _request(dry_run=True, params={"text": "new"}),
    ):
        outcome = await request.run(contexts.ctx_for(request))
        assert isinstance(outcome, Complete)
        assert "new" in outcome.items["one"].message
        assert contexts.stored("dev", "make") == {}
    assert not (tmp_path / "one").exists()
