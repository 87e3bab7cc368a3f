"""Parameters as a form, and back."""

from __future__ import annotations

import enum
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from peaceful._app.parameters.declaration import ParamGroup
from peaceful._web.pages.param_fields import ParamField, given_params, param_fields, shown_value


class Colour(enum.StrEnum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


class Params(BaseModel):
    """Parameters of every kind."""

    name: str
    number: int = 3
    share: float = 0.5
    on: bool = False
    colour: Colour = Colour.RED
    maybe: int | None = None
    names: list[str] = []
    by_name: dict[str, int] = {}
    secret: SecretStr = SecretStr("")


SCHEMA: dict[str, Any] = Params.model_json_schema()
GROUP = ParamGroup.of_model("form", Params)


def fields(**values: Any) -> dict[str, ParamField]:
    """The fields of the form, by name."""
    made = param_fields(GROUP, SCHEMA, values, {"number": "no"})
    return {field.name: field for field in made}


def test_each_type_has_its_field() -> None:
    """Numbers, choices, several lines; secrets cannot be changed."""
    form = fields(name="x", on=True)
    assert list(form) == list(Params.model_fields)
    assert (form["name"].kind, form["name"].required, form["name"].value) == ("text", True, "x")
    assert (form["number"].kind, form["number"].step) == ("number", "1")
    assert form["share"].step == "any"
    assert (form["on"].options, form["on"].value) == (("", "yes", "no"), "yes")
    assert form["colour"].options == ("", "red", "blue")
    assert [form[name].note for name in ("name", "on", "number")] == ["needed", "", "default"]
    assert (form["number"].value, form["number"].placeholder) == ("", "3")
    assert form["names"].lines
    assert form["secret"].fixed
    assert form["number"].error == "no"
    assert form["maybe"].options == ()


MODELS = st.builds(
    Params,
    name=st.text("abc xyz", min_size=1).map(str.strip).filter(bool),
    number=st.integers(-1000, 1000),
    share=st.floats(-10, 10),
    on=st.booleans(),
    colour=st.sampled_from(Colour),
    maybe=st.one_of(st.none(), st.integers(-5, 5)),
    names=st.lists(st.text(max_size=3), max_size=3),
    by_name=st.dictionaries(st.text("ab", max_size=2), st.integers(), max_size=2),
)


@given(MODELS, st.sets(st.sampled_from([*Params.model_fields])))
def test_a_form_sent_as_it_is_changes_nothing(params: Params, names: set[str]) -> None:
    """It gives nothing, and takes nothing back, whichever of its values are stored."""
    values = params.model_dump(mode="json", include=names)
    form = param_fields(GROUP, SCHEMA, values, {})
    typed = {field.name: field.value for field in form if not field.fixed}
    assert given_params(GROUP, typed, values) == ({}, ())


@given(MODELS, MODELS)
def test_what_is_typed_is_given(before: Params, after: Params) -> None:
    """Of what is typed, only what differs is given; an emptied field has its default again."""
    stored, wanted = before.model_dump(mode="json"), after.model_dump(mode="json")
    typed = {name: shown_value(value) for name, value in wanted.items() if name != "secret"}
    given_now, unset = given_params(GROUP, typed, stored)
    assert given_now.keys() == {
        name for name in typed if typed[name] and wanted[name] != stored[name]
    }
    kept = {name: value for name, value in stored.items() if name not in unset}
    assert Params.model_validate({**kept, **given_now}) == after


@pytest.mark.parametrize(
    ("name", "text", "given_value"),
    [
        ("number", "12", {"number": "12"}),
        ("name", "", {"name": ""}),
        ("on", "yes", {"on": True}),
        ("names", '["a"]', {"names": ["a"]}),
        ("names", "no json", {"names": "no json"}),
        ("none such", "x", {"none such": "x"}),
    ],
)
def test_what_is_typed(name: str, text: str, given_value: dict[str, Any]) -> None:
    """What is no value is left to whoever checks it, who says why."""
    assert given_params(GROUP, {name: text}, {"name": "x"}) == (given_value, ())


@pytest.mark.parametrize(("stored", "unset"), [({}, ()), ({"maybe": 3}, ("maybe",))])
def test_an_empty_field(stored: dict[str, Any], unset: tuple[str, ...]) -> None:
    """What has a default is taken back to it, if there is anything to take back."""
    assert given_params(GROUP, {"maybe": ""}, stored) == ({}, unset)


def test_values_are_shown_as_they_are_typed() -> None:
    """Texts as they are, all else as JSON."""
    assert shown_value(None) == ""
    assert shown_value("x") == "x"
    assert shown_value(True) == "yes"
    assert json.loads(shown_value({"a": [1]})) == {"a": [1]}
