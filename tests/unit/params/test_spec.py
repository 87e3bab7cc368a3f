"""What is stored of parameters is readable, and becomes the same parameters again."""

from __future__ import annotations

import copy
import functools
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from peaceful import State, mapped, stored
from peaceful._params.references import reference_of, reference_to_state
from peaceful._params.specs import fill_references, is_pending
from peaceful._params.stored_specs import UnreadableSpec, stored_form, value_from_stored


class Inner(State):
    """A state within a state."""

    number: int = 5


class WideState(State):
    """A state to refer to."""

    text: str = "t"
    inner: Inner = Inner()


ITEMS = ("plain", "import", "class", "None", "straße", "ﬁle", "数据", "_x1")
STATE_TYPES = dict.fromkeys(ITEMS, WideState)


def as_list(*parts: object) -> list[object]:
    """A mapping function."""
    return [*parts]


def named_path(path: Path, size: float = 0) -> str:
    """A mapping function that says what it takes."""
    assert isinstance(path, Path)
    return f"{path} {size}"


FUNCTIONS: dict[str, Callable[..., object]] = {
    "as_list": as_list,
    "secret": as_list,
    "über": as_list,
}

texts = st.text(max_size=8) | st.sampled_from(["from", "value", "a.state.b", "'", '"', "\\", "\n"])
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
plain_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(texts, inside, max_size=3),
    max_leaves=8,
)


@st.composite
def references(draw: st.DrawFn) -> Any:
    """A reference to a state, or to a part of it."""
    whole: Any = reference_to_state(draw(st.sampled_from(ITEMS)), WideState)
    return draw(st.sampled_from([whole, whole.text, whole.inner, whole.inner.number]))


def _calls(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda name, arguments: mapped(name, FUNCTIONS[name], *arguments),
        st.sampled_from(sorted(FUNCTIONS)),
        st.lists(inside, max_size=3),
    )


templates = st.recursive(
    references() | plain_values,
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(texts, inside, max_size=3) | _calls(inside)
    ),
    max_leaves=8,
)


def _again(form: Any) -> Any:
    return value_from_stored(form, state_types=STATE_TYPES, functions=FUNCTIONS)


def _resolved(template: object) -> object:
    return fill_references(template, lambda _: WideState())


@given(plain_values)
def test_values_are_read_as_they_were_written(value: object) -> None:
    """Whatever they look like, at whatever depth."""
    assert _again(stored_form(value)) == value


@given(templates)
def test_parameters_are_read_as_they_were_written(template: Any) -> None:
    """What was read stands for the same value, and would be written the same again."""
    form = stored_form(template)

    again = _again(form)

    assert stored_form(again) == form
    assert is_pending(again) == is_pending(template)
    assert _resolved(again) == _resolved(template)
    assert repr(again) == repr(template)


def test_stored_parameters_are_readable() -> None:
    """A value is itself; a reference is where it comes from."""
    archive: Any = reference_to_state("plain", WideState)

    assert stored_form(Path("/srv/app")) == "/srv/app"
    assert stored_form(archive.text) == {"from": "plain.state.text"}
    assert stored_form(["-C", archive.text]) == ["-C", {"from": "plain.state.text"}]
    assert stored_form(mapped("join", lambda *parts: "".join(parts), archive.text, "x")) == {
        "from": "join(plain.state.text, 'x')"
    }
    assert stored_form({"from": "here"}) == {"value": {"from": "here"}}
    assert stored_form(stored()) == {"from": "stored"}


def test_what_people_write_by_hand_is_read() -> None:
    """Though it would not be written so."""
    assert _again({"value": "x"}) == "x"
    assert _again({"value": [{"from": "b", "c": 1}]}) == [{"from": "b", "c": 1}]


@dataclass(frozen=True)
class Mount:
    """A data class."""

    path: object
    size: int = 0


def test_containers_are_written_as_lists_and_mappings() -> None:
    """Which is what can be given for tuples, sets and data classes, too."""
    text: Any = reference_to_state("plain", WideState).text
    reference = {"from": "plain.state.text"}

    assert stored_form((1, text)) == [1, reference]
    assert stored_form({text}) == [reference]
    assert stored_form(Mount(text)) == {"path": reference, "size": 0}
    assert stored_form({1: text, "k": Path("/x")}) == {"1": reference, "k": "/x"}


def test_arguments_become_what_the_function_takes() -> None:
    """A path is written as text, and is a path again for a function that says so."""
    reference: Any = reference_to_state("plain", WideState).text
    template: Any = mapped("named", functools.partial(named_path), Path("/x"), math.inf)
    form = stored_form([template, reference])

    assert form[0] == {"from": "named('/x', 'Infinity')"}  # type: ignore[index]
    again = value_from_stored(form, state_types=STATE_TYPES, functions={"named": named_path})
    assert _resolved(again) == ["/x inf", "t"]


def test_arguments_of_many_kinds_are_written_readably() -> None:
    """Sets in order; secrets not at all."""
    text: Any = reference_to_state("plain", WideState).text
    template = mapped(
        "as_list", as_list, {"b", "a"}, (1, None), {"k": text}, {text}, SecretStr("hunter2"), True
    )

    assert stored_form(template) == {
        "from": "as_list(['a', 'b'], [1, None], {'k': plain.state.text}, [plain.state.text],"
        " secret, True)"
    }


def test_secrets_are_not_stored() -> None:
    """Neither alone, nor beside references; what has one among its arguments is not read back."""
    text: Any = reference_to_state("plain", WideState).text

    assert stored_form(SecretStr("hunter2")) is None
    assert stored_form([text, SecretStr("hunter2")]) == [
        {"from": "plain.state.text"},
        None,
    ]
    with pytest.raises(UnreadableSpec, match="a secret is never stored"):
        _again({"from": "as_list(secret)"})


def test_stored_is_one_thing() -> None:
    """However it is copied; and it shows as it is written."""
    assert repr(stored()) == "stored()"
    assert is_pending(stored())
    for other in (
        copy.copy(stored()),
        copy.deepcopy(stored()),
        pickle.loads(pickle.dumps(stored())),
    ):
        assert other is stored()
    assert _again({"from": "stored"}) is stored()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a value is missing"),
        ("plain", "'plain' alone is neither"),
        ("plain.state", None),
        ("plain.state.inner.number", None),
        ("  as_list ( plain . state , ) ", None),
        ("plain.state.nothing", "has no field 'nothing'"),
        ("plain.state.text.upper", "reading its 'upper'"),
        ("plain.name", "plain.name is not the state of an item"),
        ("unknown.state.text", "unknown.state is not the state of an item"),
        ("plain.state.", "a name should be"),
        ("plain.state text", "'text' is found where '' should be"),
        ("plain.state.1", "is found where a name should be"),
        ("unknown(plain.state)", "no mapping function is named 'unknown'"),
        ("as_list(plain.state", "',' should be"),
        ("as_list(plain.state))", "')' is found"),
        ("as_list(1 2)", "',' should be"),
        ("as_list(x=1)", "'=1)' is not understood"),
        ("as_list({1: 2})", "the key of a mapping is not a text"),
        ("as_list({'a' 2})", "':' should be"),
        ("as_list(1.2.3)", "neither a number nor a text"),
        ("as_list('\\N{no such}')", "neither a number nor a text"),
        ("as_list('unended)", "not understood"),
        ("as_list(plain)", "'plain' alone"),
        ("__import__('os').system('true')", "no mapping function is named '__import__'"),
        ("as_list('os').system('true')", "'.' is found"),
        ("lambda: 1", "'lambda' alone"),
        ("as_list(" * 5000, "too many parentheses"),
        ("[plain.state]", "neither an item's state nor a mapping function"),
        ("'text'", "neither an item's state nor a mapping function"),
        ("stored()", "no mapping function is named 'stored'"),
        (5, "5 is not the text of a reference"),
        ({"from": "plain.state"}, "is not the text of a reference"),
    ],
)
def test_what_is_no_reference_is_refused(text: Any, reason: str | None) -> None:
    """With a reason; nothing of it is ever run."""
    if reason is None:
        assert reference_of(_again({"from": text})) is not None
        return
    with pytest.raises(UnreadableSpec) as unreadable:
        _again({"from": text})
    assert reason in str(unreadable.value)


def test_stored_within_a_value_is_refused() -> None:
    """It stands for a whole parameter."""
    with pytest.raises(UnreadableSpec, match="'stored' alone"):
        _again([{"from": "stored"}])


def test_a_function_that_takes_other_things_is_refused() -> None:
    """What was stored for an earlier version of a function may not be what it takes now."""
    with pytest.raises(UnreadableSpec, match="'many' is not what the function takes"):
        value_from_stored(
            {"from": "named('/x', 'many')"},
            state_types=STATE_TYPES,
            functions={"named": named_path},
        )


def test_models_can_be_arguments() -> None:
    """A function may take a model, which is written as a mapping."""
    form = stored_form(mapped("number", _number, Inner(number=3)))

    again = value_from_stored(form, state_types={}, functions={"number": _number})

    assert form == {"from": "number({'number': 3})"}
    assert _resolved(again) == 3


def _number(inner: Inner) -> int:
    return inner.number


def test_types_are_known_of_what_was_read() -> None:
    """So that what is stored can be checked as what is declared."""
    spec = _again({"from": "plain.state.inner.number"})
    computed = value_from_stored(
        {"from": "number({})"}, state_types={}, functions={"number": _number}
    )

    for one in (spec, computed):
        reference = reference_of(one)
        assert reference is not None
        assert reference.type is int
