"""Options made from declared parameters, and values read from texts."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import click
import pytest
from pydantic import BaseModel, Field
from pydantic.types import SecretStr
from pydantic_core import PydanticUndefined

from peaceful import App, Flow, SecretSource
from peaceful._app.parameters.declaration import ParamDef
from peaceful._app.parameters.reading import Shape
from peaceful._cli.commands.params import (
    declared_params,
    given_params,
    param_option,
    params_words,
)
from peaceful.errors import DefinitionError, NameUnknown, UsageError


class Colour(enum.Enum):
    """Some colours."""

    RED = "red"
    BLUE = "blue"


class Login(BaseModel):
    """A value with a secret inside."""

    user: str
    password: SecretStr


def test_truth() -> None:
    """A truth value is given by one of two options."""
    assert ParamDef("x", bool | None).value_type.shape is Shape.FLAG
    option = param_option(ParamDef("some_thing", bool, True))
    assert option.opts == ["--some-thing"]
    assert option.secondary_opts == ["--no-some-thing"]


def made() -> list[ParamDef]:
    """What is declared, one of it with a default."""
    return [
        ParamDef("url", str),
        ParamDef("tags", list[str]),
        ParamDef("count", int, 3),
    ]


def parsed(params: list[ParamDef], *words: str) -> dict[str, Any]:
    """The values that words give to parameters."""
    command = click.Command(
        "init",
        params=[*map(param_option, params), *params_words(params)],
        callback=lambda **kwargs: kwargs,
    )
    values: dict[str, Any] = command.main(list(words), standalone_mode=False)
    return values


def test_given_by_name_and_by_position() -> None:
    """Parameters without a default may be given by position, in the order of declaration."""
    params = made()
    given = given_params(params, parsed(params, "http://x", "t", "--count", "5"))
    assert {name: (each.value, each.origin) for name, each in given.items()} == {
        "url": ("http://x", "URL"),
        "tags": (["t"], "TAGS"),
        "count": ("5", "--count"),
    }
    assert given_params(params, parsed(params)) == {}


def test_too_many_words() -> None:
    """A word for which there is no parameter is refused."""
    params = made()
    with pytest.raises(UsageError, match="no parameter for the word 'c'"):
        given_params(params, parsed(params, "a", "b", "c"))


def test_words_beside_options() -> None:
    """Words are for the parameters that no option gives, in order."""
    params = made()
    given = given_params(params, parsed(params, "t", "--url", "http://x"))
    assert {name: each.value for name, each in given.items()} == {"url": "http://x", "tags": ["t"]}
    with pytest.raises(UsageError, match="no parameter for the word 'u'"):
        given_params(params, parsed(params, "t", "u", "--url", "http://x"))


def test_secrets_by_position() -> None:
    """A secret has no place among the words, which others can see."""
    secret = ParamDef("token", SecretStr)
    option = param_option(secret)
    assert option.metavar == "SOURCE"
    assert params_words([secret]) == []
    with pytest.raises(UsageError, match="not the secret itself") as caught:
        given_params([secret], parsed([secret], "--token", "hunter2"))
    assert "hunter2" not in str(caught.value)
    given = given_params([secret], parsed([secret], "--token", "env:TOKEN"))
    assert given["token"].value == SecretSource("env", "TOKEN")


def test_a_value_with_a_secret_inside() -> None:
    """It is given by a source too, and never as what it is."""
    login = ParamDef("login", Login)
    with pytest.raises(UsageError, match="not the secret itself"):
        given_params([login], parsed([login], "--login", '{"user": "u", "password": "hunter2"}'))
    given = given_params([login], parsed([login], "--login", "env:LOGIN"))
    assert given["login"].value == SecretSource("env", "LOGIN")


def help_of(declared: ParamDef) -> str:
    """What the help says of a parameter."""
    return param_option(declared).help or ""


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        (ParamDef("a", int), "[needed]"),
        (ParamDef("a", int, 3, help="how many"), "how many  [default: 3]"),
        (ParamDef("a", bool, False), "[default: no]"),
        (ParamDef("a", bool, True), "[default: yes]"),
        (ParamDef("a", str, None), ""),
        (ParamDef("a", Colour, Colour.RED), "[default: red]"),
        (
            ParamDef("a", list[str], ["x", "y"]),
            "[may be repeated; default: x, y]",
        ),
        (
            ParamDef("a", dict[str, int], {"x": 1}),
            "[may be repeated; default: x=1]",
        ),
        (ParamDef("a", list[str], []), "[may be repeated]"),
        (ParamDef("a", list[str], PydanticUndefined), "[may be repeated]"),
    ],
)
def test_help(declared: ParamDef, shown: str) -> None:
    """Help says what a parameter is for, whether it is needed, and its default."""
    assert help_of(declared) == shown


@pytest.mark.parametrize(
    ("declared", "words", "origin"),
    [
        (ParamDef("into", Path), ("--into", "~nobody_of_that_name/x"), "--into"),
        (ParamDef("into", Path), ("~nobody_of_that_name/x",), "INTO"),
        (ParamDef("token", SecretStr), ("--token", "file:~nobody_of_that_name/x"), "--token"),
    ],
)
def test_what_cannot_be_read_says_where_it_was_set(
    declared: ParamDef, words: tuple[str, ...], origin: str
) -> None:
    """By the option, or by its place."""
    with pytest.raises(UsageError, match="a user whom nobody knows") as caught:
        given_params([declared], parsed([declared], *words))
    assert caught.value.details == (("set in", origin),)


class Shared(BaseModel):
    """Parameters of a workspace."""

    region: str = Field(description="Where it all is.")
    retries: int = 3


def shared_app() -> App:
    """An application whose flows share parameters."""
    app = App("shared", workspace_params=Shared)

    @app.flow("one")
    def one(
        flow: Flow,
        shared: Shared,
        into: Annotated[Path, Field(description="The folder.")],
        plain: Annotated[int, "no description"] = 1,
    ) -> None:
        """One.

        Args:
            flow: takes the items.
            shared: what all share.
            into: another folder than its description says.
            plain (int): a number
                over two lines.
        """

    @app.flow("two")
    def two(flow: Flow, into: str, other: bool = False) -> None:
        """Two."""

    return app


def test_declared() -> None:
    """Parameters of the workspace come first, then those of each flow; each name once."""
    declared = declared_params(shared_app(), None)
    assert [(each.name, each.required, each.help) for each in declared] == [
        ("region", True, "Where it all is."),
        ("retries", False, ""),
        ("into", True, "The folder."),
        ("plain", False, "a number over two lines."),
        ("other", False, ""),
    ]
    assert [each.name for each in declared_params(shared_app(), "two")] == [
        "region",
        "retries",
        "into",
        "other",
    ]


def test_unknown_flow() -> None:
    """A flow that is not there has no parameters."""
    with pytest.raises(NameUnknown):
        declared_params(shared_app(), "three")


def test_a_name_that_is_taken() -> None:
    """A parameter cannot be named as an option of every command is."""
    app = App("taken")

    @app.flow("one")
    def one(flow: Flow, profile: str) -> None:
        """One."""

    with pytest.raises(DefinitionError, match="commands have an option"):
        declared_params(app, None)
