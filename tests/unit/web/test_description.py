"""The description of the API."""

from __future__ import annotations

import json
import re

from openapi_spec_validator import OpenAPIV31SpecValidator

from peaceful.web._api._routes import ROUTES
from peaceful.web._http._access import Role
from peaceful.web._http._openapi import openapi
from peaceful.web._http._schemas import SCHEMAS

DOCUMENT = json.loads(json.dumps(openapi("app", "1", ROUTES), default=dict))


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
            assert answer.schema is None or answer.schema in SCHEMAS


def test_who_writes_needs_more_than_to_look() -> None:
    """And nobody looks without a role but at whether the server is there."""
    for route in ROUTES:
        if route.method == "POST":
            assert route.role in {Role.RUN, Role.INTERRUPT}
        else:
            assert route.role is Role.VIEW or route.path in {"/healthz", "/readyz"}
