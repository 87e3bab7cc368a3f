"""The rule for names, and new execution IDs."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from peaceful._errors.usage import NameInvalid

if TYPE_CHECKING:
    from peaceful._model.codec import (
        ExecutionId,  # it loads msgspec, which `--help` does without
    )

NAME_RULE: Final = "letters, digits and _, not starting with a digit, at most 100 characters"
"""The rule for names of profiles, flows and items, in words."""

_MOST_CHARACTERS: Final = 100
_MOST_BYTES: Final = 200
"""Names become parts of file names, which have at most 255 bytes."""


def checked_name(kind: str, name: str) -> str:
    """Return the name, if it follows the rule; else raise `NameInvalid`.

    Letters of every script are allowed, in Unicode's composed form (NFC), so that two names that
    look the same are the same. `kind` is what is named, with its article, such as `a profile`.
    """
    if not (name.isascii() and name.isidentifier() and len(name) <= _MOST_CHARACTERS):
        _check(kind, name, NAME_RULE, "_")
    return name


def checked_app_name(name: str) -> str:
    """Return an application's name, if it follows the rule, which here allows `-` too."""
    _check("an application", name, f"{NAME_RULE}, and -", "_-")
    return name


def execution_id(unix_ms: int, random_bits: int) -> ExecutionId:
    """Return a UUID of version 7 (RFC 9562, section 5.7), of 48 bits of time and 74 random ones."""
    rand_a = (random_bits >> 62) & 0xFFF
    rand_b = random_bits & ((1 << 62) - 1)
    value = (unix_ms & ((1 << 48) - 1)) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _check(kind: str, name: str, rule: str, marks: str) -> None:
    begins = name[:1] == "_" or name[:1].isalpha()
    if not begins or not all(each.isalpha() or each.isdecimal() or each in marks for each in name):
        raise NameInvalid(kind, name, rule)
    if unicodedata.normalize("NFC", name) != name:
        raise NameInvalid(kind, name, f"{rule}, in Unicode's composed form (NFC)")
    if len(name) > _MOST_CHARACTERS or len(name.encode()) > _MOST_BYTES:
        raise NameInvalid(kind, name, f"{rule}, and at most {_MOST_BYTES} bytes in UTF-8")
