"""Parameter specs: how each field of an item gets its value, as declared and as stored.

A field's declared value is plain (`ValueSpec`), what was stored before (`StoredSpec`), or has references
in it: on its own, or inside lists and mappings (`ReferenceSpec`). What is stored is readable:

```yaml
app_extract:
  tar_path: {from: app_download.state.path}
  dest: /srv/app
```

A plain value that is itself a mapping with the one key `from` or `value` is wrapped as `{value: …}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PosixPath, WindowsPath
from typing import Any, Final, TypeAlias, cast

from pydantic import SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

from peaceful.model import ItemId, JsonValue
from peaceful.params._reference import MappedReference, Reference, StateReference, reference_of


@dataclass(frozen=True, slots=True)
class ValueSpec:
    """A field with a plain value.

    Attributes:
        value: the value, already validated.
    """

    value: object


@dataclass(frozen=True, slots=True)
class ReferenceSpec:
    """A field whose value has references in it.

    Attributes:
        template: a reference object, or lists and mappings with such objects in them.
    """

    template: object


@dataclass(frozen=True, slots=True)
class StoredSpec:
    """A field that takes the value it was stored with before."""


FieldSpec: TypeAlias = ValueSpec | ReferenceSpec | StoredSpec
"""How one field gets its value."""


class _Stored:
    """Stands in a flow for a value that was stored before."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "stored()"


_STORED: Final = _Stored()


def stored() -> Any:  # Any: it stands in for a value of whatever type the field has
    """Says of a field: take the value that was stored for it before.

    The first command that gives the field a value stores it; later ones may say `stored()`.
    """
    return _STORED


def is_open(value: object) -> bool:
    """Whether a value in a flow's function is still to come: a reference, or `stored()`, or one within."""
    if type(value) in _SCALARS:
        return False
    return value is _STORED or next(references_in(value), None) is not None


_SCALARS: Final = frozenset({str, int, float, bool, bytes, type(None), PosixPath, WindowsPath})
"""Types that can hold no reference; asked first, because almost every value is of one of them."""


def spec_of(value: object) -> FieldSpec:
    """The spec that a value in a flow's function declares."""
    if value is _STORED:
        return StoredSpec()
    return ReferenceSpec(value) if is_open(value) else ValueSpec(value)


def references_in(value: object) -> Iterator[Reference]:
    """Every reference in a value: the value itself, or within lists, tuples, sets and mappings."""
    reference = reference_of(value)
    if reference is not None:
        yield reference
        if isinstance(reference, MappedReference):
            for argument in reference.arguments:
                yield from references_in(argument)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for part in value:
            yield from references_in(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from references_in(part)


def items_referred_to(value: object) -> Iterator[ItemId]:
    """The items whose states a value needs."""
    for reference in references_in(value):
        if isinstance(reference, StateReference):
            yield reference.item


def is_secret(value: object) -> bool:
    """Whether a value must never be written down."""
    return isinstance(value, (SecretStr, SecretBytes))


def stored_form(spec: FieldSpec) -> JsonValue:
    """The spec as it is written into a file: readable, and without secrets."""
    match spec:
        case ValueSpec(value):
            plain = plain_form(value)
            if isinstance(plain, Mapping) and set(plain) in _WRAPPED:
                return {"value": plain}
            return plain
        case ReferenceSpec(template):
            return _template_form(template)
        case StoredSpec():
            return {"from": "stored"}


_WRAPPED: Final = ({"from"}, {"value"})


def plain_form(value: object) -> JsonValue:
    """A plain value as JSON knows it; secrets become none."""
    kind = type(value)
    # Most values are of these types; pydantic is asked for the others.
    if kind in _AS_IT_IS:
        return cast(JsonValue, value)
    if kind is PosixPath:
        return str(value)
    if is_secret(value):
        return None
    return cast(JsonValue, to_jsonable_python(value, fallback=str, inf_nan_mode="strings"))


_AS_IT_IS: Final = frozenset({str, int, bool, type(None)})


def _template_form(template: object) -> JsonValue:
    reference = reference_of(template)
    if reference is not None:
        return {"from": str(reference)}
    if isinstance(template, Mapping):
        return {str(key): _template_form(part) for key, part in template.items()}
    if isinstance(template, (list, tuple, set, frozenset)):
        return [_template_form(part) for part in template]
    return stored_form(ValueSpec(template))


def merged(
    declared: Mapping[str, FieldSpec], stored_before: Mapping[str, FieldSpec]
) -> dict[str, FieldSpec]:
    """Field by field: what is declared now, and where that says `stored()`, what was stored before.

    A field that is stored nowhere stays `StoredSpec`; resolving it then names it.
    """
    return {
        name: stored_before.get(name, spec) if isinstance(spec, StoredSpec) else spec
        for name, spec in declared.items()
    }
