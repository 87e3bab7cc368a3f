"""Which field of an item something was given for."""

from __future__ import annotations

from pydantic import BaseModel


def field_of(model: type[BaseModel], key: str) -> str:
    """The field that a value was given for, perhaps by the field's alias."""
    if key in model.model_fields:
        return key
    fields = model.model_fields.items()
    return next((name for name, one in fields if key in (one.alias, one.validation_alias)), key)


def declared_type(model: type[BaseModel], name: str) -> object:
    """What a field is declared as; `object` where there is no such field."""
    field = model.model_fields.get(name)
    return object if field is None else field.annotation
