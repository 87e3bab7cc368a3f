"""The reference page of the API, made from its routes."""

from __future__ import annotations

import json
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from peaceful._model.codec import JsonObject
from peaceful._web.api.routes import ROUTES
from peaceful._web.context import ServerContext
from peaceful._web.http.openapi import schemas
from peaceful._web.pages.site import Site, page

_SCHEMAS: Final = {
    name: json.dumps(each, indent=2, ensure_ascii=False) for name, each in schemas(ROUTES).items()
}


async def reference(request: Request, server: ServerContext) -> Response:
    """Show the calls of the API."""
    site = Site.of(request, server)
    return page("docs.html", site, calls=ROUTES, type_words=_type_words, schemas=_SCHEMAS)


def _type_words(schema: JsonObject) -> str:
    enum = schema.get("enum")
    if isinstance(enum, list):
        return " | ".join(each if isinstance(each, str) else json.dumps(each) for each in enum)
    items = schema.get("items")
    if isinstance(items, dict):
        return f"any of {_type_words(items)}"
    word = schema.get("format") or schema.get("type")
    return word if isinstance(word, str) else ""
