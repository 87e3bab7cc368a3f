"""What is wrong with values is said in words that show no secret."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AnyHttpUrl, BaseModel, Field, SecretStr, ValidationError, model_validator

from peaceful._params.masking import problems_in

HIDDEN = "hunter2"
NO_INTEGER = "it must be a whole number"


class Login(BaseModel):
    """A model with a secret in it."""

    password: Annotated[SecretStr, Field(min_length=20)]


class Model(BaseModel):
    """A model in which many things can be wrong."""

    number: int = 0
    aliased: Annotated[int, Field(alias="from")] = 0
    names: list[int] = []
    token: Annotated[SecretStr, Field(min_length=20)] = SecretStr("x" * 20)
    login: Login | None = None
    choice: object = None
    needed: str

    @model_validator(mode="after")
    def _together(self) -> Model:
        if self.choice == "wrong":
            raise ValueError("does not fit together")
        return self


def _problems(**values: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as invalid:
        Model(**{"needed": "", **values})
    return dict(problems_in(invalid.value, Model))


def test_each_problem_names_its_place_its_reason_and_the_value() -> None:
    """All at once."""
    assert _problems(number="many", names=[1, "x" * 100], **{"from": "a"}) == {
        "number": f"{NO_INTEGER}, not 'many'",
        "names.1": f"{NO_INTEGER}, not '{'x' * 76}...",
        "from": f"{NO_INTEGER}, not 'a'",
    }


def test_what_is_missing_has_no_value() -> None:
    """Pydantic would show everything else instead."""
    with pytest.raises(ValidationError) as invalid:
        Model(token=HIDDEN)  # type: ignore[call-arg, arg-type]  # the point

    problems = dict(problems_in(invalid.value, Model))

    assert problems["needed"] == "it has no value"
    assert HIDDEN not in str(problems)


@pytest.mark.parametrize(
    "values",
    [
        {"token": HIDDEN},
        {"token": SecretStr(HIDDEN)},
        {"login": {"password": HIDDEN}},
        {"number": SecretStr(HIDDEN)},
        {"names": [[SecretStr(HIDDEN)]]},
        {"choice": "wrong", "token": HIDDEN * 5},
    ],
)
def test_secrets_are_not_shown(values: dict[str, Any]) -> None:
    """Neither what is given for a secret, nor a secret that is given for something else."""
    problems = _problems(**values)

    assert problems
    assert HIDDEN not in str(problems)
    assert "*" not in str(problems)


def test_problems_of_the_whole_have_no_place() -> None:
    """Where a model finds that its fields do not fit together."""
    assert _problems(choice="wrong") == {"": "does not fit together"}


class Many(BaseModel):
    """Fields of many types."""

    share: Annotated[float, Field(gt=0, le=1)] = 1
    even: Annotated[int, Field(multiple_of=2)] = 0
    on: bool = False
    name: Annotated[str, Field(min_length=2, max_length=4)] = "ab"
    word: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
    names: Annotated[list[str], Field(max_length=1)] = []
    by_name: dict[str, int] = {}
    mode: Literal["fast", "safe"] = "fast"
    path: Path = Path()
    day: date = date(2026, 1, 31)
    at: datetime = datetime(2026, 1, 31, tzinfo=UTC)
    pause: timedelta = timedelta()
    login: Login | None = None
    price: Decimal = Decimal()
    key: UUID = UUID(int=0)
    url: AnyHttpUrl | None = None


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("share", "x", "it must be a number, not 'x'"),
        ("share", 0, "it must be greater than 0.0, not 0"),
        ("share", 2, "it must be at most 1.0, not 2"),
        ("even", 3, "it must be a multiple of 2, not 3"),
        ("even", 0.5, "it must be a whole number, not 0.5"),
        ("on", "maybe", "it must be true or false, not 'maybe'"),
        ("name", "a", "it must be at least 2 characters long, not 'a'"),
        ("name", "abcde", "it must be at most 4 characters long, not 'abcde'"),
        ("name", 1, "it must be a text, not 1"),
        ("word", "1", "it must match the pattern ^[a-z]+$, not '1'"),
        ("names", "a", "it must be a list, not 'a'"),
        ("names", ["a", "b"], "it must have a length of at most 1, not ['a', 'b']"),
        ("by_name", 1, "it must be names with values, not 1"),
        ("mode", "slow", "it must be 'fast' or 'safe', not 'slow'"),
        ("path", 1, "it must be a path, not 1"),
        ("day", "x", "it must be a date, such as 2026-01-31, not 'x'"),
        ("at", "x", "it must be a date and time, such as 2026-01-31T14:02:11Z, not 'x'"),
        ("pause", "x", "it must be a duration, such as 00:01:30 or PT90S, not 'x'"),
        ("login", "x", "it must be names with values"),
        ("price", "x", "it must be a number, not 'x'"),
        ("key", "x", "it must be a UUID, not 'x'"),
        ("url", "x", "it must be an address (URL), not 'x'"),
        (
            "url",
            "ftp://x",
            "it must be an address that begins with 'http' or 'https', not 'ftp://x'",
        ),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(field: str, value: object, reason: str) -> None:
    """What the value must be, and what it is; not how it is read."""
    with pytest.raises(ValidationError) as invalid:
        Many(**{field: value})  # type: ignore[arg-type]  # the point
    assert problems_in(invalid.value, Many) == [(field, reason)]


def test_what_is_not_known_keeps_the_words_of_pydantic() -> None:
    """A problem that only programs have is told as pydantic tells it."""

    class Called(BaseModel):
        """A field that is a function."""

        call: Callable[[], object]

    with pytest.raises(ValidationError) as invalid:
        Called(call=1)  # type: ignore[arg-type]  # the point
    assert problems_in(invalid.value, Called) == [("call", "Input should be callable, not 1")]
