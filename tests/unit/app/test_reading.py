"""Texts that give values: words of a command line; and one for the whole value, as in a form."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from pydantic import BaseModel, Field, Secret, SecretBytes, SecretStr, TypeAdapter

from peaceful._app.parameters.declaration import ParamDef


class Colour(enum.Enum):
    """Some colours."""

    RED = "red"
    BLUE = "blue"


class Server(BaseModel):
    """A value with fields."""

    host: str
    port: int = 80


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


# ---- words of a command line

HERE = Path.cwd()


@pytest.mark.parametrize(
    ("annotation", "texts", "value", "metavar"),
    [
        (int, ["3"], 3, "N"),
        (float, ["0.5"], 0.5, "NUMBER"),
        (str, ["x"], "x", "TEXT"),
        (int | None, ["3"], 3, "N"),
        (Optional[str], ["x"], "x", "TEXT"),  # noqa: UP045  as people write it too
        (Annotated[int, Field(ge=0)], ["3"], 3, "N"),
        (str | int, ["3"], "3", "TEXT"),
        (Union[int, None, float], ["3"], 3, "TEXT"),  # noqa: UP007  likewise
        (Path, ["x/y"], HERE / "x/y", "PATH"),
        (Path, ["~"], Path.home(), "PATH"),
        (Path, ["/x"], Path("/x"), "PATH"),
        (list[int], ["1", "2"], [1, 2], "N"),
        (Sequence[str], ["a"], ["a"], "TEXT"),
        (tuple[int, ...], ["1", "2"], (1, 2), "N"),
        (frozenset[Path], ["x"], frozenset({HERE / "x"}), "PATH"),
        (list, ["1"], ["1"], "TEXT"),
        (dict[str, int], ["a=1", "b=2"], {"a": 1, "b": 2}, "KEY=VALUE"),
        (Mapping[str, Path], ["a=x"], {"a": HERE / "x"}, "KEY=VALUE"),
        (dict, ["a=x=y"], {"a": "x=y"}, "KEY=VALUE"),
        (Literal["a", "b"], ["a"], "a", "a|b"),
        (Literal[1, 2], ["2"], 2, "1|2"),
        (Colour, ["red"], Colour.RED, "red|blue"),
        (Server, ['{"host": "h"}'], Server(host="h"), "JSON"),
        (list[Server], ['{"host": "h"}'], [Server(host="h")], "JSON"),
        (list[list[int]], ["[1, 2]", "[]"], [[1, 2], []], "JSON"),
        (SecretStr, ["s"], SecretStr("s"), "SECRETSTR"),
    ],
)
def test_values(annotation: Any, texts: list[str], value: object, metavar: str) -> None:
    """Texts become values of the declared type, however it is declared."""
    value_type = ParamDef("x", annotation).value_type
    assert TypeAdapter(annotation).validate_python(value_type.read(texts, HERE)) == value
    assert value_type.metavar == metavar


@pytest.mark.parametrize(
    ("annotation", "texts"),
    [
        (int, ["x"]),
        (Literal[1, 2], ["3"]),
        (Server, ["no json"]),
        (dict[str, int], ["a"]),
        (Colour, ["green"]),
    ],
)
def test_wrong_values(annotation: Any, texts: list[str]) -> None:
    """What a type cannot read is left as it is, for whoever checks it to say so."""
    value = ParamDef("x", annotation).value_type.read(texts, HERE)
    with pytest.raises(ValueError, match=r"validation error"):
        TypeAdapter(annotation).validate_python(value)


@pytest.mark.parametrize(
    ("annotation", "secret"),
    [
        (SecretStr, True),
        (SecretStr | None, True),
        (list[SecretBytes], True),
        (dict[str, Secret[int]], True),
        (str, False),
        (list[str], False),
        (Login, True),
        (dict[str, Login], True),
        ("not a type", False),
    ],
)
def test_secrets_are_told_by_their_types(annotation: object, secret: bool) -> None:
    """A declared type with one of pydantic's secrets in it is one of a secret."""
    assert ParamDef("x", annotation).secret is secret
