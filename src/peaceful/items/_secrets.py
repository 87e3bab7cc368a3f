"""What is most likely a secret, by its name; and values that may be one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, cast

from pydantic import SecretStr

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SECRET_WORDS: Final = frozenset(
    {
        *("auth", "authorization", "token", "jwt", "secret", "key", "apikey", "code", "ticket"),
        *("pass", "passwd", "password", "pwd", "pw", "credential", "credentials"),
        *("sig", "signature", "hmac", "policy", "session", "sid", "cookie"),
    }
)
_SECRET_ENDS: Final = ("token", "secret", "password", "passwd", "signature", "key")


def is_secret_name(name: str) -> bool:
    """Whether what has this name commonly opens a door: a token, a password, a signature, a key.

    Args:
        name: of a parameter, a header or an environment variable.
    """
    if name.lower().endswith(_SECRET_ENDS):
        return True
    return not _SECRET_WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))


def secrets_hidden(value: object, is_secret: Callable[[str], bool] = is_secret_name) -> object:
    """A mapping whose secrets are `SecretStr`, so that they are written nowhere; for validation.

    Args:
        value: what was given; anything but a mapping is left for others to refuse.
        is_secret: says it of a name.
    """
    if not isinstance(value, Mapping):
        return value
    entries = cast("Mapping[object, object]", value)
    return {
        name: SecretStr(text) if isinstance(text, str) and is_secret(str(name)) else text
        for name, text in entries.items()
    }


def plain(value: str | SecretStr) -> str:
    """The text itself."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value
