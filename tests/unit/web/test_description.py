"""The description of the API."""

from __future__ import annotations

import json
import re

from openapi_spec_validator import OpenAPIV31SpecValidator

from peaceful import Role
from peaceful._model.codec import encode_json
from peaceful._web.api.routes import ROUTES
from peaceful._web.http.openapi import openapi
from peaceful._web.http.route import declarations

DOCUMENT = json.loads(encode_json(openapi("app", "1", ROUTES)))
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_it_is_valid() -> None:
    """By the specification of OpenAPI 3.1."""
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_each_call_is_described() -> None:
    """With every parameter of its path, by a name of its own."""
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    for route in ROUTES:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        assert operation["summary"].endswith(".")
        in_path = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", route.path))
        for answer in route.answers.values():
            assert answer.holds is None or answer.holds.__name__ in SCHEMAS


def test_what_is_declared_is_described() -> None:
    """Each by a name of its own, with what it means, and so is each of its fields."""
    declared = declarations(ROUTES)
    assert len({each.__name__ for each in declared}) == len(declared)
    for name, schema in SCHEMAS.items():
        assert schema.get("description"), name
        for field, about in schema.get("properties", {}).items():
            assert about.get("description") or field == "event", (name, field)


def test_what_is_answered_is_whole() -> None:
    """No field of an answer is ever left out, but those that only some answers have."""
    sometimes = {
        "Graph": {"places", "acts", "without_places"},
        "ItemDocument": {"changes", "changes_left_out"},
        "FieldChange": {"before_shown", "after_shown"},
        "Item": {"phase", "progress", "asks", "shown", "seconds"},
        "Problem": {"errors", "execution", "outcome"},
    }
    for name, schema in SCHEMAS.items():
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            missing = set(schema["properties"]) - set(schema["required"])
            assert missing == sometimes.get(name, set()), name


def test_what_is_sent_is_closed() -> None:
    """The server refuses fields that it does not know; what may be left out has a default."""
    for name in ("StartRequest", "InterruptBody"):
        assert SCHEMAS[name]["additionalProperties"] is False
        optional = set(SCHEMAS[name]["properties"]) - set(SCHEMAS[name]["required"])
        assert all("default" in SCHEMAS[name]["properties"][each] for each in optional)


def test_who_writes_needs_more_than_to_look() -> None:
    """And nobody looks without a role but at whether the server is there."""
    for route in ROUTES:
        if route.method != "GET":
            assert route.role in {Role.RUN, Role.INTERRUPT, Role.APPROVE}
        else:
            assert route.role is Role.VIEW or route.path in {"/healthz", "/readyz"}
