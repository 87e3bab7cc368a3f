"""Where a secret is taken from: the environment, a file, a command; or it is stored, sealed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from peaceful.app._sealing import KeyRing
from peaceful.errors import SecretUnavailable
from peaceful.model import JsonValue

_COMMAND_TIMEOUT: Final = 60.0
"""Seconds that a command may take to tell a secret."""


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """The value of an environment variable.

    Attributes:
        variable: its name.
    """

    variable: str

    def __str__(self) -> str:
        """The form in which it is given on a command line."""
        return f"env:{self.variable}"


@dataclass(frozen=True, slots=True)
class FromFile:
    """What a file holds, without the line break at its end.

    Attributes:
        path: the file.
    """

    path: Path

    def __str__(self) -> str:
        """The form in which it is given on a command line."""
        return f"file:{self.path}"


@dataclass(frozen=True, slots=True)
class FromCommand:
    """What a command of the shell prints, without the line break at its end.

    Attributes:
        line: the command.
    """

    line: str

    def __str__(self) -> str:
        """The form in which it is given on a command line."""
        return f"command:{self.line}"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is stored in the file itself, sealed.

    Attributes:
        text: the sealed secret.
    """

    text: str

    def __str__(self) -> str:
        """That it is."""
        return "stored, sealed"


SecretSource: TypeAlias = FromEnvironment | FromFile | FromCommand | Sealed
"""Where a secret is taken from."""

SECRET_FORMS: Final = "env:NAME, file:PATH, command:LINE or prompt"  # noqa: S105 - no secret
"""The forms in which a source is given on a command line."""


def source_of(text: str, folder: Path) -> SecretSource | None:
    """The source that a text on a command line means, or none where it means none.

    Args:
        text: such as `env:TOKEN`.
        folder: what a relative path is relative to.
    """
    kind, found, rest = text.partition(":")
    if not found or not rest:
        return None
    match kind:
        case "env":
            return FromEnvironment(rest)
        case "file":
            return FromFile(folder / Path(rest).expanduser())
        case "command":
            return FromCommand(rest)
        case _:
            return None


def stored_form(source: SecretSource) -> dict[str, JsonValue]:
    """How a source is stored: one entry, which a person can read."""
    match source:
        case FromEnvironment(variable):
            return {"from_env": variable}
        case FromFile(path):
            return {"from_file": str(path)}
        case FromCommand(line):
            return {"from_command": line}
        case Sealed(text):
            return {"sealed": text}


def stored_source(value: JsonValue) -> SecretSource | None:
    """The source that is stored, or none where what is stored is none."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    [(kind, told)] = value.items()
    if not isinstance(told, str):
        return None
    match kind:
        case "from_env":
            return FromEnvironment(told)
        case "from_file":
            return FromFile(Path(told))
        case "from_command":
            return FromCommand(told)
        case "sealed":
            return Sealed(told)
        case _:
            return None


def secret_from(
    source: SecretSource, name: str, where: str, environment: Mapping[str, str], keys: KeyRing
) -> str:
    """The secret.

    Args:
        source: where it is taken from.
        name: of the parameter that it belongs to.
        where: the source was given, for messages.
        environment: the environment variables.
        keys: open what is sealed.

    Raises:
        SecretUnavailable: the source does not tell it.
        KeyMissing: it is sealed, and there is no key.
        KeyWrong: it is sealed with another key.
    """
    match source:
        case FromEnvironment(variable):
            if variable not in environment:
                raise SecretUnavailable(
                    name,
                    where,
                    f"the environment variable {variable} is not set",
                    f"set {variable}",
                )
            return environment[variable]
        case FromFile(path):
            return _read(path, name, where)
        case FromCommand(line):
            return _told(line, name, where, environment)
        case Sealed(text):
            return keys.open(name, text, where)


def _read(path: Path, name: str, where: str) -> str:
    try:
        return _without_end(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SecretUnavailable(
            name, where, f"{path} cannot be read: {reason}", f"correct {path}, or name another file"
        ) from None  # The error may hold a part of the text.


def _told(line: str, name: str, where: str, environment: Mapping[str, str]) -> str:
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
        if done.returncode == 0 and text:
            return text
        reason = (
            f"the command {line!r} ended with exit code {done.returncode}"
            if done.returncode
            else f"the command {line!r} printed nothing"
        )
    raise SecretUnavailable(name, where, reason, "run the command by hand to see why")


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
