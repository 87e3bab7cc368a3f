"""Downloads behind a login: who gets it, and who must never see it."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections import deque
from pathlib import Path

import pytest
from file_server import Asked, FileServer, Handler, Served, head
from pydantic import SecretStr, ValidationError

from peaceful import ItemStatus
from peaceful.commands import StateKind
from peaceful.items import DiskFailed, DownloadFailed, FileDownload, FileDownloadState
from peaceful.items._download._errors import SourceRefused
from peaceful.testing import ItemHarness

CONTENT = b"for members only" * 100
SECRET = "tell-nobody"
NETRC = f"machine other.example login x password y\nmachine 127.0.0.1 login me password {SECRET}\n"


def download(server: FileServer, folder: Path, **more: object) -> ItemHarness[FileDownloadState]:
    """A harness around the download of `/f`."""
    fields: dict[str, object] = {"src": server.url("/f"), "dest": folder / "f.bin", **more}
    return ItemHarness(FileDownload.model_validate(fields), folder)


def basic(user: str, password: str) -> str:
    """What a browser sends for a login."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def behind(header: str, value: str) -> Handler:
    """A server that gives the file only to those who send this."""

    async def handler(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if value not in asked.headers.get(header, ""):
            head(writer, 401, {"Content-Length": "0"})
            return
        head(writer, 200, {"Content-Length": str(len(CONTENT)), "ETag": '"1"'})
        if asked.method == "GET":
            writer.write(CONTENT)

    return handler


@pytest.fixture
def netrc(tmp_path: Path) -> Path:
    """A file of logins."""
    path = tmp_path / "logins"
    path.write_text(NETRC)
    return path


@pytest.fixture(params=["user", "netrc", "token", "cookies"])
def login(request: pytest.FixtureRequest, netrc: Path) -> tuple[dict[str, object], str, str]:
    """Each way to give a login, with the header that it becomes."""
    ways: dict[str, tuple[dict[str, object], str, str]] = {
        "user": ({"user": "me", "password": SECRET}, "authorization", basic("me", SECRET)),
        "netrc": ({"netrc": netrc}, "authorization", basic("me", SECRET)),
        "token": (
            {"headers": {"Authorization": f"Bearer {SECRET}"}},
            "authorization",
            f"Bearer {SECRET}",
        ),
        "cookies": ({"cookies": {"sid": SECRET, "b": "1"}}, "cookie", f"sid={SECRET}; b=1"),
    }
    return ways[request.param]


async def test_a_login_opens_the_door(
    login: tuple[dict[str, object], str, str], server: FileServer, tmp_path: Path
) -> None:
    """With it the file comes, and is found unchanged; without it, it is said what is missing."""
    fields, header, value = login
    server.handlers["/f"] = behind(header, value)

    with pytest.raises(SourceRefused, match="401") as refused:
        await download(server, tmp_path).result_of("ensure")
    assert "give a login, cookies or a token" in refused.value.help
    harness = download(server, tmp_path, **fields)
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_a_login_is_in_no_state_file_log_or_message(
    login: tuple[dict[str, object], str, str],
    server: FileServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whether the download works or fails, and however much is logged."""
    fields, header, value = login
    caplog.set_level(logging.DEBUG)
    server.handlers["/f"] = behind(header, value)
    harness = download(server, tmp_path / "here", **fields)
    (tmp_path / "here").mkdir()
    outcomes = [await harness.run("diff"), await harness.run("ensure")]
    server.handlers["/f"] = behind("x-other", "login")
    outcomes.append(await harness.run("ensure"))

    files = [path for path in (tmp_path / "here").rglob("*") if path.is_file()]
    written = [path.read_text(errors="replace") for path in files]
    stored = [harness.store.load(kind) for kind in StateKind]
    everything = f"{outcomes} {harness.events} {written} {stored} {harness.item!r} {caplog.text}"
    assert SECRET not in everything
    assert b64encode(f"me:{SECRET}".encode()).decode() not in everything


async def test_another_server_never_gets_a_login(
    login: tuple[dict[str, object], str, str], server: FileServer, tmp_path: Path
) -> None:
    """Sent on elsewhere, one asks without it; sent on within the server, with it."""
    fields, header, value = login
    elsewhere = server.url("/real").replace("127.0.0.1", "localhost")
    server.files["/real"] = Served(CONTENT)
    server.files["/near"] = Served(b"", statuses=deque([(302, {"Location": elsewhere})] * 2))
    server.files["/f"] = Served(b"", statuses=deque([(307, {"Location": "near"})] * 2))

    await download(server, tmp_path, **fields).result_of("ensure")

    sent = {asked.target: asked.headers.get(header) for asked in server.asked}
    assert sent == {"/f": value, "/near": value, "/real": None}
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_cookies_of_the_server_go_back_to_it_and_to_nobody_else(
    server: FileServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As many servers want it before they give a file; given ones of the same name give way."""
    caplog.set_level(logging.DEBUG)

    async def sets(asked: Asked, writer: asyncio.StreamWriter) -> None:
        cookie = f"pass={SECRET}; Path=/; HttpOnly"
        location = server.url("/far").replace("127.0.0.1", "localhost")
        there = "/f2" if "pass=old" in asked.headers.get("cookie", "") else location
        head(writer, 302, {"Location": there, "Set-Cookie": cookie, "Content-Length": "0"})

    server.handlers.update({"/f": sets, "/f2": sets})
    server.files["/far"] = Served(CONTENT)

    harness = download(server, tmp_path, cookies={"pass": "old", "also": "this"})
    await harness.result_of("ensure")

    sent = [(asked.target, asked.headers.get("cookie")) for asked in server.gets()]
    assert sent == [
        ("/f", "pass=old; also=this"),
        ("/f2", f"also=this; pass={SECRET}"),
        ("/far", None),
    ]
    kept = f"{harness.events} {[harness.store.load(kind) for kind in StateKind]} {caplog.text}"
    assert SECRET not in kept


async def test_a_cookie_given_as_a_header_is_sent_beside_those_of_the_server(
    server: FileServer, tmp_path: Path
) -> None:
    """However its name is spelt, there is one header with all of them."""

    async def sets(asked: Asked, writer: asyncio.StreamWriter) -> None:
        head(writer, 302, {"Location": "/f2", "Set-Cookie": "pass=1", "Content-Length": "0"})

    server.handlers["/f"] = sets
    server.files["/f2"] = Served(CONTENT)
    await download(server, tmp_path, headers={"cookie": "mine=2"}).result_of("ensure")
    assert [asked.headers.get("cookie") for asked in server.gets()] == ["mine=2", "mine=2; pass=1"]


# ---- files of logins


async def test_a_login_that_is_given_goes_before_the_file(
    server: FileServer, netrc: Path, tmp_path: Path
) -> None:
    """By name, or in the address."""
    server.files["/f"] = Served(CONTENT)
    mine: dict[str, object] = {"user": "you", "password": SecretStr("pw")}

    await download(server, tmp_path, netrc=netrc, **mine).result_of("ensure")
    harness = download(server, tmp_path, netrc=netrc, src=server.url("/f", login="you:pw@"))
    await harness.result_of("ensure")

    assert {asked.headers["authorization"] for asked in server.asked} == {basic("you", "pw")}


async def test_a_server_that_the_file_does_not_know_gets_none(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of another machine; and `~` is the home folder."""
    server.files["/f"] = Served(CONTENT)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine other.example login x password y\n")

    await download(server, tmp_path, netrc=Path("~/.netrc")).result_of("ensure")
    (tmp_path / ".netrc").write_text("default login all password pw\n")
    await download(server, tmp_path, netrc=Path("~/.netrc")).result_of("ensure")

    sent = [asked.headers.get("authorization") for asked in server.asked]
    assert sent[0] is None
    assert sent[-1] == basic("all", "pw")


@pytest.mark.parametrize(
    "content", [f"machine 127.0.0.1 pasword {SECRET}".encode(), f"{SECRET}".encode(), b"\xff\xfe"]
)
async def test_a_file_of_logins_that_is_none_is_told_without_its_words(
    content: bytes, server: FileServer, netrc: Path, tmp_path: Path
) -> None:
    """The place is named, not what is there."""
    await asyncio.to_thread(netrc.write_bytes, content)

    with pytest.raises(DownloadFailed, match="is not as a file of logins is written") as caught:
        await download(server, tmp_path, netrc=netrc).result_of("ensure")
    assert str(netrc) in caught.value.message
    assert SECRET not in str(caught.value)
    assert server.asked == []


async def test_a_file_of_logins_that_is_not_there_is_told(
    server: FileServer, tmp_path: Path
) -> None:
    """Nobody is asked without the login that was meant."""
    with pytest.raises(DiskFailed, match="No such file"):
        await download(server, tmp_path, netrc=tmp_path / "none").result_of("ensure")
    assert server.asked == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"user": "me"}, "belong together"),
        ({"password": SECRET}, "belong together"),
        ({"user": "a:b", "password": SECRET}, "has no colon"),
        (
            {"user": "me", "password": SECRET, "headers": {"AUTHORIZATION": SECRET}},
            "give one login",
        ),
        ({"user": "me", "password": SECRET, "src": "http://a:b@example.com/"}, "give one login"),
        ({"cookies": {"a": f"{SECRET};"}}, "a cookie has a name"),
        ({"cookies": {"a": f"{SECRET}\r\nX: y"}}, "a cookie has a name"),
        ({"cookies": {"a b": SECRET}}, "a cookie has a name"),
        ({"cookies": {"": SECRET}}, "a cookie has a name"),
    ],
)
def test_logins_that_make_no_sense_are_refused_when_the_item_is_made(
    fields: dict[str, object], says: str
) -> None:
    """With the reason, and without the secret."""
    with pytest.raises(ValidationError, match=says) as refused:
        FileDownload.model_validate({"src": "http://example.com/", "dest": Path("f"), **fields})
    assert SECRET not in str(refused.value)
