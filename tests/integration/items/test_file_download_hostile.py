"""Servers and addresses that nobody would think of: each ends as a download, or with an error."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import deque
from pathlib import Path

import pytest
from file_server import Asked, FileServer, Served, head
from pydantic import ValidationError

from peaceful.errors import PeacefulError
from peaceful.items import DownloadFailed, FileDownload, FileDownloadState
from peaceful.items._download import _transfer
from peaceful.items._download._errors import (
    ChecksumWrong,
    RedirectRefused,
    SourceUnavailable,
    SourceUnreachable,
)
from peaceful.testing import ItemHarness

CONTENT = random.Random(9).randbytes(10_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()

SIZED_HEAD = b'HTTP/1.1 200 OK\r\nContent-Length: 10000\r\nETag: "v1"\r\n\r\n'
CHUNKED_HEAD = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: "v1"\r\n\r\n'
SIZED = SIZED_HEAD + CONTENT
CHUNKED = b"%b1388\r\n%b\r\n1388\r\n%b\r\n0\r\n\r\n" % (
    CHUNKED_HEAD,
    CONTENT[:5_000],
    CONTENT[5_000:],
)


@pytest.fixture(autouse=True)
def long_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every file for a long one, of which parts are written."""
    monkeypatch.setattr(_transfer, "SHORT", 0)


def download(src: str, folder: Path, **more: object) -> ItemHarness[FileDownloadState]:
    """A harness around a download."""
    fields: dict[str, object] = {"src": src, "dest": folder / "f.bin", "timeout": 5, **more}
    # The fields are checked when the item is made.
    return ItemHarness(FileDownload(**fields), folder)  # type: ignore[arg-type]  # as just said


async def failure(harness: ItemHarness[FileDownloadState]) -> PeacefulError:
    """What `ensure` fails with; nothing is left that passes for the file."""
    with pytest.raises(PeacefulError) as caught:
        await harness.result_of("ensure")
    assert isinstance(harness.item, FileDownload)
    assert not harness.item.dest.exists()
    assert caught.value.help
    return caught.value


class CutOnce:
    """Answers whole but for the first time: then the connection ends after so many bytes.

    Args:
        answer: the whole answer.
        place: after how many bytes it is cut.
        silent: whether it does not end then, and nothing more comes either.
    """

    def __init__(self, answer: bytes, place: int, *, silent: bool = False) -> None:
        self._answer = answer
        self._place: int | None = place
        self._silent = silent

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        """Answers."""
        if asked.method == "HEAD":
            writer.write(self._answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
            return
        place, self._place = self._place, None
        writer.write(self._answer[:place])
        if place is not None:
            await writer.drain()
            if self._silent:
                await asyncio.get_running_loop().create_future()
            raise ConnectionError


def places(answer: bytes) -> list[int]:
    """Where an answer can be cut: in each part of it, at its edges, and one byte beside these."""
    begin = answer.index(b"\r\n\r\n") + 4
    edges = [0, 5, 12, 15, begin - 2, begin]
    if answer is CHUNKED:
        edges += [begin + 4, begin + 6, begin + 5_006, begin + 5_008, begin + 5_014]
        edges += [len(answer) - 7, len(answer) - 5, len(answer) - 2]
    else:
        edges.append(begin + 5_000)
    near = {edge + beside for edge in edges for beside in (-1, 0, 1)}
    return sorted(place for place in near | {len(answer) - 1} if 0 <= place < len(answer))


@pytest.mark.parametrize("answer", [SIZED, CHUNKED], ids=["sized", "chunked"])
async def test_an_answer_cut_at_any_place_is_no_file(
    answer: bytes, server: FileServer, tmp_path: Path
) -> None:
    """Within a line, a header, the length of a chunk, its content, its end: it is asked again."""
    for place in places(answer):
        path = f"/{place}"
        server.handlers[path] = CutOnce(answer, place)
        folder = tmp_path / str(place)
        folder.mkdir()

        await download(server.url(path), folder).result_of("ensure")

        assert (folder / "f.bin").read_bytes() == CONTENT, place
        assert len([asked for asked in server.gets() if asked.target == path]) == 2, place


@pytest.mark.parametrize("place", [0, 5, len(SIZED_HEAD), len(SIZED_HEAD) + 100, len(SIZED) - 1])
async def test_a_server_that_falls_silent_is_asked_again(
    place: int, server: FileServer, tmp_path: Path
) -> None:
    """Wherever in its answer that is."""
    server.handlers["/f"] = CutOnce(SIZED, place, silent=True)

    await download(server.url("/f"), tmp_path, timeout=0.1).result_of("ensure")

    assert (tmp_path / "f.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("cut", [True, False])
async def test_a_version_that_changes_at_each_question_is_never_mixed(
    cut: bool, server: FileServer, tmp_path: Path
) -> None:
    """What comes in one piece is taken; what is always cut gets nowhere, and is given up."""

    async def changing(asked: Asked, writer: asyncio.StreamWriter) -> None:
        head(writer, 200, {"Content-Length": "10000", "ETag": f'"{len(server.asked)}"'})
        if asked.method == "GET":
            writer.write(CONTENT[:3_000] if cut else CONTENT)
            await writer.drain()
            if cut:
                raise ConnectionError

    server.handlers["/f"] = changing
    harness = download(server.url("/f"), tmp_path, attempts=3)

    if cut:
        assert isinstance(await failure(harness), SourceUnreachable)
        assert len(server.gets()) == 1 + 3, "the first one got further than none"
    else:
        await harness.result_of("ensure")
        assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_a_wrong_checksum_is_told_however_the_bytes_came(
    server: FileServer, tmp_path: Path
) -> None:
    """Bytes that were joined on trust are fetched once more, and not for ever."""
    server.files["/f"] = Served(CONTENT, etag=None, cuts=deque([5_000, 10**9] * 10))

    error = await failure(download(server.url("/f"), tmp_path, sha256="0" * 64))

    assert isinstance(error, ChecksumWrong)
    assert dict(error.details)["found"] == SHA256
    assert len(server.gets()) == 4


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: -1",
        b"Content-Length: 1e3",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 99999999999999999999999",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked\r\nX: y\r\n\r\nffffffffffffffffffff\r\n",
        b"no colon",
        b"ETag: a\0b",
        b"X: " + b"x" * 300_000,
    ],
    ids=lambda fields: str(fields[:40]),
)
async def test_an_answer_that_makes_no_sense_is_told(
    fields: bytes, server: FileServer, tmp_path: Path
) -> None:
    """Lengths that cannot be, or contradict each other; headers that are none."""

    async def odd(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\nhello")
        await writer.drain()
        raise ConnectionError

    server.handlers["/f"] = odd

    error = await failure(download(server.url("/f"), tmp_path, attempts=2))

    assert isinstance(error, SourceUnreachable)


async def test_dates_that_cannot_be_are_none(server: FileServer, tmp_path: Path) -> None:
    """Neither a file's nor that after which the server wants to be asked again."""
    never = "Fri, 31 Dec 99999999999999999999 23:59:59 GMT"
    server.files["/f"] = Served(
        CONTENT, etag=None, last_modified=never, statuses=deque([(503, {"Retry-After": never})])
    )

    await download(server.url("/f"), tmp_path).result_of("ensure")

    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_a_wait_longer_than_a_life_is_not_waited(server: FileServer, tmp_path: Path) -> None:
    """It is told, and nobody is asked again."""
    server.files["/f"] = Served(CONTENT, statuses=deque([(503, {"Retry-After": "9" * 18})] * 2))

    error = await failure(download(server.url("/f"), tmp_path))

    assert isinstance(error, SourceUnavailable)
    assert [asked.method for asked in server.asked] == ["GET"]


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "",
        "?",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/\x01",
        "http://127.0.0.1/" + "a" * 70_000,
    ],
    ids=lambda location: location[:25],
)
async def test_a_redirect_that_leads_nowhere_is_refused(
    location: str, server: FileServer, tmp_path: Path
) -> None:
    """To a file of this machine, to itself, to what is no address."""

    async def sends_on(asked: Asked, writer: asyncio.StreamWriter) -> None:
        head(writer, 302, {"Location": location, "Content-Length": "0"})

    server.handlers["/f"] = sends_on

    assert isinstance(await failure(download(server.url("/f"), tmp_path)), RedirectRefused)


@pytest.mark.parametrize("host", ["☃", "xn--a", "256.256.256.256", "a.☃.invalid"])
@pytest.mark.parametrize("way", ["itself", "redirect", "proxy"])
async def test_a_host_that_cannot_be_is_told(
    way: str, host: str, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a name cannot even be looked up."""

    async def sends_on(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: http://{host}/\r\n\r\n".encode())

    server.handlers["/f"] = sends_on
    if way == "proxy":
        monkeypatch.setenv("http_proxy", f"http://{host}:3128")
    src = f"http://{host}/f" if way == "itself" else server.url("/f")

    error = await failure(download(src, tmp_path))

    assert type(error) is DownloadFailed
    assert "no host has such a name" in error.message


@pytest.mark.parametrize(
    "src",
    ["http://a\x01b/f", "http://a/\x7f", "http://a/\ud800", "http://a/" + "a" * 20_000],
    ids=ascii,
)
def test_an_address_that_cannot_be_sent_is_refused_when_the_item_is_made(src: str) -> None:
    """It is found before anything runs."""
    with pytest.raises(ValidationError, match="src"):
        FileDownload(src=src, dest=Path("f"))


@pytest.mark.parametrize("name", ["Range", "if-range", "Content-Length", "TRANSFER-ENCODING"])
def test_headers_that_the_download_needs_itself_are_refused(name: str) -> None:
    """They would change which bytes come, or where they end."""
    with pytest.raises(ValidationError, match=f"{name} is not for you to give"):
        FileDownload(src="http://example.com", dest=Path("f"), headers={name: "1"})


@pytest.mark.parametrize("headers", [{"X": "ü€"}, {"X ü": "1"}, {"": "1"}, {"X": "\ud800"}])
async def test_headers_that_are_none_are_told(
    headers: dict[str, str], server: FileServer, tmp_path: Path
) -> None:
    """HTTP has its own letters for names and values."""
    server.files["/f"] = Served(CONTENT)

    error = await failure(download(server.url("/f"), tmp_path, headers=headers))

    assert type(error) is DownloadFailed
    assert "headers" in error.message
    assert not server.asked
