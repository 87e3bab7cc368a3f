"""The reference page of the API, made from its routes."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from peaceful._app.web_settings import Role
from peaceful._model.codec import JsonObject
from peaceful._web.context import ServerContext
from peaceful._web.http.documents import Problem
from peaceful._web.http.openapi import schemas
from peaceful._web.http.route import Route, declarations
from peaceful._web.pages.site import Site, page


def docs_page(routes: tuple[Route, ...]) -> Route:
    """Return the page about the calls of an API."""
    documents = schemas({*declarations(routes), Problem})
    texts = {
        name: json.dumps(each, indent=2, ensure_ascii=False) for name, each in documents.items()
    }

    async def reference(request: Request, server: ServerContext) -> Response:
        site = Site.of(request, server)
        return page("docs.html", site, calls=routes, type_words=_type_words, schemas=texts)

    return Route("GET", "/api/docs", "docs", "Describes the API.", reference, Role.VIEW)


def _type_words(schema: JsonObject) -> str:
    enum = schema.get("enum")
    if isinstance(enum, list):
        return " | ".join(each if isinstance(each, str) else json.dumps(each) for each in enum)
    items = schema.get("items")
    if isinstance(items, dict):
        return f"any of {_type_words(items)}"
    word = schema.get("format") or schema.get("type")
    return word if isinstance(word, str) else ""
