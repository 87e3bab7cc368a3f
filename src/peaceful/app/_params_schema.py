"""Parameters as JSON Schema, for forms and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind

from peaceful.app._secret_params import secret_fields
from peaceful.model import JsonValue


class _Lenient(GenerateJsonSchema):
    """Says nothing of what JSON Schema has no words for, in place of an error."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012 - as its base declares it
        "skipped-choice",
        "non-serializable-default",
    }

    def handle_invalid_for_json_schema(
        self,
        schema: Any,  # noqa: ANN401 - pydantic keeps the type to itself
        error_info: str,
    ) -> JsonSchemaValue:
        return {}


def params_schema(model: type[BaseModel], helps: Mapping[str, str]) -> dict[str, JsonValue]:
    """What values the parameters of a model may have; without defaults of secrets.

    Args:
        model: holds them.
        helps: by parameter, what it means, where its type does not say.
    """
    # Any: as pydantic has it.
    schema: dict[str, Any] = model.model_json_schema(schema_generator=_Lenient)
    properties: dict[str, dict[str, JsonValue]] = schema.get("properties", {})
    for name in secret_fields(model):
        properties[name].pop("default", None)
    for name, text in helps.items():
        if name in properties:
            properties[name].setdefault("description", text)
    return schema
