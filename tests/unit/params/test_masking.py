"""Taking secrets out of texts that somebody else wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, Secret, SecretBytes, SecretStr, ValidationError

from peaceful._params.masking import problems_in, secret_texts, without_secrets, without_texts


class Login(BaseModel):
    """A model with a secret."""

    user: str
    key: SecretStr


@dataclass
class Pair:
    """A data class with a secret."""

    name: str
    pin: Secret[int]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (SecretStr("a"), ["a"]),
        (SecretBytes(b"a"), ["a"]),
        (Secret(7), ["7"]),
        (Secret(Secret("a")), ["a"]),
        (Secret({"a": ["b", 1.5]}), ["b", "1.5"]),
        (Login(user="ada", key=SecretStr("a")), ["a"]),
        (Pair("ada", Secret(7)), ["7"]),
        ({"x": [SecretStr("a"), (SecretStr("b"),)], "y": "z"}, ["a", "b"]),
        (Secret(True), []),
        (Secret(None), []),
        ("plain", []),
        (b"plain", []),
        (None, []),
    ],
)
def test_the_texts_of_secrets(value: object, texts: list[str]) -> None:
    """Those of all secrets in a value, however deep; what is no secret is not among them."""
    assert list(secret_texts(value)) == texts


@given(
    st.text(),
    st.lists(st.text(st.characters(exclude_characters="*"), min_size=1), min_size=1),
    st.text(),
)
def test_no_secret_is_left_in_a_text(before: str, secrets: list[str], after: str) -> None:
    """None of them, neither as it is nor as Python writes it; one may be a part of another."""
    written = before + "".join(f"{secret} {secret!r}" for secret in secrets) + after
    shown = without_texts(written, secrets)
    for secret in secrets:
        assert secret not in shown


@pytest.mark.parametrize("secrets", [["hunter", "hunter2"], ["hunter2", "hunter"]])
def test_a_secret_that_is_a_part_of_another(secrets: list[str]) -> None:
    """The longer one is hidden whole, whichever comes first."""
    assert without_texts("it is hunter2, not hunter", secrets) == "it is **********, not **********"


def test_what_is_no_secret_stays() -> None:
    """A text without secrets is the same text; an empty secret is nothing to hide."""
    assert without_texts("a text", ["other", ""]) == "a text"


# ---- in what pydantic finds


def _refuse(value: object) -> object:
    raise ValueError(f"{value} will not do")


class Strict(BaseModel):
    """A model that refuses everything."""

    name: Annotated[str, BeforeValidator(_refuse)] = "n"
    key: Annotated[SecretStr, BeforeValidator(_refuse)] = SecretStr("k")


class Open(BaseModel, extra="forbid"):
    """A model without secrets, that refuses its field."""

    name: Annotated[str, BeforeValidator(_refuse)] = "n"


def _found(model: type[BaseModel], **values: object) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        model(**values)
    return caught.value


def test_the_words_of_a_developer() -> None:
    """A validator may repeat the value: of a secret it is hidden, of anything else it is shown."""
    error = _found(Strict, name="ada", key="hunter2")
    assert problems_in(error, Strict) == [
        ("name", "ada will not do, not 'ada'"),
        ("key", "********** will not do"),
    ]
    assert "hunter2" not in str(without_secrets(error, Strict))
    assert "ada" in str(without_secrets(error, Strict))


def test_where_the_model_is_not_known() -> None:
    """Then nothing of any value is shown."""
    error = _found(Strict, name="ada", key="hunter2")
    for field, reason in problems_in(error, None):
        assert reason == "********** will not do", field
    shown = str(without_secrets(error, None))
    assert "ada" not in shown
    assert "hunter2" not in shown


class Forbidding(Login, extra="forbid"):
    """A model with a secret, and no other names."""


def test_a_name_that_was_mistyped() -> None:
    """What was given under a wrong name may have been meant for a secret."""
    wrong = _found(Forbidding, user="ada", key="k", kye="hunter2")
    assert problems_in(wrong, Forbidding) == [("kye", "there is no such field")]
    harmless = _found(Open, nmae="ada")
    assert problems_in(harmless, Open) == [("nmae", "there is no such field")]
