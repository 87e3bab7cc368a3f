"""Parameter specs: how each field of an item gets its value, as declared and as stored.

A field's declared value is plain (`ValueSpec`), what was stored before (`StoredSpec`), or has
references in it: on its own, or inside lists and mappings (`ReferenceSpec`). What is stored is
readable:

```yaml
app_extract:
  tar_path: {from: app_download.state.path}
  dest: /srv/app
```

A mapping whose one key is `from` or `value` itself is wrapped as `{value: …}`, at whatever depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from peaceful.model import JsonValue
from peaceful.params._plain import is_data_class, is_mapping, key_text, plain_form
from peaceful.params._reference import reference_of
from peaceful.params._stored_word import STORED
from peaceful.params._template import is_open, parts_of


@dataclass(frozen=True, slots=True)
class ValueSpec:
    """A field with a plain value.

    Attributes:
        value: the value.
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

STORED_FORM: Final[Mapping[str, JsonValue]] = {"from": "stored"}
"""What is stored of a field that takes what was stored before, where nothing was."""

_MEANING: Final = ({"from"}, {"value"})
"""The keys of mappings that are more than themselves."""


def spec_of(value: object) -> FieldSpec:
    """The spec that a value in a flow's function declares.

    Raises:
        DefinitionError: `stored()` is within it, or a reference is the key of a mapping.
    """
    if value is STORED:
        return StoredSpec()
    return ReferenceSpec(value) if is_open(value) else ValueSpec(value)


def stored_form(spec: FieldSpec) -> JsonValue:
    """The spec as it is written into a file: readable, and without secrets.

    Raises:
        DefinitionError: a value has no such form, as bytes that are no text.
    """
    match spec:
        case ValueSpec(value):
            return _literally(plain_form(value))
        case ReferenceSpec(template):
            return _template_form(template)
        case StoredSpec():
            return STORED_FORM


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


def _template_form(template: object) -> JsonValue:
    reference = reference_of(template)
    if reference is not None:
        return {"from": str(reference)}
    if not is_open(template):
        return _literally(plain_form(template))
    if is_mapping(template) or is_data_class(template):
        parts = parts_of(template)
        return _wrapped({key_text(key): _template_form(part) for key, part in parts})
    return [_template_form(part) for _, part in parts_of(template)]


def _literally(plain: JsonValue) -> JsonValue:
    if isinstance(plain, Mapping):
        return _wrapped({key: _literally(part) for key, part in plain.items()})
    return [_literally(part) for part in plain] if isinstance(plain, list) else plain


def _wrapped(mapping: Mapping[str, JsonValue]) -> JsonValue:
    return {"value": mapping} if set(mapping) in _MEANING else mapping
