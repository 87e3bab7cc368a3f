"""Texts that give the whole value of a parameter: a field of a form, a variable with a secret."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, SecretStr, TypeAdapter

from peaceful.app import ParamDef


class Login(BaseModel):
    """A value with fields."""

    user: str
    password: SecretStr


@dataclass
class Size:
    """A value with fields, without pydantic."""

    width: int


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (int, "3", 3),
        (Decimal, "0.5", Decimal("0.5")),
        (Path, "x/y", Path("x/y")),
        (bool, "yes", True),
        (bool | None, "no", False),
        (bool | str, "yes", True),
        (Literal[1, 2], "2", 2),
        (Literal[1] | str, "2", "2"),
        (list[str], '["a"]', ["a"]),
        (list[str] | None, "null", None),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (int | list[int], "3", 3),
        (int | list[int], "[3]", [3]),
        (str | list[str], "3", "3"),
        (Size, '{"width": 3}', Size(3)),
        (SecretStr, "[1]", SecretStr("[1]")),
        (list[SecretStr], '["a"]', [SecretStr("a")]),
        (Login, '{"user": "u", "password": "p"}', Login(user="u", password=SecretStr("p"))),
        (Any, "[1]", "[1]"),
    ],
)
def test_one_text_for_the_whole_value(annotation: Any, text: str, value: object) -> None:
    """What has parts is JSON; yes and no are truth values; all else is the text itself."""
    read = ParamDef("x", annotation).value_type.read_whole(text)
    assert TypeAdapter(annotation).validate_python(read) == value


@pytest.mark.parametrize("annotation", [list[str], dict[str, int], Login, Size, int | list[int]])
def test_a_text_that_is_no_json(annotation: Any) -> None:
    """It is left as it is, for whoever checks it to say so."""
    assert ParamDef("x", annotation).value_type.read_whole("[no json") == "[no json"
