"""What others try, and what does not work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gated_app import gated_app

from peaceful import Role, WebSettings, WebToken
from peaceful._model.clock import SystemClock
from peaceful._web.context import ServerContext
from peaceful._web.http.route import Access
from peaceful._web.server.serve import asgi
from peaceful._web.server.site import WebApp
from peaceful.commands import Contexts

TOKEN = "the-token-of-this-test"


@pytest.fixture
async def client(workspace: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Asks a server with a token, without having it."""
    web = asgi(gated_app(), workspace, WebSettings(tokens=(WebToken(TOKEN),)))
    transport = httpx.ASGITransport(web)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


START = {"profile": "dev", "flow": "make", "command": "discover"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"},
     {"Authorization": "Bearer"}, {"Cookie": f"peaceful={TOKEN}"}, {"Cookie": "peaceful="}],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/executions", "/api/flows", "/metrics", "/", "/nothing"])
async def test_without_the_token_nothing_is_told(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    """Not even what there is. The token itself is no cookie."""
    response = await client.get(path, headers=headers)
    assert response.status_code == 401
    assert response.json()["code"] == "TOKEN-REFUSED"
    assert response.headers["www-authenticate"] == "Bearer"


async def test_anybody_may_ask_whether_the_server_is_there(client: httpx.AsyncClient) -> None:
    """For whoever looks after it."""
    for path in ("/healthz", "/readyz"):
        assert (await client.get(path)).json() == {"status": "ok"}


async def test_the_token_of_the_address_becomes_a_cookie(client: httpx.AsyncClient) -> None:
    """Which scripts cannot read, and other sites' pages cannot send; the address loses it."""
    response = await client.get("/executions/1?token=" + TOKEN + "&tab=b%20c")
    assert response.status_code == 303
    assert response.headers["location"] == "/executions/1?tab=b+c"
    assert response.headers["referrer-policy"] == "same-origin"
    cookie = response.headers["set-cookie"]
    assert TOKEN not in cookie
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part in cookie
    assert (await client.get("/api/flows")).status_code == 200
    assert (await client.get("/?token=wrong")).status_code == 401


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "///evil.example"])
async def test_the_address_leads_nowhere_else(client: httpx.AsyncClient, path: str) -> None:
    """However it is written."""
    response = await client.get(f"http://localhost{path}?token={TOKEN}")
    assert response.status_code == 303
    location = response.headers["location"]
    assert location.startswith("/")
    assert location[1] not in "/\\"


async def test_programs_send_the_token(client: httpx.AsyncClient) -> None:
    """As a bearer."""
    response = await client.post("/api/executions", json=START, headers=BEARER)
    assert response.status_code == 202


@pytest.mark.parametrize("path", ["/api/executions", "/healthz", "/"])
async def test_names_that_lead_here_are_refused(client: httpx.AsyncClient, path: str) -> None:
    """A page that makes its own name mean this machine gets nothing, token or not."""
    response = await client.get(path, headers={**BEARER, "Host": "rebind.example"})
    assert response.status_code == 421
    assert response.json()["code"] == "HOST-REFUSED"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:8001"])
async def test_forms_of_other_sites_are_refused(client: httpx.AsyncClient, origin: str) -> None:
    """And nothing is started; nor can they listen to events."""
    headers = {**BEARER, "Origin": origin}
    response = await client.post("/api/executions", json=START, headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "ORIGIN-REFUSED")
    events = "/api/executions/01890000-0000-7000-8000-000000000000/events"
    assert (await client.get(events, headers=headers)).status_code == 403
    assert (await client.get("/api/executions", headers=BEARER)).json()["executions"] == []


async def test_a_form_cannot_pretend_to_be_json(client: httpx.AsyncClient) -> None:
    """Its kinds of body are not read."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        response = await client.post(
            "/api/executions", content=b"{}", headers={**BEARER, "Content-Type": kind}
        )
        assert (response.status_code, response.json()["code"]) == (415, "BODY-REFUSED")


async def test_every_answer_says_what_browsers_may_do_with_it(client: httpx.AsyncClient) -> None:
    """Errors, too."""
    for path, headers in (("/", {}), ("/api/flows", BEARER), ("/healthz", {}), ("/x", BEARER)):
        got = (await client.get(path, headers=headers)).headers
        assert "default-src 'none'" in got["content-security-policy"]
        assert "unsafe" not in got["content-security-policy"]
        assert got["x-content-type-options"] == "nosniff"
        assert got["referrer-policy"] == "same-origin"
        assert got["cache-control"] == "no-store"


async def test_long_bodies_are_refused(client: httpx.AsyncClient) -> None:
    """Without reading all of them, whether or not they say how long they are."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10_000_000:
            sent += 10_000
            yield b" " * 10_000

    headers = {**BEARER, "Content-Type": "application/json"}
    response = await client.post("/api/executions", content=endless(), headers=headers)
    assert response.status_code == 413
    response = await client.post("/api/executions", content=b" " * 100_000, headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[]", b"1", b"null", b'"x"', b"NaN", b'{"profile": Infinity}',
     b"[" * 30_000, b'{"profile": "\\ud800", "flow": "make", "command": "ensure"}',
     b'{"profile": 1' + b"0" * 5000 + b"}"],
)  # fmt: skip
async def test_broken_bodies_are_refused(client: httpx.AsyncClient, body: bytes) -> None:
    """With what is wrong with them."""
    headers = {**BEARER, "Content-Type": "application/json"}
    response = await client.post("/api/executions", content=body, headers=headers)
    assert response.status_code in {400, 422}
    assert response.json()["code"] in {"BODY-REFUSED", "PARAMS-INVALID"}


@pytest.mark.parametrize(
    "path",
    ["/api/profiles/..%2f..%2fetc/make/states", "/api/profiles/dev/..%2fmake/diff",
     "/api/flows/..%2f..%2fpasswd", "/api/flows/make%00", "/api/profiles/nobody/make/states",
     "/api/flows/nothing", "/api/flows/make/graph?profile=nobody", "/api/flows/" + "a" * 5000],
)  # fmt: skip
async def test_tricks_in_paths_lead_nowhere(client: httpx.AsyncClient, path: str) -> None:
    """A name is a name."""
    response = await client.get(path, headers=BEARER)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    """With those that there are."""
    response = await client.delete("/api/executions", headers=BEARER)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST"
    assert response.json()["code"] == "METHOD-REFUSED"


async def test_a_role_is_good_for_its_own_things(workspace: Path) -> None:
    """Who may look may not run; who may run may not interrupt."""
    contexts = Contexts.of(gated_app(), workspace)
    access = Access(tokens=tuple(WebToken(role.value, frozenset({role})) for role in Role))
    web = WebApp(ServerContext(contexts, SystemClock()), access)
    interrupt = "/api/executions/01890000-0000-7000-8000-000000000000/interrupt"
    calls = {"view": ("GET", "/api/flows"), "run": ("POST", "/api/executions"),
             "interrupt": ("POST", interrupt)}  # fmt: skip
    transport = httpx.ASGITransport(web)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for role in calls:
            for needed, (method, path) in calls.items():
                headers = {"Authorization": f"Bearer {role}"}
                response = await client.request(method, path, headers=headers)
                assert (response.status_code == 403) is (role != needed)
                if role != needed:
                    assert response.json()["code"] == "ROLE-REFUSED"


async def test_web_sockets_are_closed(workspace: Path) -> None:
    """Nothing here speaks over them."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await asgi(gated_app(), workspace)({"type": "websocket"}, receive, send)
    assert [each["type"] for each in sent] == ["websocket.close"]
