"""The server for others than this machine: tokens with roles, certificates, proxies."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from certificates import certificate, trusting
from gated_app import Gates, gated_app

from peaceful import Role, Tls, WebSettings, WebToken
from peaceful._web.server.serve import asgi
from peaceful.errors import FileInaccessible, UsageError

ALL = WebToken("a-token-for-everything")
VIEW = WebToken("a-token-for-looking", frozenset({Role.VIEW}))
RUN = WebToken("a-token-for-running", frozenset({Role.VIEW, Role.RUN}))
START = {"profile": "dev", "flow": "make", "command": "ensure"}


def bearer(token: WebToken) -> dict[str, str]:
    """The header of a program that has a token."""
    return {"Authorization": f"Bearer {token.text}"}


@asynccontextmanager
async def serving(workspace: Path, settings: WebSettings) -> AsyncGenerator[str]:
    """A server; its address."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(
        gated_app().serve(workspace=workspace, settings=settings, on_ready=ready.set_result)
    )
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    yield ready.result()
    task.cancel()
    await asyncio.wait((task,))


async def test_given_tokens_are_good_for_their_roles(workspace: Path, gates: Gates) -> None:
    """By header and by cookie; none of them is told in the address."""
    gate = gates.gate("dev", "a")
    settings = WebSettings(tokens=(ALL, VIEW, RUN))
    async with serving(workspace, settings) as url, httpx.AsyncClient(base_url=url) as client:
        assert "token" not in url
        refused = await client.post("/api/executions", json=START, headers=bearer(VIEW))
        assert (refused.status_code, refused.json()["code"]) == (403, "ROLE-REFUSED")
        started = await client.post("/api/executions", json=START, headers=bearer(RUN))
        assert started.status_code == 202
        await gate.reached.wait()
        path = started.headers["location"]
        assert (await client.get(path, headers=bearer(VIEW))).status_code == 200
        assert (await client.get("/", params={"token": RUN.text})).status_code == 303
        for headers in (bearer(RUN), bearer(VIEW), {}):  # the last one: by the cookie of RUN
            refused = await client.post(f"{path}/interrupt", headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "ROLE-REFUSED")
        form = await client.post("/cmd_exec_interrupt", data={"execution_id": started.json()["id"]})
        assert form.status_code == 403
        ended = await client.post(f"{path}/interrupt", headers=bearer(ALL))
        assert ended.status_code == 202
        gate.open.set()


async def test_over_https(workspace: Path, gates: Gates, tmp_path: Path) -> None:
    """Cookies go nowhere else, browsers are told to insist, and its own pages may ask."""
    tls = certificate(tmp_path, "ops.example")
    settings = WebSettings(tokens=(ALL,), tls=tls, hosts=("ops.example",))
    async with serving(workspace, settings) as url:
        assert url.startswith("https://ops.example:")
        port = httpx.URL(url).port
        here = f"https://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=here, verify=trusting(tls)) as client:
            named = {"Host": f"ops.example:{port}"}
            welcome = await client.get(f"/?token={ALL.text}", headers=named)
            cookie = welcome.headers["set-cookie"]
            assert cookie.startswith(f"__Host-peaceful_{port}=")
            for part in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
                assert part in cookie
            assert "Domain" not in cookie
            assert welcome.headers["strict-transport-security"].startswith("max-age=")
            known = {"Cookie": cookie.partition(";")[0], **named}
            own = {**known, "Origin": f"https://ops.example:{port}"}
            assert (await client.post("/api/executions", json=START, headers=own)).is_success
            other = {**known, "Origin": f"http://ops.example:{port}"}
            refused = await client.post("/api/executions", json=START, headers=other)
            assert refused.json()["code"] == "ORIGIN-REFUSED"
            # The same cookie without what ties it to this host is none.
            tossed = {"Cookie": known["Cookie"].removeprefix("__Host-"), **named}
            assert (await client.get("/api/flows", headers=tossed)).status_code == 401
            assert (await client.get("/healthz")).status_code == 200
            wild = await client.get("/healthz", headers={"Host": f"0.0.0.0:{port}"})
            assert wild.status_code == 421
            at_home = await client.get("/healthz", headers={"Host": f"localhost:{port}"})
            assert "strict-transport-security" not in at_home.headers
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.HTTPError):
                await client.get(f"http://127.0.0.1:{port}/healthz")


async def test_certificates_that_cannot_be_used_are_refused(
    workspace: Path, tmp_path: Path
) -> None:
    """Before anybody is served; a key's password is not asked for."""
    one, two, locked = (tmp_path / name for name in ("one", "two", "locked"))
    for folder in (one, two, locked):
        folder.mkdir()
    good, other = certificate(one, "a.example"), certificate(two, "b.example")
    with_password = certificate(locked, "c.example", b"secret")
    good.cert.chmod(0o600)
    for tls in (Tls(good.cert, other.key), Tls(good.key, good.cert), with_password):
        with pytest.raises(UsageError, match="cannot be used"):
            await gated_app().serve(workspace=workspace, settings=WebSettings(tls=tls))
    missing = Tls(good.cert, tmp_path / "nothing")
    with pytest.raises(FileInaccessible, match="nothing"):
        await gated_app().serve(workspace=workspace, settings=WebSettings(tls=missing))
    good.key.chmod(0o644)
    with pytest.raises(UsageError, match="Everybody may read"):
        await gated_app().serve(workspace=workspace, settings=WebSettings(tls=good))


FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ops.example"}
OWN = {"Origin": "https://ops.example"}


@pytest.mark.parametrize("trusted", [True, False], ids=["proxy", "stranger"])
async def test_behind_a_proxy(workspace: Path, gates: Gates, *, trusted: bool) -> None:
    """Its word counts; that of anybody else does not, whose request is a plain one."""
    proxies = ("127.0.0.0/8",) if trusted else ("192.0.2.7",)
    settings = WebSettings(tokens=(ALL,), hosts=("ops.example",), proxies=proxies)
    async with serving(workspace, settings) as url, httpx.AsyncClient(base_url=url) as client:
        headers = {**bearer(ALL), **FORWARDED, **OWN}
        started = await client.post("/api/executions", json=START, headers=headers)
        welcome = await client.get(f"/?token={ALL.text}", headers=FORWARDED)
        cookie = welcome.headers["set-cookie"]
        if trusted:
            assert started.status_code == 202
            assert cookie.startswith("__Host-")
        else:
            assert (started.status_code, started.json()["code"]) == (403, "ORIGIN-REFUSED")
            assert not cookie.startswith("__Host-")
        assert ("Secure" in cookie) is trusted
        # How long browsers insist on encryption is for the proxy to say.
        assert "strict-transport-security" not in welcome.headers
        rebound = {**FORWARDED, "X-Forwarded-Host": "rebind.example"}
        answer = await client.get("/healthz", headers=rebound)
        assert answer.status_code == (421 if trusted else 200)


async def test_two_servers_do_not_take_each_others_cookies(workspace: Path, gates: Gates) -> None:
    """Although browsers send each of them those of both."""
    settings = WebSettings(tokens=(ALL,))
    async with (
        serving(workspace, WebSettings()) as one,
        serving(workspace, settings) as two,
        httpx.AsyncClient() as client,
    ):
        assert (await client.get(one)).status_code == 303
        two_flows = f"{two}api/flows"
        assert (await client.get(two_flows)).status_code == 401
        assert (await client.get(two, params={"token": ALL.text})).status_code == 303
        assert len(client.cookies) == 2
        assert (await client.get(two_flows)).status_code == 200
        assert (await client.get(one.partition("?")[0] + "api/flows")).status_code == 200
        # The token of the one is nothing to the other.
        token = one.partition("token=")[2]
        headers = {"Authorization": f"Bearer {token}", "Cookie": ""}
        assert (await client.get(two_flows, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "hosts",
    [(), ("127.0.0.1:{port}", "127.0.0.1:{port}"), ("127.0.0.1:{port}", "evil.example"),
     ("127.0.0.1:{port}@evil.example",), ("evil.example@127.0.0.1:{port}",), ("127.0.0.1",),
     ("127.0.0.1.evil.example:{port}",), ("127.0.0.1:{port}, evil.example",), ("0.0.0.0:{port}",),
     ("127.1:{port}",), ("2130706433:{port}",), ("127.0.0.1.:{port}",), ("localhost.:{port}",),
     ("[::ffff:127.0.0.1]:{port}",)],
    ids=str,
)  # fmt: skip
async def test_tricks_with_hosts(workspace: Path, gates: Gates, hosts: tuple[str, ...]) -> None:
    """A request that is not for this server, or for two at once, gets nothing."""
    async with serving(workspace, WebSettings(tokens=(ALL,))) as url:
        port = httpx.URL(url).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        named = "".join(f"Host: {host.format(port=port)}\r\n" for host in hosts)
        writer.write(
            f"GET /api/flows HTTP/1.1\r\n{named}Authorization: Bearer {ALL.text}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = (await reader.read()).partition(b"\r\n")[0]
        writer.close()
        assert answer.split()[1] in {b"421", b"400"}


async def test_an_address_of_a_proxy_does_not_lead_elsewhere(workspace: Path, gates: Gates) -> None:
    """A request line with a whole address is for the host that its header names."""
    async with serving(workspace, WebSettings(tokens=(ALL,))) as url:
        port = httpx.URL(url).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET http://evil.example/?token={ALL.text} HTTP/1.1\r\nHost: evil.example\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert (await reader.read()).split()[1] == b"421"
        writer.close()


async def test_listening_to_events_needs_a_page_of_ones_own(workspace: Path, gates: Gates) -> None:
    """Others are refused, cookie or not, and whatever else they claim."""
    web = asgi(gated_app(), workspace, WebSettings(tokens=(ALL,)))
    transport = httpx.ASGITransport(web)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get(f"/?token={ALL.text}")).status_code == 303
        path = "/api/executions/01890000-0000-7000-8000-000000000000/events"
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://localhost.evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "Referer": "http://localhost/"},
        ):
            assert (await client.get(path, headers=headers)).status_code == 403
        assert (await client.get(path)).status_code == 404


async def test_a_token_in_an_address_is_of_use_at_pages_only(workspace: Path, gates: Gates) -> None:
    """The API would leave it in logs and histories; a wrong one does not become a cookie."""
    web = asgi(gated_app(), workspace, WebSettings(tokens=(ALL,)))
    transport = httpx.ASGITransport(web)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get(f"/api/flows?token={ALL.text}")).status_code == 401
        assert (await client.post(f"/ensure_cmd?token={ALL.text}")).status_code == 401
        wrong = await client.get("/?token=wrong")
        assert wrong.status_code == 401
        assert "set-cookie" not in wrong.headers
        right = await client.get(f"/executions?token=x&token={ALL.text}&state=failed")
        assert right.headers["location"] == "/executions?state=failed"


async def test_no_secret_gets_into_the_log(
    workspace: Path, gates: Gates, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does what others send break its lines."""
    caplog.set_level(logging.DEBUG)
    gates.failing.add("dev.a")
    settings = WebSettings(tokens=(ALL,))
    async with serving(workspace, settings) as url, httpx.AsyncClient(base_url=url) as client:
        await client.get("/", params={"token": ALL.text, "a": "b"})
        await client.get("/api/flows", params={"token": ALL.text})
        await client.get("/x%0a22:00:00%20all%20is%20well%1b[2J")
        started = await client.post("/api/executions", json=START, headers=bearer(ALL))
        execution_id = started.json()["id"]
        while not (await client.get(f"/api/executions/{execution_id}")).json()["outcome"]:
            pass
    own = [record for record in caplog.records if record.name.startswith("peaceful")]
    text = "\n".join(record.getMessage() for record in own)
    assert ALL.text not in text + "".join(repr(vars(record)) for record in own)
    assert all(line.getMessage().isprintable() for line in own)
    requests = [record for record in own if record.name == "peaceful.web.access"]
    assert {record.levelno for record in requests} == {logging.DEBUG}
    first = vars(requests[0])
    assert (first["method"], first["path"], first["status"]) == ("GET", "/", 303)
    assert first["ms"] >= 0
    told = [vars(each) for each in own if each.name == "peaceful.web.executions"]
    assert {each["execution_id"] for each in told} == {execution_id}
    assert [each["levelname"] for each in told] == ["INFO", "WARNING", "INFO"]
    assert told[1]["item_id"] == "a"
    assert told[2]["outcome"] == "item_error"
    assert told[2]["seconds"] >= 0
    assert f"execution {execution_id} started: ensure of dev, make" in text


async def test_interrupts_are_logged(served: Any, caplog: pytest.LogCaptureFixture) -> None:
    """With their source and level."""
    caplog.set_level(logging.INFO, "peaceful.web")
    site = served.site
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    body = {"reason": "too\nlate"}
    await site.client.post(f"/api/executions/{execution_id}/interrupt", json=body)
    gate.open.set()
    await site.ended(execution_id)
    (told,) = [vars(each) for each in caplog.records if "interrupt_level" in vars(each)]
    assert (told["interrupt_level"], told["interrupt_source"]) == ("stop", "api")
    assert told["execution_id"] == execution_id
    assert told["message"].endswith("interrupt accepted: stop, by api: “too late”")


async def test_a_port_without_the_right_to_it_is_explained(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another way."""

    def bind(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(UsageError, match="Permission denied") as caught:
        await gated_app().serve(port=80, workspace=workspace)
    assert "1024" in caught.value.help
