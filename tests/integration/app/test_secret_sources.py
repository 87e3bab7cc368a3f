"""Secrets are taken from where they are said to be, or stored sealed; keys can be changed."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from peaceful import App, Flow, Given, SecretSource
from peaceful._app.parameters.sealing import new_key
from peaceful._errors.usage import KeyWrong
from peaceful._model.codec import JsonValue
from peaceful._storage.yaml_file import write_yaml
from peaceful.commands import Contexts, Workspace
from peaceful.errors import (
    ExtraMissing,
    FileInaccessible,
    KeyMissing,
    SecretUnavailable,
    UsageError,
)

SECRET = "tell-nobody"


class Owner(BaseModel):
    """Of a profile."""

    password: SecretStr = SecretStr("")


class Vault:
    """An application with a secret, in a workspace."""

    def __init__(self, folder: Path) -> None:
        self.app = App("vault", profile_params=Owner)
        self.seen: list[str] = []

        @self.app.flow("open")
        def open_(flow: Flow, token: SecretStr) -> None:
            self.seen.append(token.get_secret_value())

        self.workspace = Workspace(folder, "vault")
        self.variables: dict[str, str] = {"PATH": os.environ["PATH"]}

    @property
    def contexts(self) -> Contexts:
        """With the variables as they are now."""
        return Contexts(self.app, self.workspace, self.variables)

    def give(self, source: SecretSource | str, name: str = "token") -> None:
        """Stores where the secret is, or the secret."""
        given = Given(source, f"--{name}", must_be_stored=isinstance(source, str))
        self.contexts.init({name: given})

    def taken(self) -> str:
        """The secret as the flow gets it."""
        self.contexts.cmd_ctx()
        return self.seen[-1]

    def stored(self) -> str:
        """All that is stored."""
        files = [path for path in self.workspace.folder.rglob("*") if path.is_file()]
        return "\n".join(path.read_text() for path in files)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """The application."""
    return Vault(tmp_path / "work")


@pytest.fixture
def key_file(vault: Vault, tmp_path: Path) -> Path:
    """A file with a key, named in the environment."""
    path = tmp_path / "secret keys" / "key"
    assert new_key(path) == 1
    vault.variables["PEACEFUL_KEY_FILE"] = str(path)
    return path


def test_from_the_environment(vault: Vault) -> None:
    """It is the variable's value at each command; the variable's name is stored, and no more."""
    vault.variables["MY_TOKEN"] = SECRET
    vault.give(SecretSource("env", "MY_TOKEN"))
    assert vault.taken() == SECRET
    assert "from_env: MY_TOKEN" in vault.stored()
    assert SECRET not in vault.stored()
    vault.variables["MY_TOKEN"] = "another"
    assert vault.taken() == "another"
    del vault.variables["MY_TOKEN"]
    with pytest.raises(SecretUnavailable, match="MY_TOKEN is not set") as caught:
        vault.taken()
    file = vault.workspace.flow_params_file("default", "open")
    assert caught.value.details == (("said in", str(file)),)


def test_from_a_file(vault: Vault, tmp_path: Path) -> None:
    """It is what the file holds at each command, without the line break at its end."""
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    vault.give(SecretSource("file", str(file)))
    assert vault.taken() == SECRET
    file.write_text(" with spaces \r\n")
    assert vault.taken() == " with spaces "
    file.write_bytes(b"\xff")
    with pytest.raises(SecretUnavailable, match="no text in UTF-8"):
        vault.taken()
    file.unlink()
    with pytest.raises(SecretUnavailable, match="cannot be read"):
        vault.taken()


@pytest.mark.skipif(sys.platform == "win32", reason="commands of a POSIX shell")
def test_from_a_command(vault: Vault) -> None:
    """It is what the command prints at each command."""
    vault.variables["HIDDEN"] = SECRET
    vault.give(SecretSource("command", "echo $HIDDEN"))
    assert vault.taken() == SECRET
    assert "echo $HIDDEN" in vault.stored()
    assert SECRET not in vault.stored()


@pytest.mark.skipif(sys.platform == "win32", reason="commands of a POSIX shell")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo tell-nobody; exit 3", "ended with exit code 3"),
        ("true", "printed nothing"),
        ("printf '\\377'", "no text in UTF-8"),
    ],
)
def test_commands_that_fail(vault: Vault, command: str, said: str) -> None:
    """It is told how the command failed, and not what it printed; nothing is stored."""
    with pytest.raises(SecretUnavailable, match=said) as caught:
        vault.give(SecretSource("command", command))
    assert SECRET not in str(caught.value).replace(repr(command), "")
    assert not vault.workspace.folder.exists()


def test_sealed(vault: Vault, key_file: Path) -> None:
    """A secret that is given itself is stored sealed, and opened at each command."""
    vault.give(SECRET)
    assert vault.taken() == SECRET
    assert "sealed: gAAAA" in vault.stored()
    assert SECRET not in vault.stored()
    [flow_file] = [each for each in vault.contexts.init({}) if "token" in each.values]
    assert flow_file.values["token"] == "stored, sealed"


def test_no_key(vault: Vault, key_file: Path) -> None:
    """Without a key nothing is stored or opened; it says how to make one."""
    del vault.variables["PEACEFUL_KEY_FILE"]
    with pytest.raises(KeyMissing, match="token is a secret") as caught:
        vault.give(SECRET)
    assert "key new FILE" in caught.value.help
    assert not vault.workspace.folder.exists()
    vault.variables["PEACEFUL_KEY"] = key_file.read_text()
    vault.give(SECRET)
    assert vault.taken() == SECRET
    del vault.variables["PEACEFUL_KEY"]
    with pytest.raises(KeyMissing, match="token is a secret"):
        vault.taken()


def test_the_library_is_missing(
    vault: Vault, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sealed secret that cannot be opened without its library says which extra brings it."""
    vault.give(SECRET)
    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)
    with pytest.raises(ExtraMissing, match="Storing secrets"):
        vault.taken()


def test_a_user_whom_nobody_knows(vault: Vault) -> None:
    """A home folder that does not exist is a wrong request, wherever it is named."""
    with pytest.raises(UsageError, match="a user whom nobody knows"):
        SecretSource.typed("file:~nobody_of_that_name/file", Path.cwd())
    vault.variables["PEACEFUL_KEY_FILE"] = "~nobody_of_that_name/file"
    with pytest.raises(UsageError, match="a user whom nobody knows") as caught:
        vault.give(SECRET)
    assert caught.value.details == (("set in", "PEACEFUL_KEY_FILE"),)


def test_wrong_keys(vault: Vault, key_file: Path, tmp_path: Path) -> None:
    """A key that does not fit, and one that is none, are told as that."""
    vault.give(SECRET)
    other = tmp_path / "other"
    new_key(other)
    vault.variables["PEACEFUL_KEY_FILE"] = str(other)
    with pytest.raises(KeyWrong, match=f"cannot be opened with the keys of {other}"):
        vault.taken()
    vault.variables["PEACEFUL_KEY"] = "nonsense"
    with pytest.raises(KeyWrong, match="PEACEFUL_KEY holds is no key") as caught:
        vault.taken()
    assert "nonsense" not in str(caught.value)


def test_swapped(vault: Vault, key_file: Path) -> None:
    """What was sealed for one parameter is not taken for another."""
    vault.give(SECRET)
    vault.give(SECRET, "password")
    flow = vault.workspace.flow_params_file("default", "open")
    profile = vault.workspace.profile_params_file("default")
    sealed = profile.read_text().split("sealed: ")[1].split()[0]
    text = flow.read_text()
    flow.write_text(text.replace(text.split("sealed: ")[1].split()[0], sealed))
    with pytest.raises(KeyWrong, match="was sealed for password"):
        vault.taken()


def test_rotation(vault: Vault, key_file: Path) -> None:
    """A new key in front seals; old ones open, until all is sealed anew."""
    vault.give(SECRET)
    vault.give("other-secret", "password")
    old = key_file.read_text()
    assert new_key(key_file) == 2
    assert vault.taken() == SECRET
    before = vault.stored()
    assert vault.contexts.seal_again() == 2
    assert vault.stored() != before
    new, rest = key_file.read_text().split("\n", 1)
    assert rest == old
    key_file.write_text(new)
    assert vault.taken() == SECRET
    key_file.write_text(old)
    with pytest.raises(KeyWrong):
        vault.taken()
    with pytest.raises(KeyWrong):
        vault.contexts.seal_again()


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_rights_of_key_files(vault: Vault, key_file: Path) -> None:
    """Only its owner may read a file with keys; any other is refused."""
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700
    key_file.chmod(0o640)
    with pytest.raises(UsageError, match="Others than its owner") as caught:
        vault.give(SECRET)
    assert f"chmod 600 {key_file}" in caught.value.help
    with pytest.raises(UsageError, match="Others than its owner"):
        new_key(key_file)
    key_file.unlink()
    with pytest.raises(FileInaccessible):
        vault.give(SECRET)
    with pytest.raises(FileInaccessible):
        new_key(key_file.parent)


def test_comments_in_key_files(vault: Vault, key_file: Path) -> None:
    """Files with keys may say what each is."""
    key_file.write_text(f"# made in spring\n{key_file.read_text().strip()}  # the first\n\n")
    vault.give(SECRET)
    assert vault.taken() == SECRET


def test_a_variable_goes_first(vault: Vault, key_file: Path) -> None:
    """What the environment says for one command is taken in place of what is stored."""
    vault.give(SECRET)
    vault.variables["VAULT_TOKEN"] = "for now"
    assert vault.taken() == "for now"


def test_init_again(vault: Vault) -> None:
    """Setting up something else does not need the secret, and keeps where it is."""
    vault.variables["MY_TOKEN"] = SECRET
    vault.give(SecretSource("env", "MY_TOKEN"))
    del vault.variables["MY_TOKEN"]
    vault.contexts.init({})
    vault.variables["MY_TOKEN"] = SECRET
    assert vault.taken() == SECRET


def test_shown(vault: Vault) -> None:
    """Of what somebody has written by hand, nothing is shown."""
    vault.contexts.init({})
    by_hand: dict[str, JsonValue] = {
        "token": SECRET,
        "password": {"from_env": "X"},
        "other": {"sealed": "x"},
    }
    path = vault.workspace.flow_params_file("default", "open")
    write_yaml(path, by_hand, comment="By hand.")
    [*_, shown] = vault.contexts.all_stored("default")
    assert (shown.path, shown.values) == (path, {**by_hand, "token": "a secret"})


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("env:NAME", SecretSource("env", "NAME")),
        ("file:a/b", SecretSource("file", "/work/a/b")),
        ("file:/a", SecretSource("file", "/a")),
        ("command:pass show a:b", SecretSource("command", "pass show a:b")),
        ("sealed:x", None),
        ("env:", None),
        ("hunter2", None),
        ("", None),
    ],
)
def test_sources_as_they_are_typed(text: str, source: SecretSource | None) -> None:
    """A source is a word for its kind, a colon, and where it is."""
    assert SecretSource.typed(text, Path("/work")) == source


def test_what_has_secrets_in_it(tmp_path: Path) -> None:
    """A value with secrets in it is given, sealed and opened as JSON."""
    seen: list[list[str]] = []
    app = App("many")

    @app.flow("open")
    def open_(flow: Flow, tokens: list[SecretStr]) -> None:
        seen.append([each.get_secret_value() for each in tokens])

    key = tmp_path / "key"
    new_key(key)
    variables = {"PEACEFUL_KEY_FILE": str(key)}
    contexts = Contexts(app, Workspace(tmp_path / "work", "many"), variables)
    contexts.init({"tokens": Given('["a", "b"]', "--tokens", must_be_stored=True)})
    contexts.cmd_ctx()
    assert seen == [["a", "b"]]
    stored = contexts.workspace.flow_params_file("default", "open").read_text()
    assert "sealed: gAAAA" in stored
