"""Whether the references that an item is declared with can be meant for where they stand."""

from __future__ import annotations

from collections.abc import Mapping

from peaceful._annotations import is_assignable, structure_in, type_name
from peaceful.errors import ReferenceInvalid
from peaceful.item._declared import given_to
from peaceful.item._fields import declared_type
from peaceful.item._item import AnyItem
from peaceful.params import (
    MappedReference,
    Reference,
    places,
)


def checked_references(item: AnyItem) -> None:
    """Compares the type of each reference with what is due where it stands.

    Raises:
        ReferenceInvalid: a value of that type cannot go there.
    """
    if given_to(item) is None:
        return
    for name, value in item.__dict__.items():
        declared = declared_type(type(item), name)
        for place, reference, wanted in places(value, declared, f"{type(item).__name__}.{name}"):
            if not is_assignable(reference.type, wanted):
                raise _misplaced(reference, place, wanted)


def _misplaced(reference: Reference, place: str, wanted: object) -> ReferenceInvalid:
    computed = "returns" if isinstance(reference, MappedReference) else "is"
    return ReferenceInvalid(
        f"{reference} cannot be given for {place}: "
        f"it {computed} {type_name(reference.type)}, not {type_name(wanted)}.",
        help=_mend(reference, wanted),
    )


def _mend(reference: Reference, wanted: object) -> str:
    structure = structure_in(reference.type)
    if structure is not None and not isinstance(reference, MappedReference):
        _, fields = structure
        fitting = [name for name, kind in fields.items() if is_assignable(kind, wanted)]
        if fitting:
            return f"refer to a field of it: {', '.join(f'{reference}.{name}' for name in fitting)}"
    name = type_name(wanted)
    if name in _CONVERTERS:
        return f'convert it: mapped("{_CONVERTERS[name]}", {name}, {reference})'
    return f'refer to another field, or compute one: mapped("a_name", function, {reference})'


_CONVERTERS: Mapping[str, str] = {
    "str": "as_text",
    "Path": "as_path",
    "int": "as_int",
    "float": "as_float",
}
"""By the name of a class that can be called with a value, a name for that as a mapping function."""
