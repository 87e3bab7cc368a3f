"""Values of the framework's own declarations, whatever they may hold."""

from __future__ import annotations

from datetime import UTC
from functools import cache
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

TEXTS = st.text(st.characters(exclude_categories=()), max_size=5)
"""Half characters too, as in names of files that are no text."""

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(TEXTS, inside, max_size=2),
    max_leaves=3,
)


@cache
def values_of(kind: type) -> st.SearchStrategy[Any]:
    """Values of a declaration, and of all that it is made of."""
    return _values(inspect.type_info(kind))


def _values(info: inspect.Type) -> st.SearchStrategy[Any]:
    found: st.SearchStrategy[Any]
    match info:
        case inspect.Metadata(type=inner):
            found = _values(inner)
        case inspect.UnionType(types=types):
            found = st.one_of([_values(each) for each in types])
        case (
            inspect.StructType(cls=cls, fields=fields)
            | inspect.DataclassType(cls=cls, fields=fields)
        ):
            found = st.builds(cls, **{field.name: _values(field.type) for field in fields})
        case inspect.DictType(key_type=key, value_type=value):
            found = st.dictionaries(_values(key), _values(value), max_size=2)
        case inspect.VarTupleType(item_type=item):
            found = st.lists(_values(item), max_size=2).map(tuple)
        case inspect.EnumType(cls=enum):
            found = st.sampled_from(list(enum))
        case inspect.DateTimeType():
            found = st.datetimes(timezones=st.just(UTC))
        case _:
            found = _PLAIN[type(info)]
    return found


_PLAIN: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.AnyType: JSON,
    inspect.BoolType: st.booleans(),
    inspect.FloatType: NUMBERS,
    inspect.IntType: st.integers(-(2**63), 2**63 - 1),
    inspect.NoneType: st.none(),
    inspect.StrType: TEXTS,
}
