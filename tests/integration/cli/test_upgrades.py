"""What is stored outlives the version of the program that stored it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr
from text_app import Text, TextState
from versions import QUIET, Versions, version, write

from peaceful import App, Flow, Given, ItemCtx, Param
from peaceful._storage.lock import FileLock, LockHolder
from peaceful._storage.yaml_file import read_yaml
from peaceful.commands import StateKind
from peaceful.errors import DefinitionError, NameTaken, PeacefulError

# ---- defaults


DEFAULTS = st.fixed_dictionaries({"one": st.integers(), "two": st.text("ab"), "three": st.none()})


def numbers(defaults: Mapping[str, object], seen: list[dict[str, object]]) -> App:
    """A version with these defaults, which notes what its flow is given."""
    first, second, third = (defaults[name] for name in ("one", "two", "three"))

    def numbers(
        flow: Flow,
        one: int = first,  # type: ignore[assignment]  # as drawn
        two: str = second,  # type: ignore[assignment]
        three: str | None = third,  # type: ignore[assignment]
    ) -> None:
        seen.append({"one": one, "two": two, "three": three})

    return version(numbers)


@examples(30)
@given(DEFAULTS, DEFAULTS, st.dictionaries(st.sampled_from(["one", "two"]), st.just("7")))
def test_defaults_are_those_of_the_program_that_runs(
    tmp_path_factory: pytest.TempPathFactory,
    before: Mapping[str, object],
    after: Mapping[str, object],
    given_now: Mapping[str, str],
) -> None:
    """Only what was given is stored: for the rest, each version has its own defaults."""
    folder, seen = tmp_path_factory.mktemp("work"), list[dict[str, object]]()
    values = {name: Given(text, "a test") for name, text in given_now.items()}
    numbers(before, seen).contexts(folder).init(values)
    contexts = numbers(after, seen).contexts(folder)
    contexts.build("default", "numbers")
    as_given = {"one": 7, "two": "7"}
    assert seen[-1] == {**after, **{name: as_given[name] for name in given_now}}
    [*_, shown] = contexts.all_stored("default")
    assert shown.values.keys() == given_now.keys()
    assert shown.effective == seen[-1]


def ports(flow: Flow, port: int = 80, host: str = "here") -> None:
    """The flow of a first version."""
    write(flow, a=f"{host}:{port}")


def test_a_new_default(tool: Versions) -> None:
    """A new default counts; `profile show` says which values are defaults; what was given stays."""

    def later(flow: Flow, port: int = 8080, host: str = "there") -> None:
        write(flow, a=f"{host}:{port}")

    first = version(ports)
    second = App("tool")
    second.flow("ports")(later)
    tool.done(first, "init", "--host", "mine")
    tool.done(first, "ensure", *QUIET)
    assert tool.stored("ports").splitlines()[2:] == ["host: mine"]
    assert "port  80  (default)" in tool.done(first, "profile", "show").out
    assert "here" not in tool.done(second, "profile", "show").out
    tool.done(second, "ensure", *QUIET)
    assert tool.text("a") == "mine:8080"
    shown = tool.done(second, "profile", "show", "--format", "json").json
    assert shown["flow_params"] == {"ports": {"host": "mine", "port": 8080}}
    assert shown["defaults"]["flow_params"] == {"ports": {"port": 8080}}


def test_files_that_hold_defaults(tool: Versions) -> None:
    """What earlier versions of the framework stored, defaults included, is read as it is."""
    app = version(ports)
    tool.done(app, "init")
    path = tool.folder / ".peace/tool/default/ports/flow_params.yaml"
    path.write_text("# (peaceful format 1)\n\nport: 81\nhost: here  # mine\n")
    tool.done(app, "ensure", *QUIET)
    assert tool.text("a") == "here:81"
    tool.done(app, "init", "--port", "82")
    assert tool.stored("ports") == "# (peaceful format 1)\n\nport: 82\nhost: here  # mine\n"


# ---- back to defaults


class Everywhere(BaseModel):
    """Of the workspace."""

    company: str = "none"


class Place(BaseModel):
    """Of a profile."""

    domain: str = "example"


def owned(
    flow: Flow,
    everywhere: Everywhere,
    place: Place,
    needed: str,
    token: SecretStr,
    region: str | None = None,
    tag: list[str] = [],  # noqa: B006 - as people write it
) -> None:
    """Has parameters of every owner."""
    write(flow, a=f"{everywhere.company} {place.domain} {region} {tag}")


OWNED = version(owned, workspace_params=Everywhere, profile_params=Place)


def test_parameters_are_taken_back(tool: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    """`init --unset` takes parameters of every owner back to their defaults, secrets too."""
    monkeypatch.setenv("MINE", "secret")
    words = ("--region", "x", "--tag", "a", "--company", "us", "--domain", "ours")
    tool.done(OWNED, "init", "--needed", "it", "--token", "env:MINE", *words)
    tool.done(OWNED, "ensure", *QUIET)
    assert tool.text("a") == "us ours x ['a']"
    unset = ("region", "--tag", "company", "domain", "token")
    done = tool.done(OWNED, "init", *(word for name in unset for word in ("--unset", name)))
    assert "region  none  (default)" in done.out
    assert "token is a secret, and nothing of it is stored" in done.err
    assert tool.stored("owned").splitlines()[2:] == ["needed: it"]
    monkeypatch.setenv("TOOL_TOKEN", "secret")
    tool.done(OWNED, "ensure", *QUIET)
    assert tool.text("a") == "none example None []"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--unset", "regoin"], "NAME-UNKNOWN", "region"),
        (["--unset", "needed"], "PARAMS-MISSING", "needed"),
        (["--unset", "region", "--region", "y"], "USAGE", "region"),
        (["--unset", "profile"], "NAME-UNKNOWN", "'profile'"),
    ],
)
def test_what_cannot_be_taken_back(tool: Versions, words: list[str], code: str, told: str) -> None:
    """A name that nobody knows, and what a flow needs, are refused by name; nothing is stored."""
    tool.done(OWNED, "init", "--needed", "it", "--region", "x")
    before = tool.stored("owned")
    refused = tool.run(OWNED, "init", *words)
    assert refused.code == 2
    assert f"Error {code}" in refused.err
    assert told in refused.err
    assert tool.stored("owned") == before


# ---- names of parameters


def earlier_names(
    flow: Flow, regoin: str = "", size: int = 1, token: SecretStr | None = None
) -> None:
    """A first version."""
    write(flow, a=f"{regoin} {size}")


def later_names(
    flow: Flow,
    region: Annotated[str, Param(was="regoin")] = "",
    volume: Annotated[int, Param(was=("bulk", "size"))] = 2,
) -> None:
    """A later version."""
    write(flow, a=f"{region} {volume}")


def named(function: object) -> App:
    """A version whose flow is called `names`."""
    app = App("tool")
    app.flow("names")(function)  # type: ignore[type-var]  # it is a flow's function
    return app


def test_a_parameter_with_another_name(tool: Versions) -> None:
    """The value that is stored under an earlier name is taken over, and kept with its comment."""
    tool.done(named(earlier_names), "init", "--regoin", "x", "--size", "5")
    path = tool.folder / ".peace/tool/default/names/flow_params.yaml"
    path.write_text(path.read_text().replace("size", "# in litres\nsize"))
    before, later = path.read_text(), named(later_names)
    shown = tool.done(later, "status")
    assert "regoin in" in shown.out
    assert "is called region now" in shown.out
    done = tool.done(later, "ensure", *QUIET)
    assert "is called region now" in done.err
    assert tool.text("a") == "x 5"
    assert path.read_text() == before
    assert "is called volume now" in tool.done(later, "init", "--region", "new").err
    assert path.read_text().splitlines()[2:] == ["region: new", "# in litres", "volume: 5"]
    assert "called" not in tool.done(later, "status").out
    for words in (["--regoin", "z"], ["--unset", "regoin"]):
        refused = tool.run(later, "init", *words)
        assert refused.code == 2
        assert "is called" in refused.err
        assert "region" in refused.err


def test_a_sealed_secret_with_another_name(tool: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that was sealed under the earlier name can be opened."""
    seen: list[str] = []

    def names(flow: Flow, key: Annotated[SecretStr, Param(was="token")]) -> None:
        seen.append(key.get_secret_value())

    tool.done(named(earlier_names), "key", "new", "key")
    monkeypatch.setenv("PEACEFUL_KEY_FILE", str(tool.folder / "key"))
    contexts = named(earlier_names).contexts(tool.folder)
    contexts.init({"token": Given("hidden", "a test", must_be_stored=True)})
    later = version(names)
    tool.done(later, "ensure", *QUIET)
    tool.done(later, "key", "rotate")
    tool.done(later, "ensure", *QUIET)
    assert seen == ["hidden", "hidden"]


def test_a_name_that_two_parameters_claim(tool: Versions) -> None:
    """Two parameters that had one name, or one whose earlier name is another's, are refused."""

    def names(flow: Flow, a: Annotated[int, Param(was="b")], b: int) -> None: ...

    refused = tool.run(version(names), "init", "1", "2")
    assert "a and b of flow names both claim the name b" in refused.err


def test_a_key_that_means_nothing(tool: Versions) -> None:
    """A misspelt key of a file is said with the nearest name and its place, and is kept."""
    app = version(ports)
    tool.done(app, "init")
    path = tool.folder / ".peace/tool/default/ports/flow_params.yaml"
    path.write_text(f"{path.read_text()}prot: 81\n")
    for words in (["status"], ["ensure", *QUIET], ["init", "--host", "h"]):
        told = tool.done(app, *words)
        assert "line 3, column 1, means nothing" in told.out + told.err
        assert "did you mean port?" in told.out + told.err
    assert "prot: 81" in path.read_text()
    assert "prot  81  (means nothing)" in tool.done(app, "profile", "show").out
    shown = json.loads(tool.done(app, "profile", "show", "--format", "json").out)
    assert "prot" not in shown["flow_params"]["ports"]
    assert "means nothing" not in tool.done(app, "init", "--unset", "prot").err
    assert "prot" not in path.read_text()


# ---- flows that cannot be built


def whole(flow: Flow, size: str = "5") -> None:
    """A first version, with an item that stands on another."""
    write(flow, a=size, b=size)
    flow.edge("a", "b")


def needs_more(flow: Flow, host: str, size: str = "5") -> None:
    """Needs a value that nobody has given."""
    write(flow, a=host)


def other_type(flow: Flow, size: int) -> None:
    """Takes what is stored no more."""
    write(flow, a=size)


def needs_secret(flow: Flow, token: SecretStr) -> None:
    """Needs a secret that nobody has given."""
    write(flow, a="a")


def raises(flow: Flow, size: str = "5") -> None:
    """Fails before it has added anything."""
    raise ZeroDivisionError("by nothing")


LATER = {
    "needs_more": (needs_more, "init --host TEXT"),
    "other_type": (other_type, "size: it must be a whole number"),
    "needs_secret": (needs_secret, "init --token SOURCE"),
    "raises": (raises, "by nothing"),
}


@pytest.mark.parametrize("later", LATER)
def test_what_cannot_be_built_can_be_looked_at_and_cleaned_up(tool: Versions, later: str) -> None:
    """`status` and `clean` need what is stored alone, and say what is wrong with the flow."""
    function, told = LATER[later]
    first, second = App("tool"), App("tool")
    first.flow("f")(whole)
    second.flow("f")(function)  # type: ignore[type-var]  # one of the flow's functions
    tool.done(first, "init", "--size", "big")
    tool.done(first, "ensure", *QUIET)
    specs = tool.stored("f", "params_specs.yaml")

    for words in (["status"], ["goal"]):
        shown = tool.done(second, *words).out
        assert "  a  content=big\n" in shown
        assert "no longer in the flow" not in shown
        assert "Flow f could not be built" in shown
        assert told in shown
    [warning, *_] = tool.done(second, "status", "--format", "json").json["warnings"]
    assert told in warning
    for command in ("ensure", "diff", "discover"):
        assert tool.run(second, command, *QUIET).code in {1, 2}
    dry = tool.done(second, "clean", "--dry-run", *QUIET)
    assert "would remove  2 " in dry.out
    assert told in dry.err
    assert tool.text("a") == "big"
    cleaned = tool.done(second, "clean", "--format", "json", *QUIET).json
    assert cleaned["items"].keys() == {"a", "b"}
    assert told in " ".join(cleaned["warnings"])
    assert (tool.text("a"), tool.text("b")) == (None, None)
    assert "Nothing is stored." in tool.done(second, "status").out
    assert tool.stored("f", "params_specs.yaml") == specs
    tool.done(second, "clean", *QUIET)


class Locked(Text):
    """A file that takes a password to be touched."""

    password: SecretStr

    async def apply(self, ctx: ItemCtx, current: TextState, goal: TextState) -> TextState:
        """Write or remove it, with the right one."""
        assert self.password.get_secret_value() == "hunter2"
        return await super().apply(ctx, current, goal)


@pytest.mark.parametrize("size", [(), ("--size", "big")])
@pytest.mark.parametrize("at_hand", [True, False])
def test_its_secrets_are_known_all_the_same(
    tool: Versions, monkeypatch: pytest.MonkeyPatch, size: tuple[str, ...], at_hand: bool
) -> None:
    """Whatever other parameter is missing or wrong; without the secret, the item says so."""

    def f(flow: Flow, token: SecretStr, size: str = "5") -> None:
        flow.add("a", Locked(path=Path("a.txt"), content=size, password=token))

    def later(flow: Flow, token: SecretStr, host: str, size: int = 5) -> None: ...

    first, second = version(f), App("tool")
    second.flow("f")(later)
    monkeypatch.setenv("TOOL_TOKEN", "hunter2")
    tool.done(first, "init", *size)
    tool.done(first, "ensure", *QUIET)
    if not at_hand:
        monkeypatch.delenv("TOOL_TOKEN")
    cleaned = tool.run(second, "clean", *QUIET)
    assert cleaned.code == (0 if at_hand else 1)
    assert ("it needs token as well" in " ".join(cleaned.err.split())) != at_hand
    assert (tool.text("a") is None) == at_hand


@pytest.mark.parametrize("command", ["status", "clean"])
def test_where_nothing_was_ever_stored(tool: Versions, command: str) -> None:
    """What cannot be built was never there: that is an error, and no empty answer."""
    tool.done(version(ports), "init")
    app = App("tool")
    app.flow("ports")(needs_more)
    assert "Error PARAMS-MISSING" in tool.run(app, command, "--progress", "none").err


def test_a_profile_whose_protection_is_not_known(tool: Versions) -> None:
    """Where it cannot be told whether a profile is protected, `clean` asks."""

    class Later(Place):
        protected: bool

    def f(flow: Flow) -> None:
        write(flow, a="a")

    first = version(f, profile_params=Place)
    second = version(f, profile_params=Later, asks_before=lambda each, _: each.protected)
    tool.done(first, "init")
    tool.done(first, "ensure", *QUIET)
    refused = tool.run(second, "clean", *QUIET)
    assert refused.code == 2
    assert "nobody can be asked" in refused.err
    tool.done(second, "clean", "--yes", *QUIET)
    assert tool.text("a") is None


# ---- flows with other names, and flows that are gone


def old(flow: Flow, size: int = 1) -> None:
    """A first version."""
    write(flow, a=f"old {size}")


def new(flow: Flow, size: int = 2) -> None:
    """The same flow, in a later version."""
    write(flow, a=f"new {size}")


def folders(tool: Versions) -> set[str]:
    """The folders of flows."""
    profile = tool.folder / ".peace/tool/default"
    return {path.name for path in profile.iterdir() if path.is_dir()}


@pytest.mark.parametrize(
    ("words", "moves"),
    [
        (["status"], False),
        (["goal"], False),
        (["diff", "--stored"], False),
        (["profile", "show"], False),
        (["ensure", "--dry-run", *QUIET], False),
        (["clean", "--dry-run", *QUIET], False),
        (["ensure", *QUIET], True),
        (["diff", *QUIET], True),
        (["discover", *QUIET], True),
        (["clean", *QUIET], True),
        (["init", "--size", "7"], True),
        (["init", "--size", "x"], False),
    ],
)
def test_a_flow_with_another_name(tool: Versions, words: list[str], moves: bool) -> None:
    """What is stored under its earlier name is its own; whoever writes first takes it over."""
    first, second = version(old), version(new, was=("later", "old"))
    tool.done(first, "init", "--size", "7")
    tool.done(first, "ensure", *QUIET)
    ran = tool.run(second, *words)
    assert ran.code == (2 if "x" in words else 0)
    assert folders(tool) == {"new" if moves else "old"}
    kept = [*(tool.folder / ".peace/tool").glob("default.before-upgrade-*.json")]
    assert [
        {name.partition("/")[0] for name in json.loads(each.read_text())["files"]} for each in kept
    ] == ([{"profile_params.yaml", "old"}] if moves else [])
    # Whether or not it was: parameters and states are there.
    shown = tool.done(second, "profile", "show", "--format", "json").json
    assert shown["flow_params"] == {"new": {"size": 7}}
    assert ("was called" in tool.done(second, "status").out) is not moves
    contexts = second.contexts(tool.folder)
    stored = contexts.cmd_ctx().store.load(StateKind.CURRENT)["a"]
    after = {"ensure": "new 7", "clean": None} if moves else {}
    assert stored.state == {"content": after.get(words[0], "old 7")}
    tool.done(second, "ensure", *QUIET)
    assert tool.text("a") == "new 7"
    assert folders(tool) == {"new"}


def test_readers_while_a_flow_is_taken_over(tool: Versions) -> None:
    """What was found at the old place before is read at the new one."""
    tool.done(version(old), "init", "--size", "7")
    tool.done(version(old), "ensure", *QUIET)
    second = version(new, was="old")
    ctx = second.contexts(tool.folder).cmd_ctx()
    tool.done(second, "ensure", *QUIET)
    assert ctx.store.load(StateKind.CURRENT)["a"].state == {"content": "new 7"}
    assert [*ctx.store.load_params_specs()] == ["a"]
    assert folders(tool) == {"new"}


def test_parameters_while_a_flow_is_taken_over(
    tool: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads parameters at that moment gets the stored ones, and never defaults."""
    tool.done(version(old), "init", "--size", "7")
    second = version(new, was="old")
    profile, read = tool.folder / ".peace/tool/default", read_yaml

    def read_late(path: Path) -> object:
        if path.parent.name == "old" and path.parent.exists():
            path.parent.rename(profile / "new")
        return read(path)

    monkeypatch.setattr("peaceful._app.parameters.files.read_yaml", read_late)
    assert second.contexts(tool.folder).stored("default", "new") == {"size": 7}
    assert folders(tool) == {"new"}


def test_a_flow_is_taken_over_once_its_profile_is_free(tool: Versions) -> None:
    """While an execution runs on the profile, its folder stays, and parameters go into it."""
    tool.done(version(old), "init")
    second = version(new, was="old")
    contexts = second.contexts(tool.folder)
    with version(old).contexts(tool.folder).cmd_ctx().store.hold() as check:
        held = FileLock(contexts.workspace.lock_file("default"))
        assert held.acquire(LockHolder()) is None
        tool.done(second, "init", "--size", "9")
        check()
        held.release()
    assert folders(tool) == {"old"}
    tool.done(second, "ensure", *QUIET)
    assert tool.text("a") == "new 9"


def test_the_chosen_flow_has_another_name(tool: Versions) -> None:
    """The flow that `init` has chosen is still chosen; the old name is refused with the new one."""

    def second(flow: Flow) -> None:
        write(flow, b="b")

    tool.done(version(old, second), "init", "--flow", "old")
    later = version(new, second, was="old")
    assert "tool · default · new" in tool.done(later, "status").out
    refused = tool.run(later, "status", "--flow", "old")
    assert (refused.code, "old is called new now" in refused.err) == (2, True)
    gone = tool.run(version(second, ports), "ensure", *QUIET)
    assert gone.code == 2
    assert "workspace_params.yaml" in gone.err


def test_names_that_two_flows_claim() -> None:
    """One flow alone can have had a name, and none that another one has."""

    def claims(*declared: tuple[str, str | tuple[str, ...]]) -> None:
        app = App("tool")
        for name, was in declared:
            app.flow(name, was=was)(lambda _: None)

    for declared in (
        [("a", "old"), ("b", "old")],
        [("a", ()), ("b", "a")],
        [("b", "a"), ("a", ())],
        [("a", "a")],
        [("a", ("x", "x"))],
    ):
        with pytest.raises(DefinitionError, match="both claim the name"):
            claims(*declared)
    with pytest.raises(NameTaken):
        claims(("a", "x"), ("a", "y"))


@pytest.mark.parametrize("command", ["status", "ensure", "clean", "init"])
def test_a_flow_that_is_stored_twice(tool: Versions, command: str) -> None:
    """Where both folders are there, nobody guesses: both are named, and nothing is changed."""
    first, second = version(old), version(new, was="old")
    tool.done(first, "init")
    tool.done(first, "ensure", *QUIET)
    tool.done(version(new), "init")
    refused = tool.run(second, command, *([] if command in {"status", "init"} else QUIET))
    assert refused.code == 2
    assert "Error FLOW-STORED-TWICE" in refused.err
    assert all(f"default/{name}" in refused.err for name in ("old", "new"))
    assert tool.text("a") == "old 1"


def test_a_flow_that_is_gone(tool: Versions) -> None:
    """What it has made is shown, and can be cleaned up by what is stored; then it is forgotten."""
    first, second = version(old), version(ports)
    tool.done(first, "init")
    tool.done(first, "ensure", *QUIET)
    tool.done(second, "init")
    for words in (["status"], ["profile", "show"], ["profile", "list"]):
        shown = tool.done(second, *words).out
        assert "tool has no flow old" in shown
        assert "tool clean --flow old --profile default" in shown
        left = tool.done(second, *words, "--format", "json").json["left_flows"]
        assert left == {"default": {"old": ["a"]}} if "list" in words else {"old": ["a"]}
    shown = tool.done(second, "status", "--flow", "old").out
    assert "  a  content=old 1\n" in shown
    assert "tool has no flow old: only what is stored is known of it" in shown
    for command in ("ensure", "diff", "discover"):
        assert tool.run(second, command, "--flow", "old", *QUIET).code == 2
    assert tool.run(second, "clean", "--flow", "odl", *QUIET).code == 2
    dry = tool.done(second, "clean", "--flow", "old", "--dry-run", *QUIET)
    assert "would remove" in dry.out
    assert tool.text("a") == "old 1"
    tool.done(second, "clean", "--flow", "old", *QUIET)
    assert tool.text("a") is None
    assert "has no flow old" not in tool.done(second, "status").out
    assert tool.run(second, "clean", "--flow", "old", *QUIET).code == 2


def test_a_flow_that_is_gone_and_damaged(tool: Versions) -> None:
    """States that cannot be read are said, too."""
    tool.done(version(old), "init")
    tool.done(version(old), "ensure", *QUIET)
    (tool.folder / ".peace/tool/default/old/states_current.yaml").write_text("{")
    second = version(ports)
    tool.done(second, "init")
    assert "cannot be read" in tool.done(second, "status").out
    assert tool.done(second, "status", "--format", "json").json["left_flows"] == {"old": None}


def test_the_program_decides(tool: Versions) -> None:
    """A context for a flow that cannot be built is given only to whoever asks for it."""
    tool.done(named(earlier_names), "init")
    tool.done(named(earlier_names), "ensure", *QUIET)
    contexts = named(needs_more).contexts(tool.folder)
    with pytest.raises(PeacefulError):
        contexts.cmd_ctx()
    assert contexts.cmd_ctx(by_stored=True).flow.problem is not None
