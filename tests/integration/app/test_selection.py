"""Which profile and flow is worked on, and which parameters they have; on real files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator, model_validator
from sigint import by_the_program, sigint_by

from peaceful import App, Flow, Given
from peaceful._app.profiles import DEFAULT_PROFILE
from peaceful._storage.yaml_file import read_yaml
from peaceful.commands import Complete, Contexts, DiffCmd, EnsureCmd, Workspace
from peaceful.errors import (
    DefinitionError,
    NameInvalid,
    NameUnknown,
    ParamsInvalid,
    ParamsMissing,
    UsageError,
    WorkspaceMissing,
)
from peaceful.items.blank import Blank


class Shared(BaseModel):
    """What all profiles share."""

    company: str
    size: Annotated[int, Field(ge=1)] = 1


class OfProfile(BaseModel):
    """What all flows of a profile share."""

    domain: str = "here"

    @field_validator("domain")
    @classmethod
    def _no_spaces(cls, domain: str) -> str:
        if " " in domain:
            raise ValueError("a domain has no spaces")
        return domain

    @model_validator(mode="after")
    def _not_nowhere(self) -> OfProfile:
        if self.domain == "nowhere":
            raise ValueError("nowhere is no domain")
        return self


app = App("tool", workspace_params=Shared, profile_params=OfProfile)
seen: list[object] = []


@app.flow("first")
def first(
    flow: Flow, everywhere: Shared, ours: OfProfile, url: str, into: Path = Path("x")
) -> None:
    """Sees everything."""
    seen[:] = [everywhere, ours, url, into]


@app.flow("second")
def second(flow: Flow, count: Annotated[int, Field(ge=1)] = 1, url: str = "here") -> None:
    """Has as many items as asked for."""
    for number in range(count):
        flow.add(f"item_{number}", Blank(path=Path(url) / str(number), lines=("x",)))


single = App("single")


@single.flow("only")
def only(flow: Flow) -> None:
    """Has no parameters."""


def _given(**values: object) -> dict[str, Given]:
    return {name: Given(value, f"--{name}") for name, value in values.items()}


@pytest.fixture
def tool(tmp_path: Path) -> Contexts:
    """The application in an empty folder."""
    return Contexts(app, Workspace(tmp_path, app.name), {})


# ---- profile and flow


def test_before_init(tool: Contexts) -> None:
    """Nothing is set up: the error says how to."""
    with pytest.raises(WorkspaceMissing, match="Nothing is set up for tool") as caught:
        tool.cmd_ctx()
    assert "`init`" in caught.value.help


def test_the_profile_to_work_on(tool: Contexts) -> None:
    """The named one, else the one in use, which is the last that was switched to."""
    tool.init(_given(company="us", url="u"))
    assert tool.profile() == DEFAULT_PROFILE
    tool.switch("dev", create=True)
    assert tool.profile() == "dev"
    assert tool.profile("default") == "default"
    tool.switch("default")
    assert tool.profile() == "default"


def test_profiles_that_are_not_there(tool: Contexts) -> None:
    """A name that breaks the rule, one that nobody created, and one that is created twice."""
    tool.init(_given(company="us", url="u"))
    with pytest.raises(NameInvalid):
        tool.switch("a b", create=True)
    with pytest.raises(NameUnknown) as unknown:
        tool.switch("dev")
    assert "tool switch dev --create" in unknown.value.help
    with pytest.raises(UsageError, match="exists already") as caught:
        tool.switch("default", create=True)
    assert "tool switch default" in caught.value.help
    assert tool.profile() == "default"


def test_the_flow_to_work_on(tool: Contexts, tmp_path: Path) -> None:
    """The named one, else the only one, else the one that was chosen at `init`."""
    assert Contexts(single, Workspace(tmp_path, single.name)).flow_id() == "only"
    assert tool.flow_id("second") == "second"
    with pytest.raises(NameUnknown, match="third"):
        tool.flow_id("third")
    with pytest.raises(UsageError, match="several flows") as caught:
        tool.flow_id()
    assert dict(caught.value.details)["each flow there is"] == "first, second"
    assert caught.value.help == "say --flow FLOW"
    tool.init(_given(company="us"), flow="second")
    assert tool.flow_id() == "second"
    with pytest.raises(DefinitionError, match="empty has no flow"):
        Contexts(App("empty"), Workspace(tmp_path, "empty")).flow_id()


def test_the_workspace_to_work_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The given folder; else the nearest parent with `.peace`, else the present folder."""
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert single.contexts().workspace.root == inside
    (tmp_path / ".peace").mkdir()
    assert single.contexts().workspace.root == tmp_path
    assert single.contexts(inside).workspace.root == inside
    assert single.executions.list().records == ()


# ---- parameters


def test_each_parameter_goes_to_who_declares_it(tool: Contexts, tmp_path: Path) -> None:
    """Workspace, profile and flows have their own files; a flow's function gets all of it."""
    saved = tool.init(_given(company="us", domain="d", url="u", count=2))
    paths = [each.path.relative_to(tool.workspace.folder).as_posix() for each in saved]
    assert paths == [
        "workspace_params.yaml",
        "default/profile_params.yaml",
        "default/first/flow_params.yaml",
        "default/second/flow_params.yaml",
    ]
    assert [read_yaml(each.path) for each in saved] == [
        {"profile": "default", "company": "us"},
        {"domain": "d"},
        {"url": "u"},
        {"count": 2, "url": "u"},
    ]
    defaults = [{"size": 1}, {}, {"into": str(tmp_path / "x")}, {}]
    assert [each.defaults for each in saved] == defaults
    tool.build("default", "first")
    assert seen == [Shared(company="us"), OfProfile(domain="d"), "u", tmp_path / "x"]
    assert list(tool.build("default", "second").items) == ["item_0", "item_1"]


@examples(10)
@given(st.lists(st.dictionaries(st.sampled_from(["url", "count"]), st.integers(1, 9)), max_size=4))
def test_what_is_not_given_keeps_its_value(rounds: list[dict[str, int]]) -> None:
    """However often `init` runs, each parameter has the value that was given last."""
    with tempfile.TemporaryDirectory() as folder:
        contexts = Contexts(app, Workspace(Path(folder), app.name), {})
        expected: dict[str, object] = {"count": 1, "url": "here"}
        for values in rounds:
            given_now = {name: str(value) for name, value in values.items()}
            contexts.init(_given(company="us", **given_now), flow="second")
            expected |= given_now
        contexts.init(_given(company="us"), flow="second")
        params = contexts.params("default", "second").model_dump()
        assert {name: str(value) for name, value in params.items()} == {
            name: str(value) for name, value in expected.items()
        }


def test_unknown_entries_of_a_file_are_kept(tool: Contexts) -> None:
    """What the application does not know is left alone, and harms nobody."""
    [file, *_] = tool.init(_given(company="us", url="u"))
    with file.path.open("a") as opened:
        opened.write("colour: red\n")
    [file, *_] = tool.init(_given(company="they"))
    assert file.values["colour"] == "red"
    assert file.values["company"] == "they"
    tool.build("default", "first")


def test_all_that_is_wrong_is_told_at_once(tool: Contexts) -> None:
    """Of all files, each problem with its parameter and how that was given; nothing is stored."""
    with pytest.raises(ParamsInvalid) as caught:
        tool.init(_given(size=0, domain="d d", count="many"))
    told = {problem.field: problem for problem in caught.value.problems}
    assert list(told) == ["company", "size", "domain", "count", "url"]
    assert told["size"].origin == "--size"
    assert told["size"].reason == "it must be at least 1, not 0"
    assert "a domain has no spaces, not 'd d'" in told["domain"].reason
    assert told["url"].reason == "it has no value"
    assert "flow first" in caught.value.owner
    assert not tool.workspace.folder.exists()


def test_all_that_is_missing_is_told_at_once(tool: Contexts) -> None:
    """Each name once, with one line that gives them all."""
    with pytest.raises(ParamsMissing) as caught:
        tool.init({})
    assert caught.value.names == ("company", "url")
    assert caught.value.help == "give them: tool init --company TEXT --url TEXT"
    with pytest.raises(NameUnknown, match="colour"):
        tool.init(_given(colour="red"))


def test_what_concerns_several_parameters(tool: Contexts) -> None:
    """A problem of the whole is told as one of the file, not of a parameter."""
    with pytest.raises(ParamsInvalid) as caught:
        tool.init(_given(company="us", url="u", domain="nowhere"))
    [problem] = caught.value.problems
    assert problem.field == "its parameters"
    assert "nowhere is no domain" in problem.reason


class Server(BaseModel):
    """A parameter with parts."""

    host: str
    port: int


nested = App("nested")


@nested.flow("only")
def _with_server(flow: Flow, server: Server) -> None:
    """Has a parameter with parts."""


def test_a_part_that_is_missing(tmp_path: Path) -> None:
    """Not the parameter is missing, but a part of it: the error names that part."""
    contexts = Contexts(nested, Workspace(tmp_path, nested.name), {})
    with pytest.raises(ParamsInvalid) as caught:
        contexts.init(_given(server={"host": "h"}))
    [problem] = caught.value.problems
    assert (problem.field, problem.origin) == ("server.port", "--server")
    with pytest.raises(ParamsMissing):
        contexts.init({})


def test_a_stored_value_that_became_wrong(tool: Contexts) -> None:
    """The error names the file; `init` mends it."""
    [*_, file] = tool.init(_given(company="us", url="u"))
    file.path.write_text("count: none\n")
    with pytest.raises(ParamsInvalid) as caught:
        tool.build("default", "second")
    assert caught.value.problems[0].origin == str(file.path)
    tool.init(_given(count=3))
    assert len(tool.build("default", "second").items) == 3


def test_a_missing_value_of_the_workspace(tool: Contexts) -> None:
    """A command that needs it says how it is given, whoever else declares what."""
    tool.init(_given(company="us", url="u"))
    tool.workspace.workspace_params_file.write_text("profile: default\n")
    with pytest.raises(ParamsMissing) as caught:
        tool.build("default", "first")
    assert caught.value.help == "give them: tool init --company TEXT"


# ---- building flows


@pytest.mark.parametrize(
    "error",
    [IndexError("odd"), SystemExit(3), KeyboardInterrupt(), BaseExceptionGroup("", [SystemExit()])],
)
def test_a_flow_whose_function_fails(tmp_path: Path, error: BaseException) -> None:
    """The error says what it raised, whatever it is, and the line."""
    failing = App("failing")

    @failing.flow("only")
    def only(flow: Flow) -> None:
        raise error

    with (
        sigint_by(by_the_program),
        pytest.raises(DefinitionError, match=f"flow only failed: {type(error).__name__}") as caught,
    ):
        Contexts(failing, Workspace(tmp_path, "failing")).build("default", "only")
    assert dict(caught.value.details)["at"].startswith(f"{__file__}:")
    assert caught.value.__cause__ is error


def test_an_item_that_cannot_take_a_value(tmp_path: Path) -> None:
    """The error names the parameter, the line of the flow, and the value."""
    failing = App("failing")

    @failing.flow("only")
    def only(flow: Flow) -> None:
        flow.add("one", Blank(path=Path("x"), lines=7))  # type: ignore[arg-type]  # the mistake

    with pytest.raises(ParamsInvalid, match="Blank in flow only") as caught:
        Contexts(failing, Workspace(tmp_path, "failing")).build("default", "only")
    [problem] = caught.value.problems
    assert problem.field == "lines"
    assert problem.origin.startswith(f"{__file__}:")
    assert problem.reason.endswith("not 7")


async def test_one_flow_of_several_profiles(tool: Contexts, tmp_path: Path) -> None:
    """Each is built with its own parameters; what only one of them has is told."""
    tool.init(_given(company="us", count=1, url=str(tmp_path)), flow="second")
    assert isinstance(await EnsureCmd.exec(tool.cmd_ctx()), Complete)
    tool.init(_given(count=2, url=str(tmp_path)), profile="other", flow="second")
    assert isinstance(await EnsureCmd.exec(tool.cmd_ctx("other")), Complete)
    ctx = tool.profiles_flow_ctx(["default", "other"])
    assert [len(ctx.flows[profile].items) for profile in ctx.profiles] == [1, 2]
    assert DiffCmd.profiles(ctx).diffs.keys() == {"item_0", "item_1"}
    back = DiffCmd.profiles(tool.profiles_flow_ctx(["other", "default"]))
    assert back.diffs["item_1"] is not None
    assert not back.unknown
    with pytest.raises(UsageError, match="1 profiles cannot be compared"):
        DiffCmd.profiles(tool.profiles_flow_ctx(["other"]))
    assert set(tool.profiles_flow_ctx().stores) == {"default", "other"}


def test_a_name_in_the_file_that_can_be_none(tmp_path: Path) -> None:
    """A profile in use whose name breaks the rule is told with its file; another can be chosen."""
    contexts = Contexts(app, Workspace(tmp_path, app.name), {})
    file = contexts.workspace.workspace_params_file
    file.parent.mkdir(parents=True)
    file.write_text("profile: a b\n")
    with pytest.raises(NameInvalid) as caught:
        contexts.profile()
    assert ("set in", str(file)) in caught.value.details
    assert "switch PROFILE" in caught.value.help
    contexts.switch("other", create=True)
    assert contexts.profile() == "other"
