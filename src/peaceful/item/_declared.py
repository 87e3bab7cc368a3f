"""The fields of an item as its flow declares them: plain values validated, references left as they are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from peaceful.params import is_open


def declared_fields(model: type[BaseModel], values: Mapping[str, object]) -> dict[str, object]:
    """The fields of a model, where some values are references or stored ones.

    Raises:
        ValidationError: plain values are wrong, missing or too many; all problems at once, as pydantic
            itself would say them.
    """
    values = _by_name(model, values)
    fields: dict[str, object] = {}
    problems: list[InitErrorDetails] = []
    for name, field in model.model_fields.items():
        if name not in values:
            if field.is_required():
                problems.append({"type": "missing", "loc": (name,), "input": dict(values)})
            else:
                fields[name] = field.get_default(call_default_factory=True, validated_data=fields)
        elif is_open(values[name]):
            fields[name] = values[name]
        else:
            try:
                fields[name] = _adapter(model, name).validate_python(values[name])
            except ValidationError as error:
                problems += [_moved_below(name, problem) for problem in error.errors()]
    problems += [
        {"type": "extra_forbidden", "loc": (name,), "input": value}
        for name, value in values.items()
        if name not in model.model_fields
    ]
    if problems:
        raise ValidationError.from_exception_data(model.__name__, problems)
    return fields


def _by_name(model: type[BaseModel], values: Mapping[str, object]) -> dict[str, object]:
    """Values by the names of their fields, where some were given by a field's alias."""
    names = {field.alias: name for name, field in model.model_fields.items() if field.alias}
    return {names.get(given, given): value for given, value in values.items()}


def _moved_below(name: str, problem: Any) -> InitErrorDetails:  # Any: pydantic's ErrorDetails
    return {
        "type": PydanticCustomError(problem["type"], "{reason}", {"reason": problem["msg"]}),
        "loc": (name, *problem["loc"]),
        "input": problem["input"],
    }


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[object]:
    field = model.model_fields[name]
    config = ConfigDict(
        arbitrary_types_allowed=model.model_config.get("arbitrary_types_allowed", False)
    )
    declared: Any = Annotated[field.annotation, field]  # Any: a type made while running
    # A model brings its own configuration, and pydantic allows no second one beside it.
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        return TypeAdapter(declared)
    return TypeAdapter(declared, config=config)
