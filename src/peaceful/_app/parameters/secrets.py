"""Secrets of parameters: where they come from, and what is stored of them.

A command takes a secret from its own environment variable; else from the source that the file of
parameters names; else from that file itself, which then holds it encrypted.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from pydantic import SecretStr

from peaceful._app.parameters.declaration import Given, ParamGroup
from peaceful._app.parameters.reading import read_path
from peaceful._app.parameters.sealing import KeyRing
from peaceful._disclosure import know_secrets
from peaceful._errors.usage import SecretUnavailable, UsageError
from peaceful._model.codec import JsonValue

SECRET_FORMS: Final = "env:NAME, file:PATH, command:LINE or prompt"  # noqa: S105 - no secret
"""The forms of a source on a command line."""

_COMMAND_TIMEOUT: Final = 60.0
"""Seconds that a command may take to print a secret."""

_Kind: TypeAlias = Literal["env", "file", "command", "sealed"]

_STORED_AS: Final[Mapping[str, _Kind]] = {
    "from_env": "env",
    "from_file": "file",
    "from_command": "command",
    "sealed": "sealed",
}


@dataclass(frozen=True, slots=True)
class SecretSource:
    """The source of a secret: an environment variable, file or command, or the sealed text."""

    kind: _Kind
    place: str

    @classmethod
    def typed(cls, text: str, folder: Path) -> SecretSource | None:
        """Parse a source such as `env:TOKEN` from a command line; None if it is none."""
        word, _, place = text.partition(":")
        kind = _STORED_AS.get(f"from_{word}")
        if not place or kind is None:
            return None
        return cls(kind, str(folder / read_path(place)) if kind == "file" else place)

    @classmethod
    def stored(cls, value: JsonValue) -> SecretSource | None:
        """Return the source that a stored value describes, or None."""
        if not isinstance(value, Mapping) or len(value) != 1:
            return None
        [(word, place)] = value.items()
        kind = _STORED_AS.get(word)
        return cls(kind, place) if kind is not None and isinstance(place, str) else None

    @property
    def form(self) -> dict[str, JsonValue]:
        """The source as it is stored: one entry, which people can read."""
        return {word: self.place for word, kind in _STORED_AS.items() if kind == self.kind}

    def secret(
        self, name: str, where: str, environment: Mapping[str, str], was: Sequence[str] = ()
    ) -> str:
        """Return the secret of the parameter `name`, which had other names before.

        `where` says where the source was given.
        """
        try:
            match self.kind:
                case "env":
                    if self.place in environment:
                        return environment[self.place]
                    reason = f"the environment variable {self.place} is not set"
                    raise _Unavailable(reason, f"set {self.place}")
                case "file":
                    return _file(self.place)
                case "command":
                    return _printed(self.place, environment)
                case "sealed":
                    return KeyRing.of(environment).open((name, *was), self.place, where)
        except _Unavailable as error:
            # Not from what it comes from, which may hold a part of the text.
            raise SecretUnavailable(name, where, *error.args) from None


class _Unavailable(Exception):
    """A source does not have its secret; the arguments are the reason, and what to do."""


def _file(path: str) -> str:
    try:
        return _without_end(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        mend = f"correct {path}, or name another file"
        raise _Unavailable(f"{path} cannot be read: {reason}", mend) from error


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
    raise _Unavailable(reason, "run the command by hand to see why")


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def readable(secrets: Collection[str], values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the content of a file of parameters for display: of secrets, only their sources."""
    return {name: _readable(value) if name in secrets else value for name, value in values.items()}


def _readable(value: JsonValue) -> JsonValue:
    source = SecretSource.stored(value)
    if source is None:
        return "a secret"  # Written by hand.
    return "stored, sealed" if source.kind == "sealed" else value


class Secrets(msgspec.Struct, frozen=True):
    """The secrets of an application, with its environment variables."""

    app: str
    environment: Mapping[str, str]

    def variable_of(self, param: str) -> str:
        """Return the environment variable that a secret parameter is taken from."""
        return f"{self.app}_{param}".replace("-", "_").upper()

    def in_environment(self, group: ParamGroup) -> dict[str, Given]:
        """Return the secrets in their own environment variables; an empty one counts as not set."""
        variables = {name: self.variable_of(name) for name in group.secrets}
        return {
            name: _given(group, name, self.environment[variable], variable)
            for name, variable in variables.items()
            if self.environment.get(variable)
        }

    def at_hand(
        self, group: ParamGroup, stored: Mapping[str, JsonValue], where: str, *, needed: bool = True
    ) -> dict[str, Given]:
        """Return the secrets that nobody has to give: from the environment, or the stored sources.

        Unless they are `needed`, those that are not available are left out. `where` is for
        messages.
        """
        found = self.in_environment(group)
        for name in group.secrets - found.keys():
            source = SecretSource.stored(stored.get(name))
            if source is None:
                continue
            try:
                text = source.secret(name, where, self.environment, group.params[name].was)
            except UsageError:
                if needed:
                    raise
            else:
                found[name] = _given(group, name, text, where)
        return found

    def given_now(
        self, given: Mapping[str, Given], group: ParamGroup
    ) -> tuple[dict[str, Given], dict[str, JsonValue]]:
        """Return the given values, with secrets resolved; and of secrets, what to store.

        A secret that is given as text is sealed; without a key, nothing of it is stored.
        """
        values = {name: one for name, one in given.items() if name in group.params}
        forms: dict[str, JsonValue] = {}
        for name in values.keys() & group.secrets:
            one = values[name]
            if isinstance(one.value, SecretSource):
                text = one.value.secret(name, one.origin, self.environment)
                forms[name] = one.value.form
            elif isinstance(one.value, (str, SecretStr)):
                value = one.value
                text = value.get_secret_value() if isinstance(value, SecretStr) else value
                keys = KeyRing.of(self.environment)
                if keys or one.must_be_stored:
                    forms[name] = SecretSource("sealed", keys.seal(name, text)).form
            else:
                continue
            know_secrets([text])
            values[name] = replace(one, value=group.params[name].value_type.read_whole(text))
        return values, forms

    def sealed_again(
        self, group: ParamGroup, stored: Mapping[str, JsonValue], where: str
    ) -> dict[str, JsonValue]:
        """Return the sealed secrets of a file, sealed anew with the first key."""
        keys = KeyRing.of(self.environment)
        sealed: dict[str, JsonValue] = {}
        for name, value in stored.items():
            one = SecretSource.stored(value)
            if one is not None and one.kind == "sealed":
                was = group.params[name].was if name in group.params else ()
                text = keys.open((name, *was), one.place, where)
                sealed[name] = SecretSource("sealed", keys.seal(name, text)).form
        return sealed


def _given(group: ParamGroup, name: str, text: str, origin: str) -> Given:
    know_secrets([text])
    return Given(group.params[name].value_type.read_whole(text), origin)
