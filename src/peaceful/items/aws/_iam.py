"""What the items of IAM share: names, places, and when something cannot be removed."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from peaceful.model import Location

_NAME: Final = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH: Final = re.compile(r"/|/[!-~]+/")


def _is_name(value: str) -> str:
    if _NAME.fullmatch(value) is None or len(value) > 128:
        raise ValueError("a name in IAM has up to 128 letters, digits and any of + = , . @ _ -")
    return value


def _is_role_name(value: str) -> str:
    if len(value) > 64:
        raise ValueError("the name of a role has up to 64 characters")
    return _is_name(value)


def _is_path(value: str) -> str:
    if _PATH.fullmatch(value) is None or len(value) > 512:
        raise ValueError("a path in IAM begins and ends with a slash")
    return value


IamName = Annotated[str, AfterValidator(_is_name)]
"""The name of a policy or an instance profile."""

RoleName = Annotated[str, AfterValidator(_is_role_name)]
"""The name of a role."""

IamPath = Annotated[str, AfterValidator(_is_path)]
"""The path of something in IAM, with which its ARN begins."""

IAM: Final = Location.group("IAM", Location.group("AWS"))
"""Where the things of IAM are, in diagrams."""
