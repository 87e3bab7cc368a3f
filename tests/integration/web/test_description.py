"""What is answered is what the description of the API says."""

from __future__ import annotations

from typing import Any

# Its types are a distribution of their own.
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator


class _Described:
    """Checks answers against the description that the server gives of itself."""

    def __init__(self, site: Any, document: Any) -> None:
        self._site = site
        self._document = document

    async def ask(self, method: str, path: str, status: int, **more: Any) -> Any:
        """Asks, with the names in the path filled in from `names`."""
        names = more.pop("names", {})
        response = await self._site.client.request(method, path.format(**names), **more)
        assert response.status_code == status, response.text
        answers = self._document["paths"][path][method.lower()]["responses"]
        answer = answers.get(str(status), answers["default"])
        if "content" not in answer:
            assert response.content == b""
            return None
        kind = response.headers["content-type"].partition(";")[0]
        described = answer["content"][kind]
        if kind.endswith("json"):
            schema = {**described["schema"], "components": self._document["components"]}
            Draft202012Validator(schema).validate(response.json())
            return response.json()
        return response.text


async def test_answers_are_as_described(site: Any) -> None:
    """Call by call, in every state of an execution."""
    document = await site.get("/api/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    assert document["info"] == {"title": "gated", "version": "1.2"}
    api = _Described(site, document)
    start = {"profile": "dev", "flow": "make", "command": "ensure"}
    gate = site.gates.gate("dev", "a")
    run = await api.ask("POST", "/api/executions", 202, json=start)
    names = {"id": run["id"], "flow": "make", "profile": "dev"}
    await gate.reached.wait()
    await api.ask("POST", "/api/executions", 200, json=start)
    await api.ask("POST", "/api/executions", 409, json={**start, "command": "clean"})
    await api.ask("POST", "/api/executions", 422, json={})

    async def look() -> None:
        for path in ("/api/executions/{id}", "/api/executions/{id}/progress"):
            await api.ask("GET", path, 200, names=names)
        await api.ask("GET", "/api/executions", 200)
        graph = "/api/flows/{flow}/graph"
        for kind in ("progress", "outcome"):
            for form in ("json", "svg", "dot"):
                asked = {"execution": run["id"], "kind": kind, "format": form}
                await api.ask("GET", graph, 200, names=names, params=asked)

    await look()
    await api.ask("POST", "/api/executions/{id}/interrupt", 202, names=names)
    await look()
    gate.open.set()
    await site.ended(run["id"])
    await look()
    await api.ask("POST", "/api/executions/{id}/interrupt", 409, names=names)
    wrong = {"json": {"level": "now"}}
    await api.ask("POST", "/api/executions/{id}/interrupt", 422, names=names, **wrong)
    await api.ask("GET", "/api/executions/{id}/events", 204, names=names)
    unknown = {"id": "01890000-0000-7000-8000-000000000000"}
    await api.ask("GET", "/api/executions/{id}", 404, names=unknown)
    await api.ask("GET", "/api/executions", 422, params={"limit": "0", "cursor": "x", "y": "z"})
    for path in ("/api/flows", "/api/flows/{flow}", "/api/profiles", "/healthz", "/readyz"):
        await api.ask("GET", path, 200, names=names)
    for path in ("states", "diff"):
        await api.ask("GET", f"/api/profiles/{{profile}}/{{flow}}/{path}", 200, names=names)
    metrics = await api.ask("GET", "/metrics", 200)
    for line in (
        'peaceful_executions_total{ending="interrupted"} 1',
        'peaceful_interrupts_total{source="api",level="stop"} 1',
        'peaceful_items_total{result="done"} 2',
        "peaceful_executions_running 0",
        "peaceful_watchers 0",
        "peaceful_interrupt_to_end_seconds_count 1",
    ):
        assert line in metrics.splitlines()
