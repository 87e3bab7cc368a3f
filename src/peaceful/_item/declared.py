"""Models whose fields hold references and values that are not known yet."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import ModelPrivateAttr
from pydantic_core import PydanticUndefined, SchemaValidator, core_schema

from peaceful._errors.running import ValueUnresolved
from peaceful._errors.usage import ReferenceUsedAsValue
from peaceful._params.specs import is_pending

_GIVEN: Final = "peaceful: given"
_UNKNOWN: Final = "peaceful: unknown"
"""Keys among an item's private values; with a space, so that no attribute has such a name."""


class _Waits:
    """Placeholder for a value that depends on a reference."""


_WAITS: Final = _Waits()


def field_of(model: type[BaseModel], key: str) -> str:
    """Return the field that a key means, which may be the field's alias."""
    if key in model.model_fields:
        return key
    fields = model.model_fields.items()
    return next((name for name, one in fields if key in (one.alias, one.validation_alias)), key)


def declared_type(model: type[BaseModel], name: str) -> object:
    """Return the declared type of a field, or `object` if there is no such field."""
    field = model.model_fields.get(name)
    return object if field is None else field.annotation


def declare(model: BaseModel, given: Mapping[str, object]) -> None:
    """Fill an empty model with values and references, as given.

    Raises `ValidationError` if some are wrong, missing or unknown, with all problems at once.
    """
    fields, extra, fields_set = _validator(type(model)).validate_python(dict(given))
    known = {name: value for name, value in fields.items() if value is not _WAITS}
    _set(model, __dict__=known, __pydantic_fields_set__=fields_set, __pydantic_extra__=extra)
    _set_private(model, {_GIVEN: given})


def declared_arguments(model: BaseModel) -> Mapping[str, object] | None:
    """Return the arguments that a model was declared with, or `None` if all are plain values."""
    found: Mapping[str, object] | None = (model.__pydantic_private__ or {}).get(_GIVEN)
    return found


def drop_unknown(model: BaseModel, reasons: Mapping[str, str]) -> None:
    """Remove the fields that still hold references; `reasons` says why they are not known."""
    known = {name: value for name, value in model.__dict__.items() if not is_pending(value)}
    _set(model, __dict__=known)
    _set_private(model, {_UNKNOWN: reasons})
    _post_init(model)


def construct(model_type: type[BaseModel], fields: dict[str, object]) -> BaseModel:
    """Return a model with exactly the given fields."""
    model = model_type.__new__(model_type)
    _set(model, __dict__=fields, __pydantic_fields_set__=set(fields), __pydantic_extra__=None)
    _set_private(model, {})
    _post_init(model)
    return model


def why_unknown(model: BaseModel, name: str) -> str | None:
    """Return why an attribute has no value yet, or `None` if it is missing for another reason."""
    private = model.__pydantic_private__ or {}
    if name in type(model).model_fields:
        reasons: Mapping[str, str] = private.get(_UNKNOWN, {})
        return reasons.get(name, "it depends on something that is not known yet")
    is_missing = name in model.__private_attributes__ and name not in private
    if is_missing and (_GIVEN in private or _UNKNOWN in private):
        return "it is made from something that is not known yet"
    return None


def _set(model: BaseModel, **attributes: object) -> None:
    # As pydantic itself does it: items are frozen, and these are no fields.
    for name, value in attributes.items():
        object.__setattr__(model, name, value)


def _set_private(model: BaseModel, ours: dict[str, object]) -> None:
    private: dict[str, object] = {}
    for name, attribute in type(model).__private_attributes__.items():
        # What looks at a field that is not known waits for it.
        with suppress(ReferenceUsedAsValue, ValueUnresolved):
            default = _default(attribute, {**model.__dict__, **private})
            if default is not PydanticUndefined:
                private[name] = default
    _set(model, __pydantic_private__={**private, **ours})


def _default(attribute: ModelPrivateAttr, so_far: dict[str, object]) -> object:
    factory: Callable[..., object] | None = attribute.default_factory
    if factory is None:
        return copy.deepcopy(attribute.default)
    # Of later versions of pydantic than the first that will do.
    takes_fields = getattr(attribute, "default_factory_takes_validated_data", False)
    return factory(so_far) if takes_fields else factory()


def _post_init(model: BaseModel) -> None:
    """Call `model_post_init`, as far as it gets with the known values."""
    # Reading what it would have made says why that is not there.
    with suppress(ValueUnresolved):
        model.model_post_init(None)


@cache
def _validator(model: type[BaseModel]) -> SchemaValidator:
    """Return a validator of the model's fields that lets references through."""
    schema: Any = model.__pydantic_core_schema__  # Any: a schema is a dictionary of many shapes
    definitions: list[Any] = []
    if schema["type"] == "definitions":
        definitions, schema = schema["definitions"], schema["schema"]
    named = {definition["ref"]: definition for definition in definitions}
    config: Any = None
    while schema["type"] != "model-fields":
        config = schema.get("config", config)
        schema = named[schema["schema_ref"]] if "schema_ref" in schema else schema["schema"]
    fields = {
        name: {**field, "schema": _accept_references(field["schema"])}
        for name, field in schema["fields"].items()
    }
    # The fields without the model around them, whose own validator would be taken instead.
    opened: Any = {**schema, "fields": fields}
    if definitions:
        opened = core_schema.definitions_schema(opened, definitions)
    return SchemaValidator(opened, config)


def _accept_references(schema: Any) -> Any:  # noqa: ANN401 - pydantic gives schemas no type
    if schema["type"] != "default":
        return core_schema.no_info_wrap_validator_function(_let_through, schema)
    opened: Any = {**schema, "schema": _accept_references(schema["schema"])}
    if "default_factory" in schema:
        opened["default_factory"] = _wait_for_references(schema["default_factory"])
    return opened


def _let_through(value: object, validate: Callable[[object], object]) -> object:
    if value is _WAITS or is_pending(value):
        return value
    try:
        return validate(value)
    except ReferenceUsedAsValue:
        # The developer's validator looks at another field, whose value is not known yet.
        return _WAITS


def _wait_for_references(factory: Callable[..., object]) -> Callable[..., object]:
    def make(*fields_so_far: object) -> object:
        try:
            return factory(*fields_so_far)
        except ReferenceUsedAsValue:
            return _WAITS

    return make
