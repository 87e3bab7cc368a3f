"""What is wrong with values is said in words that show no secret."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator

from peaceful._params.masking import problems_in

HIDDEN = "hunter2"
NO_INTEGER = "Input should be a valid integer, unable to parse string as an integer"


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

    assert problems["needed"] == "Field required"
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
    assert _problems(choice="wrong") == {"": "Value error, does not fit together"}
