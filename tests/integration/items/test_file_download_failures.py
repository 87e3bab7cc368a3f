"""How downloads fail: each failure says what happened and what to do, and leaks nothing."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import ipaddress
import os
import socket
import ssl
import sys
from collections import deque
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from file_server import Asked, FileServer, Served, file_server, head
from pydantic import ValidationError

from peaceful import ItemStatus
from peaceful.errors import ExtraMissing, PeacefulError
from peaceful.items import DiskFailed, DownloadFailed, FileDownload, FileDownloadState
from peaceful.items._disk import PathTaken
from peaceful.items._download import _network, _transfer
from peaceful.items._download._errors import (
    AnswerInvalid,
    ChecksumWrong,
    HostUnknown,
    RedirectRefused,
    SourceMissing,
    SourceNotTrusted,
    SourceRefused,
    SourceUnreachable,
)
from peaceful.testing import ItemHarness

CONTENT = b"content " * 500
DIGEST = "0" * 64


@pytest.fixture(autouse=True)
def long_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every file for a long one, of which parts are written."""
    monkeypatch.setattr(_transfer, "SHORT", 0)


def download(src: str, folder: Path, **more: object) -> ItemHarness[FileDownloadState]:
    """A harness around a download."""
    fields: dict[str, object] = {"src": src, "dest": folder / "f.bin", **more}
    # The fields are checked when the item is made.
    return ItemHarness(FileDownload(**fields), folder)  # type: ignore[arg-type]  # as just said


async def failure(harness: ItemHarness[FileDownloadState]) -> PeacefulError:
    """What `ensure` fails with; it says what to do, in words without secrets."""
    with pytest.raises(PeacefulError) as caught:
        await harness.result_of("ensure")
    assert caught.value.help
    assert "tell-nobody" not in str(caught.value)
    return caught.value


# ---- what the server says


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (404, SourceMissing, "There is nothing at http://127.0.0.1:PORT/f?token=..."),
        (410, SourceMissing, "the server says 410"),
        (401, SourceRefused, "401 Unauthorized"),
        (403, SourceRefused, "403 Forbidden"),
        (400, SourceRefused, "400 Bad Request"),
        (501, SourceRefused, "501 Not Implemented"),
    ],
)
async def test_a_refusal_is_told(
    status: int, kind: type[PeacefulError], says: str, server: FileServer, tmp_path: Path
) -> None:
    """What will not change by itself is not tried again."""
    server.files["/f"] = Served(CONTENT, statuses=deque([(status, {})] * 9))
    src = server.url("/f?token=tell-nobody", login="me:tell-nobody@")

    error = await failure(download(src, tmp_path))

    assert type(error) is kind
    assert says.replace("PORT", str(server.port)) in error.message
    assert [asked.method for asked in server.asked] == ["GET"]


async def test_a_wrong_checksum_is_told_and_the_file_removed(
    server: FileServer, tmp_path: Path
) -> None:
    """Expected and found are told; what was there before is as it was."""
    server.files["/f"] = Served(CONTENT)
    (tmp_path / "f.bin").write_text("old")

    error = await failure(download(server.url("/f"), tmp_path, sha256=DIGEST))

    assert isinstance(error, ChecksumWrong)
    assert dict(error.details)["expected"] == DIGEST
    assert len(dict(error.details)["found"]) == 64
    assert (tmp_path / "f.bin").read_text() == "old"
    assert not (tmp_path / "f.bin.part").exists()


async def test_redirects_in_a_circle_end(server: FileServer, tmp_path: Path) -> None:
    """Too many redirects are told, with where it began and where it was."""

    async def around(asked: Asked, writer: asyncio.StreamWriter) -> None:
        location = "/g?sig=tell-nobody" if asked.target == "/f" else "/f"
        head(writer, 302, {"Location": location, "Content-Length": "0"})

    server.handlers.update({"/f": around, "/g": around})

    error = await failure(download(server.url("/f"), tmp_path, max_redirects=4))

    assert isinstance(error, RedirectRefused)
    assert "more than 4 times" in error.message
    assert "/g?sig=..." in error.message
    assert [asked.method for asked in server.asked] == ["GET"] * 5


@pytest.mark.parametrize("location", ["ftp://example.com/f", "http://:80/", "http://[::1"])
async def test_a_redirect_to_nowhere_is_told(
    location: str, server: FileServer, tmp_path: Path
) -> None:
    """Only addresses of files on the web are gone to."""
    server.files["/f"] = Served(b"", statuses=deque([(301, {"Location": location})] * 2))

    error = await failure(download(server.url("/f"), tmp_path))

    assert isinstance(error, RedirectRefused)
    assert "sends on to an address that cannot be used" in error.message


async def test_nonsense_is_told(server: FileServer, tmp_path: Path) -> None:
    """A part that nobody asked for is not taken for the file."""

    async def part(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            head(writer, 200, {"Content-Length": "9"})
        else:
            head(writer, 206, {"Content-Length": "3", "Content-Range": "bytes 3-5/9"})
            writer.write(b"abc")

    server.handlers["/f"] = part
    error = await failure(download(server.url("/f"), tmp_path))

    assert isinstance(error, AnswerInvalid)
    assert "sent a part of the file where the whole was asked for" in error.message


async def test_what_is_not_http_is_told(server: FileServer, tmp_path: Path) -> None:
    """Another protocol on the port is a broken connection."""

    async def other(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n\r\n")

    server.handlers["/f"] = other
    error = await failure(download(server.url("/f"), tmp_path, attempts=2))

    assert isinstance(error, SourceUnreachable)
    assert "does not speak HTTP" in error.message
    assert error.details == (("tried", "2 times"),)


async def test_a_silent_server_is_given_up(server: FileServer, tmp_path: Path) -> None:
    """The timeout counts from the last byte."""

    async def silent(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.get_running_loop().create_future()

    server.handlers["/f"] = silent
    error = await failure(download(server.url("/f"), tmp_path, timeout=0.05, attempts=1))

    assert isinstance(error, SourceUnreachable)
    assert "sent nothing for 0.05 s" in error.message


# ---- the way to it


async def test_a_server_that_is_not_there_is_told(server: FileServer, tmp_path: Path) -> None:
    """Refused connections are tried again, then told."""
    await server.stop()

    error = await failure(download(server.url("/f"), tmp_path))

    assert isinstance(error, SourceUnreachable)
    assert error.message == f"127.0.0.1:{server.port} refuses connections."


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (socket.EAI_NONAME, HostUnknown, "There is no host named files.example."),
        (socket.EAI_AGAIN, SourceUnreachable, "files.example cannot be looked up now (said so)."),
    ],
)
async def test_a_name_that_nobody_knows_is_told(
    number: int,
    kind: type[PeacefulError],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An unknown name is final; trouble with looking it up is not."""
    lookups: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        lookups.append(arguments)
        raise socket.gaierror(number, "said so")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    error = await failure(download("http://files.example/f", tmp_path, attempts=3))

    assert type(error) is kind
    assert error.message == says
    assert len(lookups) == (1 if kind is HostUnknown else 3)


async def test_a_host_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is not accepted in time."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        src = f"http://127.0.0.1:{port}/f"
        error = await failure(download(src, tmp_path, timeout=0.05, attempts=1))
        for one in waiting:
            one.close()

    assert isinstance(error, SourceUnreachable)
    assert "0.05 s" in error.message


async def test_headers_that_cannot_be_sent_are_told_without_their_values(
    server: FileServer, tmp_path: Path
) -> None:
    """A line break in a header is refused, and a secret in it is not shown."""
    server.files["/f"] = Served(CONTENT)
    headers = {"X-Token": "tell-nobody\r\nX-Other: 1"}

    error = await failure(download(server.url("/f"), tmp_path, headers=headers))

    assert type(error) is DownloadFailed
    assert "headers" in error.message


async def test_without_aiohttp_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)

    error = await failure(download("http://127.0.0.1/f", tmp_path))

    assert isinstance(error, ExtraMissing)
    assert 'pip install "peaceful[http]"' in error.help


# ---- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine that nobody trusts, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def server_tls(certificate: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_an_unknown_certificate_is_not_trusted(certificate: Path, tmp_path: Path) -> None:
    """A server that cannot prove who it is is not asked again."""
    async with file_server(server_tls(certificate)) as server:
        server.files["/f"] = Served(CONTENT)
        error = await failure(download(server.url("/f"), tmp_path))

    assert isinstance(error, SourceNotTrusted)
    assert "self-signed certificate" in error.message
    assert server.asked == []


async def test_an_authority_of_ones_own_is_trusted(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named by the environment, as for other programs."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with file_server(server_tls(certificate)) as server:
        server.files["/f"] = Served(CONTENT)
        result = await download(server.url("/f"), tmp_path).result_of("ensure")

    assert result.status is ItemStatus.DONE


async def test_a_server_without_tls_is_told(server: FileServer, tmp_path: Path) -> None:
    """`https` where only `http` is spoken."""
    src = server.url("/f").replace("http:", "https:")

    error = await failure(download(src, tmp_path))

    assert isinstance(error, SourceNotTrusted)
    assert "TLS failed" in error.message


async def test_a_redirect_from_https_to_http_needs_a_checksum(
    certificate: Path, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without encryption anybody on the way could change the file; a checksum would show it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server.files["/f"] = Served(CONTENT)
    async with file_server(server_tls(certificate)) as secure:
        secure.files["/f"] = Served(
            b"", statuses=deque([(302, {"Location": server.url("/f")})] * 3)
        )
        harness = download(secure.url("/f"), tmp_path)
        error = await failure(harness)
        digest = hashlib.sha256(CONTENT).hexdigest()
        harness = download(secure.url("/f"), tmp_path, sha256=digest)
        result = await harness.result_of("ensure")

    assert isinstance(error, RedirectRefused)
    assert result.status is ItemStatus.DONE


def test_headers_follow_from_http_to_https_of_the_same_host() -> None:
    """An upgrade on the standard ports stays with the same server."""
    from peaceful.items._download._address import parsed
    from peaceful.items._download._network import is_same_server

    own = parsed("http://files.example/f")

    assert is_same_server(own, parsed("https://files.example/g"))
    assert not is_same_server(own, parsed("https://files.example:8443/g"))
    assert not is_same_server(own, parsed("https://other.example/g"))
    assert not is_same_server(parsed("https://files.example/f"), own)


# ---- proxies


async def test_a_proxy_of_the_environment_is_used(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole address goes to the proxy, with the proxy's own login."""
    target = "http://files.example/f?token=t"
    server.handlers[target.partition("?")[0]] = proxied
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.port}")

    result = await download(target, tmp_path).result_of("ensure")

    assert result.status is ItemStatus.DONE
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert {asked.target for asked in server.asked} == {target}
    assert all(asked.headers["host"] == "files.example" for asked in server.asked)


async def proxied(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answers as a proxy that knows the file."""
    head(writer, 200, {"Content-Length": str(len(CONTENT)), "ETag": '"1"'})
    writer.write(CONTENT if asked.method == "GET" else b"")


async def test_hosts_that_are_named_need_no_proxy(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`no_proxy` is heeded."""
    server.files["/f"] = Served(CONTENT)
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    assert (await download(server.url("/f"), tmp_path).result_of("ensure")).status.value == "done"


async def test_a_proxy_for_other_schemes_only_is_not_used(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy for https is not asked for http."""
    server.files["/f"] = Served(CONTENT)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")

    assert (await download(server.url("/f"), tmp_path).result_of("ensure")).status.value == "done"


async def test_a_proxy_that_does_not_let_through_is_told(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused tunnel is the proxy's doing, and it is named."""

    async def refuse(asked: Asked, writer: asyncio.StreamWriter) -> None:
        head(writer, 407, {"Content-Length": "0"})

    server.handlers["files.example:443"] = refuse
    monkeypatch.setenv("https_proxy", f"http://me:tell-nobody@127.0.0.1:{server.port}")

    error = await failure(download("https://files.example/f", tmp_path, attempts=1))

    assert isinstance(error, SourceUnreachable)
    assert f"The proxy 127.0.0.1:{server.port}".lower() in error.message.lower()
    assert "407" in error.message


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://"])
async def test_a_proxy_that_cannot_be_used_is_told(
    proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only http and https proxies are known."""
    monkeypatch.setenv("http_proxy", proxy)

    error = await failure(download("http://files.example/f", tmp_path))

    assert "The proxy that the environment names for http cannot be used" in error.message


def test_a_broken_tls_connection_may_be_tried_again() -> None:
    """The end of a connection in the middle of TLS says nothing about trust."""
    import aiohttp

    error = aiohttp.ClientOSError("x")
    error.__cause__ = ExceptionGroup("all", [ssl.SSLEOFError(8, "eof")])

    told = _network.failure_of(error, "a", "a", 1.0)

    assert isinstance(told, SourceUnreachable)
    cut = aiohttp.ClientOSError("x")
    assert isinstance(_network.failure_of(cut, "a", "a", 1.0), SourceUnreachable)


# ---- the disk, and what is given


async def test_a_folder_at_the_target_is_told(server: FileServer, tmp_path: Path) -> None:
    """A folder is not replaced, and neither is it cleaned up."""
    server.files["/f"] = Served(CONTENT)
    (tmp_path / "f.bin").mkdir()
    harness = download(server.url("/f"), tmp_path)

    error = await failure(harness)
    with pytest.raises(PathTaken):
        await harness.result_of("clean")

    assert isinstance(error, PathTaken)
    assert error.message == f"{tmp_path / 'f.bin'} is a folder, where the downloaded file is to be."
    assert (tmp_path / "f.bin").is_dir()


async def test_something_odd_at_the_target_is_told(server: FileServer, tmp_path: Path) -> None:
    """A named pipe is neither read nor replaced."""
    server.files["/f"] = Served(CONTENT)
    os.mkfifo(tmp_path / "f.bin")

    assert isinstance(await failure(download(server.url("/f"), tmp_path)), PathTaken)


async def test_a_file_in_place_of_the_folder_is_told(server: FileServer, tmp_path: Path) -> None:
    """Where the folder of the target cannot be made, nothing is asked for."""
    server.files["/f"] = Served(CONTENT)
    (tmp_path / "file").write_text("x")
    harness = download(server.url("/f"), tmp_path, dest=tmp_path / "file" / "f.bin")

    error = await failure(harness)

    assert isinstance(error, DiskFailed)
    assert "file" in error.message


async def test_a_link_beside_the_target_is_not_written_through(
    server: FileServer, tmp_path: Path
) -> None:
    """Whoever put a link where the unfinished file goes gets nothing written elsewhere."""
    server.files["/f"] = Served(CONTENT)
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "f.bin.part").symlink_to(tmp_path / "precious")

    assert isinstance(await failure(download(server.url("/f"), tmp_path)), DiskFailed)
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(
    "src",
    ["ftp://example.com/f", "example.com", "http://", "http://me:tell-nobody@[", "a?tell-nobody"],
)
def test_an_address_that_is_none_is_refused_when_the_item_is_made(src: str) -> None:
    """It is found before anything runs, and a secret in it is not shown."""
    with pytest.raises(ValidationError) as caught:
        FileDownload(src=src, dest=Path("f"))

    assert "src" in str(caught.value)
    assert "tell-nobody" not in f"{caught.value} {caught.value.errors()}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sha256": "abc"},
        {"timeout": 0},
        {"attempts": 0},
        {"max_redirects": -1},
        {"headers": "no mapping"},
        {"src": 3},
        {"dest": "a\0b"},
    ],
    ids=str,
)
def test_other_values_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    """They are found before anything runs."""
    fields: dict[str, object] = {"src": "http://example.com", "dest": Path("f"), **wrong}

    with pytest.raises(ValidationError, match=next(iter(wrong))):
        FileDownload(**fields)  # type: ignore[arg-type]  # what is tested
