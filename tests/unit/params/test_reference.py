"""References stand in a flow for values that are not known yet."""

from __future__ import annotations

import copy
import math
import operator
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from peaceful import State, mapped
from peaceful._errors.usage import ReferenceUsedAsValue
from peaceful._params.references import StateReference, reference_of, reference_to_state
from peaceful.errors import ReferenceInvalid

OPERATIONS: dict[str, Callable[[Any], object]] = {
    "==": lambda ref: ref == "x",
    "!=": lambda ref: ref != "x",
    "reflected ==": lambda ref: "x" == ref,  # noqa: SIM300 - the reflected order is the point
    "equal to itself": lambda ref: ref == ref,  # noqa: PLR0124 - so is this
    "<": lambda ref: ref < 1,
    ">=": lambda ref: ref >= 1,
    "sorted": lambda ref: sorted([ref, ref]),
    "in a list": lambda ref: "x" in [ref, 1],
    "bool": bool,
    "not": operator.not_,
    "if": lambda ref: 1 if ref else 2,
    "and": lambda ref: ref and 1,
    "f-string": lambda ref: f"{ref}",
    "f-string with a format": lambda ref: f"{ref:>10}",
    "%": lambda ref: "%s" % ref,  # noqa: UP031 - people do
    "str": str,
    "format": "{}".format,
    "join": "".join,
    "bytes": bytes,
    "Path": Path,
    "Path /": lambda ref: Path("/x") / ref,
    "/": lambda ref: ref / "x",
    "str +": lambda ref: "x" + ref,
    "+": lambda ref: ref + "x",
    "+=": lambda ref: operator.iadd("x", ref),  # type: ignore[no-untyped-call]  # typeshed's
    "*": lambda ref: ref * 2,
    "**": lambda ref: ref**2,
    "pow": lambda ref: pow(ref, 2, 3),
    "divmod": lambda ref: divmod(ref, 2),
    "|": lambda ref: {} | ref,
    "<<": lambda ref: 1 << ref,
    "@": lambda ref: ref @ ref,
    "-": operator.neg,
    "abs": abs,
    "~": operator.inv,
    "round": round,
    "floor": math.floor,
    "int": int,
    "float": float,
    "complex": complex,
    "index": lambda ref: [1, 2][ref],
    "range": range,
    "len": len,
    "iter": iter,
    "list": list,
    "next": next,
    "reversed": reversed,
    "star": lambda ref: [*ref],
    "in": lambda ref: "x" in ref,
    "entry": lambda ref: ref["x"],
    "slice": lambda ref: ref[1:],
    "call": lambda ref: ref(),
    "call with arguments": lambda ref: ref(1, x=2),
    "attribute of a plain value": lambda ref: ref.parent,
    "method of a plain value": lambda ref: ref.with_suffix(".x"),
    "set attribute": lambda ref: setattr(ref, "x", 1),
    "delete attribute": lambda ref: delattr(ref, "x"),
    "set entry": lambda ref: operator.setitem(ref, "x", 1),
    "delete entry": lambda ref: operator.delitem(ref, "x"),
    "with": lambda ref: ref.__enter__(),
    "await": lambda ref: ref.__await__(),
    "async for": aiter,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_refused(name: str, house: Any) -> None:
    """What would need the value is refused, says which reference it is, and what to write."""
    with pytest.raises(ReferenceUsedAsValue) as refused:
        OPERATIONS[name](house.path)

    assert refused.value.reference == "house.state.path"
    assert 'mapped("a_name", function, house.state.path)' in refused.value.help


def test_a_match_statement_is_refused(house: Any) -> None:
    """So is a comparison by a pattern."""

    def matched() -> bool:
        match house.path:
            case "x":
                return True
            case _:
                return False

    with pytest.raises(ReferenceUsedAsValue):
        matched()


def test_each_field_is_a_reference(house: Any) -> None:
    """A name after a reference is a field of the state, whatever the field is called."""
    for name in ("path", "name", "value", "type", "state", "item"):
        assert str(reference_of(getattr(house, name))) == f"house.state.{name}"


def test_a_reference_has_no_public_attribute() -> None:
    """Every public name belongs to the state."""
    reference = reference_to_state("empty", State)

    assert [name for name in dir(type(reference)) if not name.startswith("_")] == []


@pytest.mark.parametrize(
    ("read", "path"),
    [
        (lambda ref: ref.server.host, ("server", "host")),
        (lambda ref: ref.disk.size, ("disk", "size")),
        (lambda ref: ref.point.x, ("point", "x")),
        (lambda ref: ref.label, ("label",)),
    ],
)
def test_fields_of_structures_are_references_too(
    read: Callable[[Any], object], path: tuple[str, ...], house: Any
) -> None:
    """Models, also where there may be none, data classes, named tuples; and computed fields."""
    reference = reference_of(read(house))

    assert isinstance(reference, StateReference)
    assert reference.path == path


def test_a_field_that_does_not_exist_is_refused_with_those_that_do(house: Any) -> None:
    """A wrong name is found at once."""
    with pytest.raises(ReferenceInvalid, match=r"house.state has no field 'pth'") as refused:
        _ = house.pth
    assert "path" in str(refused.value)


def test_functions_of_a_state_cannot_be_called(house: Any) -> None:
    """What is an attribute of a state but no field of it must be computed."""
    with pytest.raises(ReferenceUsedAsValue, match=r"reading its 'shout'"):
        house.shout()


def test_what_a_mapping_function_gives_has_no_fields(house: Any) -> None:
    """A computed value is used whole."""
    computed: Any = mapped("whole", lambda state: state, house)

    with pytest.raises(ReferenceUsedAsValue, match=r"whole\(house.state\)"):
        _ = computed.path


def test_other_libraries_may_look_for_what_an_object_can_do(house: Any) -> None:
    """Names that begin with an underscore are missing, as they are from other objects."""
    for name in ("_repr_html_", "__rich__", "__array__", "_ipython_display_", "__fields__"):
        assert not hasattr(house, name)


def test_references_can_be_told_apart_and_shown(house: Any) -> None:
    """A reference can be printed by `repr`, and be in a set."""
    assert repr(house.path) == "<reference house.state.path>"
    assert len({house.path, house.name}) == 2


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_are_the_same(copied: Callable[[object], object], house: Any) -> None:
    """A reference never changes, so a copy of it is itself."""
    assert copied(house) is house
    assert copied([house])  # and inside of other things


def test_references_can_be_pickled(house: Any) -> None:
    """A pickled reference points to the same thing."""
    again = pickle.loads(pickle.dumps(reference_to_state("some", State)))

    assert reference_of(again) == StateReference("some", (), State)


def test_equality_of_what_references_point_to(house: Any) -> None:
    """What two references point to can be compared; it is the same where item and path are."""
    assert reference_of(house.path) == StateReference("house", ("path",), Path)
    assert reference_of(house.path) != reference_of(house.name)


class _Plain(BaseModel):
    text: str = ""
    number: int = 0
    real: float = 0
    path: Path = Path()
    yes: bool = False
    names: list[str] = []


@pytest.mark.parametrize("field", _Plain.model_fields)
def test_pydantic_refuses_references_where_it_does_not_know_them(field: str, house: Any) -> None:
    """A model that is no item says that a reference is not what it takes; it never takes it."""
    with pytest.raises((ValidationError, ReferenceUsedAsValue), match=r"house\.state\.path"):
        _Plain.model_validate({field: house.path})


@pytest.mark.parametrize("declared", [str, int, Path, list[str], dict[str, int], bytes, bool])
def test_isinstance_is_safe(declared: Any, house: Any) -> None:
    """Asking for the type of a reference is no error, and it is none of the usual ones."""
    assert not isinstance(house.path, (str, int, Path, list, dict, bytes))
    with pytest.raises((ValidationError, ReferenceUsedAsValue)):
        TypeAdapter(declared).validate_python(house.path)
