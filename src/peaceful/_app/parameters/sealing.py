"""Encryption of stored secrets, with keys that are kept elsewhere.

The cipher is Fernet of the library `cryptography`: AES-128 in CBC mode with an HMAC of SHA-256. The
encrypted text includes the name of its parameter, so that one sealed value cannot be put in the
place of another.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from peaceful._app.parameters.reading import read_path
from peaceful._errors.running import FileInaccessible
from peaceful._errors.usage import ExtraMissing, KeyMissing, KeyWrong, UsageError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

# Environment variables: keys, and a file with keys.
KEY: Final = "PEACEFUL_KEY"
KEY_FILE: Final = "PEACEFUL_KEY_FILE"


@dataclass(frozen=True, repr=False)
class KeyRing:
    """The keys of secrets: the first one seals, any of them opens."""

    _keys: Sequence[str]
    _origin: str

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> KeyRing:
        """Return the keys of `PEACEFUL_KEY`, else of the file in `PEACEFUL_KEY_FILE`, or none.

        Keys are separated by white space; in a file, `#` begins a comment.
        """
        if environment.get(KEY):
            return cls(environment[KEY].split(), f"the environment variable {KEY}")
        if environment.get(KEY_FILE):
            path = read_path(environment[KEY_FILE], KEY_FILE)
            return cls(_keys_in(path), str(path))
        return cls((), "")

    def __bool__(self) -> bool:
        return bool(self._keys)

    def seal(self, name: str, secret: str) -> str:
        """Encrypt the secret of a parameter; raise if there is no valid key."""
        content = json.dumps({"for": name, "secret": secret})
        return self._cipher(name).encrypt(content.encode()).decode()

    def open(self, names: Sequence[str], sealed: str, where: str) -> str:
        """Decrypt the secret of a parameter; raise unless one of the keys sealed it for that.

        Its name comes first among the `names`, then those that it had before.
        """
        name = names[0]
        cipher = self._cipher(name)
        from cryptography.fernet import InvalidToken

        try:
            content = json.loads(cipher.decrypt(sealed.encode()))
        except InvalidToken:
            raise KeyWrong(
                f"{name} in {where} cannot be opened with the keys of {self._origin}: it was "
                "sealed with another key, or changed.",
                help="give the key that it was sealed with, too; or give the secret anew: `init`",
            ) from None
        if content["for"] not in names:
            raise KeyWrong(
                f"What {where} holds for {name} was sealed for {content['for']}.",
                help="give the secret anew: `init`",
            )
        return str(content["secret"])

    def _cipher(self, name: str) -> MultiFernet:
        try:
            from cryptography.fernet import Fernet, MultiFernet
        except ImportError as error:
            raise ExtraMissing("Storing secrets", "secrets", "cryptography") from error
        if not self._keys:
            raise KeyMissing(name, KEY, KEY_FILE)
        try:
            return MultiFernet([Fernet(key) for key in self._keys])
        except ValueError:
            raise KeyWrong(
                f"What {self._origin} holds is no key.",
                help="a key has 44 letters, digits, hyphens and underscores; make one: "
                "`key new FILE`",
            ) from None


def new_key(path: Path) -> int:
    """Put a new key in front of those of a file, which may be new; return their number."""
    try:
        from cryptography.fernet import Fernet
    except ImportError as error:
        raise ExtraMissing("Making a key", "secrets", "cryptography") from error
    from peaceful._item.files import make_folder, write_atomically

    before = path.read_text("utf-8") if path.exists() and _keys_in(path) else ""
    key = Fernet.generate_key().decode()
    try:
        make_folder(path.parent, 0o700)
        write_atomically(path, f"{key}\n{before}", mode=0o600)
    except OSError as error:
        raise FileInaccessible(path, "written", error) from error
    return len(_keys_in(path))


def _keys_in(path: Path) -> list[str]:
    text = private_text(path, "the keys", help="make a new key")
    lines = (line.partition("#")[0] for line in text.splitlines())
    return [key for line in lines for key in line.split()]


def private_text(path: Path, holds: str, *, help: str) -> str:
    """Return the text of a file with secrets; raise if others than its owner may read or change it.

    `holds` (such as `the keys`) and `help`, if others may have read it, are for messages.
    """
    try:
        with path.open(encoding="utf-8") as file:
            # The rights of the opened file, whatever lies at the path by now.
            rights = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read()
    except OSError as error:
        raise FileInaccessible(path, "read", error) from error
    except ValueError as error:
        raise UsageError(f"{path} is not a text.", help=f"give a file with {holds}") from error
    if os.name == "posix" and rights & 0o077:
        raise UsageError(
            f"Others than its owner may read {holds} in {path}.",
            help=f"take their rights away: chmod 600 {path}; and {help}, if any of them may have "
            "read it",
        )
    return text
