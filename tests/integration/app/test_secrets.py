"""Secrets are shown nowhere, and stored nowhere in the clear."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from itertools import cycle
from pathlib import Path
from typing import get_args

import pytest
import secrets_app
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from peaceful import App, Flow, Given, PeacefulError
from peaceful._model.codec import encode_json
from peaceful._storage.yaml_file import read_yaml
from peaceful.commands import (
    CleanCmd,
    Contexts,
    DiffCmd,
    DiscoverCmd,
    EnsureCmd,
    ExecutionOptions,
    States,
    StatusCmd,
    Workspace,
)
from peaceful.errors import ParamsInvalid, ParamsMissing
from peaceful.testing import RecordingSink

MARK = "s3cr3t"
"""Begins every secret, so that a part of one is found too."""

VARIABLES = {
    "MY_VAULTS_PASSWORD": f"{MARK}-password",
    "MY_VAULTS_SHARED": f"{MARK}-shared",
    "MY_VAULTS_OWN": f"{MARK}-own",
    "MY_VAULTS_ACCOUNT": json.dumps({"user": "ada", "key": f"{MARK}-key"}),
}


def _contexts(folder: Path, variables: dict[str, str] | None = None) -> Contexts:
    workspace = Workspace(folder, secrets_app.app.name)
    return Contexts(secrets_app.app, workspace, VARIABLES if variables is None else variables)


def _init(contexts: Contexts, trouble: str = "none") -> None:
    folder = contexts.workspace.root / "vaults"
    contexts.init(
        {"folder": Given(folder, "--folder"), "trouble": Given(trouble, "--trouble")},
    )


# ---- nothing is shown, nothing is stored


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


COMMANDS = (
    ("discover",),
    ("status",),
    ("goal",),
    ("diff",),
    ("ensure", "--dry-run"),
    ("ensure",),
    ("ensure", "--progress", "json"),
    ("status",),
    ("executions", "list"),
    ("profile", "show"),
    ("clean", "--dry-run"),
    ("clean",),
)


def _typed(folder: Path, words: tuple[str, ...]) -> str:
    """What a command prints."""
    printed = StringIO()
    with redirect_stdout(printed), redirect_stderr(printed), suppress(SystemExit):
        secrets_app.app.main([*words, "--workspace", str(folder), "--debug"])
    return printed.getvalue()


def _with_mark(folder: Path) -> list[str]:
    """The names of files and folders that have a secret in their name or text."""
    return [
        path.name
        for path in folder.rglob("*")
        if MARK in path.name or (path.is_file() and MARK.encode() in path.read_bytes())
    ]


@pytest.mark.parametrize(
    ("trouble", "form"),
    [*zip(get_args(secrets_app.Trouble), cycle(["text", "yaml", "json"]), strict=False)],
)
def test_no_door_shows_a_secret(
    tmp_path: Path, trouble: str, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is run, and whatever goes wrong, no secret is printed, logged or in any file."""
    caplog.set_level("DEBUG")
    given_now = ("--folder", str(tmp_path / "v"), "--trouble", trouble, "--token", "env:TOKEN")
    with _environment({**VARIABLES, "TOKEN": f"{MARK}-token"}):
        printed = [_typed(tmp_path, ("init", *given_now, "--format", form))]
        printed += [_typed(tmp_path, (*words, "--format", form)) for words in COMMANDS]
    assert MARK not in "".join(printed)
    assert MARK not in caplog.text
    # A state that holds one in the clear is data, and stored as it is.
    warned = "hold the value of a secret as plain text" in caplog.text
    assert warned == (trouble == "not reached")
    assert _with_mark(tmp_path) == (["states_goal.yaml"] if warned else [])
    # Else, this test would be one of commands that fail before they know a secret.
    assert all(printed)


@examples(10)
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    # A state that holds one in the clear is data, for programs.
    st.sampled_from([each for each in get_args(secrets_app.Trouble) if each != "not reached"]),
)
async def test_no_error_event_or_outcome_holds_a_secret(secret: str, trouble: str) -> None:
    """Whatever characters a secret has, errors, events, outcomes and files are without it."""
    secret = MARK + secret
    variables = {
        "MY_VAULTS_PASSWORD": secret,
        "MY_VAULTS_SHARED": secret,
        "MY_VAULTS_ACCOUNT": json.dumps({"user": "ada", "key": secret}),
    }
    with tempfile.TemporaryDirectory() as folder:
        told = await _told_by_commands(_contexts(Path(folder), variables), trouble)
        assert MARK not in told
        assert not _with_mark(Path(folder))


async def _told_by_commands(contexts: Contexts, trouble: str) -> str:
    """All that commands return, raise, and tell sinks."""
    sink = RecordingSink()
    told: list[str] = []
    _init(contexts, trouble)
    for command in (DiscoverCmd, DiffCmd, EnsureCmd, CleanCmd):
        try:
            ctx = contexts.cmd_ctx(options=ExecutionOptions(sinks=(sink,)))
            outcome = await command.exec(ctx)
            told.append(repr(StatusCmd.exec(ctx)))
            told.append(repr(outcome))
            for result in outcome.items.values():
                told += [str(result.error), repr(result.error and result.error.to_json())]
        except PeacefulError as error:
            told += ["".join(traceback.format_exception(error)), repr(error.to_json())]
    told += [repr(event) + encode_json(event).decode() for event in sink.events]
    return "\n".join(told)


@pytest.mark.parametrize("value", [["0wn"], {"y": "0wn"}, 7770077, b"\xff" * 3])
def test_a_wrong_secret_is_not_shown(tmp_path: Path, value: object) -> None:
    """The error names the parameter, and how it was given, and not what was given."""
    shown = repr(value)
    with pytest.raises(ParamsInvalid) as caught:
        _contexts(tmp_path).init({"token": Given(value, "--token")})
    text = "".join(traceback.format_exception(caught.value))
    assert "token" in text
    assert "--token" in text
    assert shown not in text
    assert "value" not in repr(Given(value, "--token"))


# ---- how secrets are given


def test_init_says_that_a_secret_is_not_stored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a key, a secret that is given or needed is not stored: `init` says so."""
    contexts = _contexts(tmp_path, {"MY_VAULTS_SHARED": "x"})
    saved = contexts.init(
        {"folder": Given("v", "--folder"), "token": Given(f"{MARK}-token", "--token")},
    )
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"{name} is a secret, and nothing of it is stored. Give it to each command in the "
        f"environment variable MY_VAULTS_{name.upper()}, or say by init where it is."
        for name in ("account", "password", "token")
    ]
    [_, _, flow] = saved
    assert flow.values == {"folder": str(tmp_path / "v")}
    assert flow.defaults == {"trouble": "none"}
    assert read_yaml(flow.path) == flow.values


def test_init_says_it_on_a_terminal(tmp_path: Path, unmeasured_environment: dict[str, str]) -> None:
    """The warning is on stderr, and the outcome on stdout is what it would be without it."""
    ran = subprocess.run(
        [
            *(sys.executable, secrets_app.__file__, "init", "--format", "json"),
            *("--folder", "v"),
        ],
        cwd=tmp_path,
        env=unmeasured_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "password is a secret, and nothing of it is stored." in ran.stderr
    assert "MY_VAULTS_PASSWORD" in ran.stderr
    assert json.loads(ran.stdout)["profile"] == "default"


def test_a_secret_itself_is_not_taken(
    tmp_path: Path, unmeasured_environment: dict[str, str]
) -> None:
    """What is typed can be seen by others: it is refused, not shown, and not stored."""
    ran = subprocess.run(
        [
            *(sys.executable, secrets_app.__file__, "init"),
            *("--folder", "v", "--password", f"{MARK}-password"),
        ],
        cwd=tmp_path,
        env=unmeasured_environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "--password takes where the secret is, not the secret itself" in ran.stderr
    assert "env:NAME, file:PATH, command:LINE or prompt" in ran.stderr
    assert MARK not in ran.stdout + ran.stderr
    assert not list(tmp_path.iterdir())


def test_a_missing_secret_is_asked_for_by_its_variable(tmp_path: Path) -> None:
    """A command without a secret that it needs names the environment variable of each."""
    _init(_contexts(tmp_path))
    contexts = _contexts(tmp_path, {"MY_VAULTS_PASSWORD": ""})
    with pytest.raises(ParamsMissing) as caught:
        contexts.build("default", "lock")
    assert caught.value.names == ("password", "account")
    assert caught.value.help == (
        "say where the secret is: my-vaults init --password SOURCE --account SOURCE, a source "
        "being env:NAME, file:PATH, command:LINE or prompt; or set MY_VAULTS_PASSWORD and "
        "MY_VAULTS_ACCOUNT in the environment of each command"
    )


def test_a_missing_secret_beside_another_missing_value() -> None:
    """Both ways of giving values are told, each for those that it is for."""
    app = App("two")

    @app.flow("only")
    def only(flow: Flow, into_here: str, key: SecretStr) -> None:
        pass

    with tempfile.TemporaryDirectory() as folder:
        contexts = Contexts(app, Workspace(Path(folder), "two"), {})
        with pytest.raises(ParamsMissing) as caught:
            contexts.params("default", "only")
        assert caught.value.names == ("into_here", "key")
        assert caught.value.help == (
            "give them: two init --into-here TEXT; say where the secret is: two init --key SOURCE, "
            "a source being env:NAME, file:PATH, command:LINE or prompt; or set TWO_KEY in the "
            "environment of each command"
        )
        with pytest.raises(ParamsMissing) as caught:
            contexts.init({})
        assert caught.value.names == ("into_here",)
        assert caught.value.help == "give them: two init --into-here TEXT"


def test_a_wrong_value_beside_a_missing_secret() -> None:
    """`init` says what is wrong, and nothing of a secret that it does not need."""
    app = App("two")

    @app.flow("only")
    def only(flow: Flow, count: int, key: SecretStr) -> None:
        pass

    with tempfile.TemporaryDirectory() as folder:
        contexts = Contexts(app, Workspace(Path(folder), "two"), {})
        with pytest.raises(ParamsInvalid) as caught:
            contexts.init({"count": Given("many", "--count")})
        assert [problem.field for problem in caught.value.problems] == ["count"]


async def test_each_command_takes_secrets_from_its_environment(tmp_path: Path) -> None:
    """What is in the variable when a command starts is the value; nothing else remembers it."""
    _init(_contexts(tmp_path))
    for secret in ("short", "a longer one"):
        contexts = _contexts(tmp_path, {**VARIABLES, "MY_VAULTS_PASSWORD": secret})
        outcome = await EnsureCmd.exec(contexts.cmd_ctx())
        assert isinstance(outcome.value, States)
        assert len((tmp_path / "vaults" / "first").read_text()) == len(secret)


def test_a_secret_within_a_value_is_given_as_json(tmp_path: Path) -> None:
    """What has a secret in it is read as JSON; what is no JSON is refused, and not shown."""
    _init(_contexts(tmp_path))
    params = _contexts(tmp_path).params("default", "lock")
    assert params.model_dump()["account"]["user"] == "ada"
    with pytest.raises(ParamsInvalid) as caught:
        _contexts(tmp_path, {**VARIABLES, "MY_VAULTS_ACCOUNT": f"{MARK}"}).params("default", "lock")
    assert "MY_VAULTS_ACCOUNT" in str(caught.value)
    assert MARK not in str(caught.value)


def test_a_secret_within_a_value_comes_from_a_source(tmp_path: Path) -> None:
    """On the command line too, it is said where the value is, and only that is stored."""
    secret = json.dumps({"user": "ada", "key": f"{MARK}-key"})
    with _environment({**VARIABLES, "MY_VAULTS_ACCOUNT": "", "ACCOUNT": secret}):
        told = _typed(tmp_path, ("init", "--folder", "v", "--account", secret))
        assert "--account takes where the secret is" in told
        told += _typed(tmp_path, ("init", "--folder", "v", "--account", "env:ACCOUNT"))
        assert MARK not in told
        params = _contexts(tmp_path, dict(os.environ)).params("default", "lock")
    assert params.model_dump()["account"]["key"] == SecretStr(f"{MARK}-key")


def test_a_secret_that_somebody_wrote_into_a_file(tmp_path: Path) -> None:
    """It is taken, the environment comes before it, and it is not shown."""
    contexts = _contexts(tmp_path, {**VARIABLES, "MY_VAULTS_PASSWORD": ""})
    _init(contexts)
    path = contexts.workspace.flow_params_file("default", "lock")
    with path.open("a") as file:
        file.write(f"password: {MARK}-written\n")
    written = contexts.params("default", "lock")
    assert written.model_dump()["password"] == SecretStr(f"{MARK}-written")
    both = _contexts(tmp_path).params("default", "lock")
    assert both.model_dump()["password"] == SecretStr(f"{MARK}-password")
    [*_, flow] = contexts.init({})
    assert flow.values["password"] == "a secret"
