"""Taking secrets out of texts that somebody else wrote, such as the message of an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from peaceful.params._plain import is_secret, parts_in

HIDDEN: Final = "**********"
"""What stands for a secret, as in pydantic."""


def secret_texts(value: object) -> Iterator[str]:
    """The texts of all secrets in a value: what nobody may read."""
    if is_secret(value):
        secret: Any = value  # Any: one of pydantic's classes, which share this method
        yield from texts_in(secret.get_secret_value())
    elif not isinstance(value, (str, bytes)):
        for part in parts_in(value):
            yield from secret_texts(part)


def texts_in(value: object) -> Iterator[str]:
    """Every text in a value, in secrets too."""
    if is_secret(value):
        yield from secret_texts(value)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    else:
        parts = [*parts_in(value)]
        if not parts and isinstance(value, (int, float)) and not isinstance(value, bool):
            yield str(value)
        for part in parts:
            yield from texts_in(part)


def without_texts(text: str, secrets: Iterable[str]) -> str:
    """A text in which secrets are hidden, also where they are written as Python writes texts.

    Args:
        text: what somebody wrote.
        secrets: what nobody may read. Empty ones are nothing to hide.
    """
    forms = {form for secret in secrets for form in (secret, repr(secret)[1:-1]) if form}
    # The longest first: one may be a part of another.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text
