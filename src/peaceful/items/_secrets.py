"""Detection of secrets by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    """Return whether a parameter, header or environment variable of this name holds a secret."""
    lower = name.lower()
    # In odd capitals, a word is only found in small letters.
    words = (word.lower() for text in (name, lower) for word in _WORD.findall(text))
    return lower.endswith(_SECRET_ENDS) or not _SECRET_WORDS.isdisjoint(words)


def hide_secrets(value: object) -> object:
    """Make each secret in a mapping a `SecretStr`; a validator that leaves other values alone."""
    if not isinstance(value, Mapping):
        return value
    entries = cast("Mapping[object, object]", value)
    return {
        name: SecretStr(text) if isinstance(text, str) and is_secret_name(str(name)) else text
        for name, text in entries.items()
    }


def plain(value: str | SecretStr) -> str:
    """Return the text of a value that may be a secret."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value
