"""Tokens of a web server, kept in a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from peaceful.app._private_file import private_text
from peaceful.app._web_settings import EVERYTHING, Role, WebToken
from peaceful.errors import UsageError

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~-]{20,200}", re.ASCII)
"""What needs no other form in addresses and headers, and cannot be guessed by trying."""

_MAKE: Final = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


def web_tokens(path: Path) -> tuple[WebToken, ...]:
    """The tokens in a file: one on each line, after its roles (`view,run TOKEN`).

    A token without roles has all. What follows `#` on a line is a comment.

    Args:
        path: the file, which only its owner may read.

    Raises:
        UsageError: others may read it, or what it holds is wrong.
        StorageError: it cannot be read.
    """
    text = private_text(path, "the tokens", help="make new ones")
    found: list[WebToken] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if words:
            found.append(_token(words, f"{path}, line {number}"))
            if len({each.text for each in found}) < len(found):
                raise _wrong(f"{path}, line {number}", "its token is there already")
    if not found:
        raise UsageError(f"{path} holds no token.", help=f"make one: {_MAKE}")
    return tuple(found)


def _token(words: list[str], place: str) -> WebToken:
    """The token of a line; errors do not repeat what may be a secret."""
    *first, text = words
    if len(first) > 1:
        raise _wrong(place, f"it has {len(words)} words")
    if not _TOKEN.fullmatch(text):
        raise _wrong(place, "its token is not 20 to 200 letters, digits and characters of -._~")
    known = {role.value: role for role in Role}
    roles = [known.get(word) for word in first[0].split(",")] if first else list(EVERYTHING)
    if None in roles:
        raise _wrong(place, "its roles are not some of view, run, interrupt, joined by commas")
    return WebToken(text, frozenset(role for role in roles if role is not None))


def _wrong(place: str, reason: str) -> UsageError:
    return UsageError(
        f"{place} is no token: {reason}.",
        help=f"write a line such as: view,run,interrupt TOKEN; this makes a token: {_MAKE}",
    )
