"""Secrets of parameters: where they come from, and what is stored of them.

A command takes a secret from its environment variable; else from where the file with parameters
says that it is; else from that file itself, where it is sealed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from pydantic import SecretStr

from peaceful._app.parameters.declaration import Given, ParamGroup
from peaceful._app.parameters.sealing import KeyRing
from peaceful._errors.usage import SecretUnavailable, UsageError
from peaceful._model.codec import JsonValue

SECRET_FORMS: Final = "env:NAME, file:PATH, command:LINE or prompt"  # noqa: S105 - no secret
"""The forms in which a source is given on a command line."""

_COMMAND_TIMEOUT: Final = 60.0
"""Seconds that a command may take to tell a secret."""

_Kind: TypeAlias = Literal["env", "file", "command", "sealed"]

_STORED_AS: Final[Mapping[str, _Kind]] = {
    "from_env": "env",
    "from_file": "file",
    "from_command": "command",
    "sealed": "sealed",
}


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is taken from: the environment, a file, a command; or it is stored, sealed.

    Attributes:
        kind: `env`, `file`, `command` or `sealed`.
        place: the name of a variable, the path of a file, a line of the shell; or the sealed text.
    """

    kind: _Kind
    place: str

    @classmethod
    def typed(cls, text: str, folder: Path) -> SecretSource | None:
        """The source that a text on a command line means, or none where it means none.

        Args:
            text: such as `env:TOKEN`.
            folder: what a relative path is relative to.
        """
        word, _, place = text.partition(":")
        if not place:
            return None
        match word:
            case "env":
                return cls("env", place)
            case "file":
                return cls("file", str(folder / Path(place).expanduser()))
            case "command":
                return cls("command", place)
            case _:
                return None

    @classmethod
    def stored(cls, value: JsonValue) -> SecretSource | None:
        """The source that is stored, or none where what is stored is none."""
        if not isinstance(value, Mapping) or len(value) != 1:
            return None
        [(word, place)] = value.items()
        kind = _STORED_AS.get(word)
        return cls(kind, place) if kind is not None and isinstance(place, str) else None

    @property
    def form(self) -> dict[str, JsonValue]:
        """How it is stored: one entry, which a person can read."""
        return {word: self.place for word, kind in _STORED_AS.items() if kind == self.kind}

    def secret(self, name: str, where: str, environment: Mapping[str, str]) -> str:
        """The secret.

        Args:
            name: of the parameter that it belongs to.
            where: the source was given, for messages.
            environment: the environment variables.

        Raises:
            SecretUnavailable: the source does not tell it.
            KeyMissing: it is sealed, and there is no key.
            KeyWrong: it is sealed with another key.
        """
        try:
            match self.kind:
                case "env":
                    return _variable(self.place, environment)
                case "file":
                    return _file(self.place)
                case "command":
                    return _printed(self.place, environment)
                case "sealed":
                    return KeyRing.of(environment).open(name, self.place, where)
        except _Untold as error:
            # Not from what it comes from, which may hold a part of the text.
            raise SecretUnavailable(name, where, *error.args) from None


class _Untold(Exception):
    """A source does not tell its secret: why not, and what to do now."""


def _variable(name: str, environment: Mapping[str, str]) -> str:
    if name not in environment:
        raise _Untold(f"the environment variable {name} is not set", f"set {name}")
    return environment[name]


def _file(path: str) -> str:
    try:
        return _without_end(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        mend = f"correct {path}, or name another file"
        raise _Untold(f"{path} cannot be read: {reason}", mend) from error


def _printed(line: str, environment: Mapping[str, str]) -> str:
    shell = ["cmd", "/c", line] if os.name == "nt" else ["/bin/sh", "-c", line]
    try:
        # What it says to people goes to the terminal, as when it asks for a password.
        done = subprocess.run(
            shell, stdout=subprocess.PIPE, env=dict(environment), timeout=_COMMAND_TIMEOUT,
            check=False,
        )  # fmt: skip
        text = _without_end(done.stdout.decode())
    except subprocess.TimeoutExpired:
        reason = f"the command {line!r} took longer than {_COMMAND_TIMEOUT:.0f} s"
    except UnicodeDecodeError:
        reason = f"what the command {line!r} prints is no text in UTF-8"
    except OSError as error:
        reason = f"the command {line!r} could not be started: {error.strerror}"
    else:
        if done.returncode:
            reason = f"the command {line!r} ended with exit code {done.returncode}"
        elif not text:
            reason = f"the command {line!r} printed nothing"
        else:
            return text
    raise _Untold(reason, "run the command by hand to see why")


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def readable(secrets: Collection[str], values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What a file with parameters holds, for people: of secrets, only where they come from.

    Args:
        secrets: the parameters with secrets in them.
        values: what the file holds.
    """
    return {name: _readable(value) if name in secrets else value for name, value in values.items()}


def _readable(value: JsonValue) -> JsonValue:
    source = SecretSource.stored(value)
    if source is None:
        return "a secret"  # Written by hand.
    return "stored, sealed" if source.kind == "sealed" else value


class Secrets(msgspec.Struct, frozen=True):
    """The secrets of an application.

    Attributes:
        app: the application's name.
        environment: the environment variables.
    """

    app: str
    environment: Mapping[str, str]

    def variable_of(self, param: str) -> str:
        """The environment variable that a parameter with a secret is taken from."""
        return f"{self.app}_{param}".replace("-", "_").upper()

    def in_environment(self, group: ParamGroup) -> dict[str, Given]:
        """The secrets that their own environment variables hold; an empty one counts as not set."""
        variables = {name: self.variable_of(name) for name in group.secrets}
        return {
            name: _given(group, name, self.environment[variable], variable)
            for name, variable in variables.items()
            if self.environment.get(variable)
        }

    def at_hand(
        self,
        group: ParamGroup,
        stored: Mapping[str, JsonValue],
        where: str,
        *,
        needed: bool = True,
    ) -> dict[str, Given]:
        """The secrets that nobody has to give: of the environment, or of where a file says.

        Args:
            group: which parameters there are.
            stored: what the file holds.
            where: the file, for messages.
            needed: whether each that the file tells of must be there; else those that are not are
                left out.

        Raises:
            UsageError: one is not where the file says, or cannot be opened.
            StorageError: a file with keys cannot be read.
        """
        found = self.in_environment(group)
        for name in group.secrets - found.keys():
            source = SecretSource.stored(stored.get(name))
            if source is None:
                continue
            try:
                found[name] = _given(
                    group, name, source.secret(name, where, self.environment), where
                )
            except UsageError:
                if needed:
                    raise
        return found

    def given_now(
        self, given: Mapping[str, Given], group: ParamGroup
    ) -> tuple[dict[str, Given], dict[str, JsonValue]]:
        """What is given now: the values themselves; and of secrets, what is to be stored.

        A secret that is given itself is sealed. Where there is no key, nothing of it is stored.

        Raises:
            UsageError: a secret is not where it is said to be; or it must be stored, and there is
                no key.
        """
        values = {name: one for name, one in given.items() if name in group.params}
        forms: dict[str, JsonValue] = {}
        for name in values.keys() & group.secrets:
            one = values[name]
            if isinstance(one.value, SecretSource):
                text = one.value.secret(name, one.origin, self.environment)
                forms[name] = one.value.form
            elif isinstance(one.value, (str, SecretStr)):
                told = one.value
                text = told.get_secret_value() if isinstance(told, SecretStr) else told
                keys = KeyRing.of(self.environment)
                if keys or one.must_be_stored:
                    forms[name] = SecretSource("sealed", keys.seal(name, text)).form
            else:
                continue
            values[name] = replace(one, value=group.params[name].value_type.read_whole(text))
        return values, forms

    def sealed_again(self, stored: Mapping[str, JsonValue], where: str) -> dict[str, JsonValue]:
        """What a file is to hold of its sealed secrets, sealed with the first key.

        Raises:
            UsageError: there is no key, or not the one that a secret was sealed with.
            StorageError: a file with keys cannot be read.
        """
        keys = KeyRing.of(self.environment)
        return {
            name: SecretSource("sealed", keys.seal(name, keys.open(name, one.place, where))).form
            for name, value in stored.items()
            if (one := SecretSource.stored(value)) is not None and one.kind == "sealed"
        }


def _given(group: ParamGroup, name: str, text: str, origin: str) -> Given:
    return Given(group.params[name].value_type.read_whole(text), origin)
