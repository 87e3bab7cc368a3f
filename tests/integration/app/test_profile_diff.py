"""Two profiles are compared: their things, by what these are, and their parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from in_process import Ran
from pydantic import BaseModel, SecretStr

from peaceful import App, Flow, Given, Item, ItemCtx, Param, State
from peaceful.commands import CleanCmd, Complete, Contexts, DiffCmd, EnsureCmd, Workspace


class NoteState(State):
    """What a note says."""

    text: str | None

    def __str__(self) -> str:
        """In a few words."""
        return "absent" if self.text is None else f"{len(self.text)} characters"


class Note(Item[NoteState]):
    """A note in a file."""

    identifies: ClassVar[tuple[str, ...]] = ("path",)

    path: Path
    text: str

    def state_current(self, ctx: ItemCtx) -> NoteState:
        """What it says."""
        return NoteState(text=self.path.read_text() if self.path.exists() else None)

    def state_goal(self, ctx: ItemCtx) -> NoteState:
        """What it is to say."""
        return NoteState(text=self.text)

    def apply(self, ctx: ItemCtx, current: NoteState, goal: NoteState) -> NoteState:
        """Write it, or remove it."""
        if goal.text is None:
            self.path.unlink()
        else:
            self.path.write_text(goal.text)
        return goal


class Letter(Note):
    """Another kind of note."""


class Everywhere(BaseModel):
    """Of the workspace."""

    company: str = "Example"


class Environment(BaseModel):
    """Of a profile."""

    domain: str
    port: int = 80
    password: SecretStr = SecretStr("of nobody")
    region: str = "here"


class Server(BaseModel):
    """Where it runs, and how to get in."""

    host: str
    key: SecretStr


def notes_app(folder: Path) -> App:
    """An application whose notes are in a folder."""
    app = App("tool", workspace_params=Everywhere, profile_params=Environment)

    @app.flow("notes")
    def _notes(
        flow: Flow,
        environment: Environment,
        notes: list[str],
        letters: Annotated[list[str], Param(was="mail")] = [],  # noqa: B006  not changed
        token: SecretStr | None = None,
        server: Server | None = None,
        region: str = "there",
    ) -> None:
        """Writes notes."""
        for kind, names in ((Note, notes), (Letter, letters)):
            for name in names:
                path = folder / f"{flow.profile}-{name}"
                flow.add(name, kind(path=path, text=environment.domain))

    @app.flow("others")
    def _others(flow: Flow, notes: list[str]) -> None:
        """Takes nothing of the profile."""

    return app


def tool(folder: Path, variables: Mapping[str, str] | None = None) -> Contexts:
    """The application in a workspace, with these environment variables."""
    return Contexts(notes_app(folder), Workspace(folder, "tool"), variables or {})


def given(**values: object) -> dict[str, Given]:
    """Values, as somebody gives them."""
    return {name: Given(value, "the test") for name, value in values.items()}


def words_of(contexts: Contexts, flow: str = "notes") -> list[str]:
    """Each parameter that differs, in words."""
    found = DiffCmd.profiles(contexts.profiles_flow_ctx(["a", "b"], flow))
    return [str(change) for change in found.params or ()]


async def test_things_are_named_by_what_they_are(tmp_path: Path) -> None:
    """Of one profile alone, of another kind, the same, and not known."""
    contexts = tool(tmp_path)
    one = given(domain="a.example", notes=["same", "alone", "kind", "new"])
    other = given(domain="a.example", notes=["same", "new"], letters=["kind"])
    contexts.init(one, profile="a", flow="notes")
    contexts.init(other, profile="b", flow="notes")
    only = ["same", "alone", "kind"]
    assert isinstance(await EnsureCmd.exec(contexts.cmd_ctx("a", "notes"), only=only), Complete)
    only = ["same", "kind"]
    assert isinstance(await EnsureCmd.exec(contexts.cmd_ctx("b", "notes"), only=only), Complete)

    found = DiffCmd.profiles(contexts.profiles_flow_ctx(["a", "b"], "notes"))
    assert found.diffs["same"] is None
    assert found.unknown == {"new": "not known: what it is in a (not discovered yet)"}
    assert found.diffs["alone"] is not None
    kind = f"{__name__}.Note"
    path = tmp_path / "a-alone"
    assert found.diffs["alone"].to_json() == {
        "kind": {"before": kind, "after": None},
        "identity": {"before": f"{kind}:{path}", "after": None},
        "state": {"before": {"text": "a.example"}, "after": None, "before_shown": "9 characters"},
    }
    assert "- state: 9 characters" in str(found.diffs["alone"])
    assert found.diffs["kind"] is not None
    assert [change.field for change in found.diffs["kind"].changes] == ["kind", "identity"]
    assert f"kind: {kind} → {__name__}.Letter" in str(found.diffs["kind"])
    assert found.headline.startswith("2 items of 4 differ, 1 not known, 2 parameters differ")

    # What has left the flow is still a thing of its profile, until it is cleaned up.
    contexts.init(given(notes=["same", "new"]), profile="a", flow="notes")
    found = DiffCmd.profiles(contexts.profiles_flow_ctx(["a", "b"], "notes"))
    assert found.left == ("alone", "kind")
    assert "- state: 9 characters" in str(found.diffs["alone"])
    ctx = contexts.cmd_ctx("a", "notes")
    assert isinstance(await CleanCmd.exec(ctx, left=True), Complete)
    found = DiffCmd.profiles(contexts.profiles_flow_ctx(["a", "b"], "notes"))
    assert found.left == ()
    assert "alone" not in found.diffs


def test_parameters_that_differ(tmp_path: Path) -> None:
    """With values before and after; a default that holds is called one."""
    contexts = tool(tmp_path)
    contexts.init(given(domain="a", port="8080", notes=["n"], company="x"), profile="a")
    contexts.init(given(domain="b", notes=["n", "m"], region="there"), profile="b")
    assert words_of(contexts) == [
        "domain: a → b",
        "port: 8080 → 80 (default)",
        "profile.region: here (default) → there",
        "notes: 1 entry → 2 entries (+ m)",
    ]
    assert words_of(contexts, "others")[0] == "domain: a → b"
    # The same value is the same, whether somebody gave it or not.
    contexts.init(given(port=80, domain="b"), profile="a")
    assert [change.split(":")[0] for change in words_of(contexts)] == ["profile.region", "notes"]


def test_secrets_that_differ(tmp_path: Path) -> None:
    """Only whether they are the same is said, and only where it is known."""
    variables = {"ONE": "a secret of one", "TWO": "a secret of two"}
    contexts = tool(tmp_path, variables)
    plain = {"domain": "d", "notes": ["n"]}
    for profile in "ab":
        contexts.init(given(**plain), profile=profile)
    flow_file = contexts.flow_params_file("b", "notes")
    profile_file = contexts.workspace.profile_params_file("b")

    def stored(path: Path, text: str) -> None:
        path.write_text(f"{path.read_text()}{text}\n")

    assert words_of(contexts) == []
    stored(flow_file, "token: {from_env: ONE}")
    assert words_of(contexts) == ["token: none (default) → a secret"]
    stored(contexts.flow_params_file("a", "notes"), "token: {from_env: TWO}")
    assert words_of(contexts) == ["token: a secret → another secret"]
    stored(profile_file, "password: {from_env: ONE}")
    assert words_of(contexts)[0] == "password: a secret (default) → another secret"
    # A flow that does not take it has nobody read it.
    assert words_of(contexts, "others") == ["password: not given → not known (from_env: ONE)"]
    variables["TWO"] = variables["ONE"]
    assert words_of(contexts)[1:] == []
    found = DiffCmd.profiles(contexts.profiles_flow_ctx(["a", "b"], "notes"))
    assert "a secret of" not in repr(found)


def test_secrets_that_cannot_be_read(tmp_path: Path) -> None:
    """The rest is compared all the same, and what is not known is not said to be the same."""
    contexts = tool(tmp_path, {"ONE": "a secret of one"})
    for profile in "ab":
        contexts.init(given(domain=profile, notes=[profile]), profile=profile)
    for profile, source in (("a", "ONE"), ("b", "MISSING")):
        file = contexts.flow_params_file(profile, "notes")
        file.write_text(f"{file.read_text()}token: {{from_env: {source}}}\n")
    ctx = contexts.profiles_flow_ctx(["a", "b"], "notes")
    found = DiffCmd.profiles(ctx)
    assert found.unknown == {"a": "not known: the flow cannot be built in b"}
    assert "token: a secret → not known (from_env: MISSING)" in map(str, found.params or ())
    assert "domain: a → b" in map(str, found.params or ())
    assert any(text.startswith("b: Flow notes could not be built") for text in ctx.notices)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words and as a document."""
    app, contexts = notes_app(tmp_path), tool(tmp_path)
    contexts.init(given(domain="a", notes=["n"]), profile="a")
    contexts.init(given(domain="b", notes=["n"]), profile="b")

    def ran(*words: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            app.main([*words, "--workspace", str(tmp_path), "--flow", "notes"])
        captured = capsys.readouterr()
        return Ran(ended.value.code, captured.out, captured.err)

    text = ran("diff", "a", "b").out
    assert "no item differs" not in text
    assert "0 the same, 1 not known, 1 parameter differs" in text
    assert "  parameters:\n    domain: a → b\n" in text
    document = json.loads(ran("diff", "a", "b", "--format", "json").out)
    assert document["params"] == {"domain": {"before": "a", "after": "b"}}
    assert ran("diff", "a", "b", "--format", "yaml").yaml == document
    assert json.loads(ran("diff", "a", "a", "--format", "json").out)["params"] == {}
