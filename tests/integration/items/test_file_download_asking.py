"""What only helps a download does not decide it: HEAD, and what is there of an earlier attempt."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from file_server import Asked, FileServer, Handler, Served, head

from peaceful import ItemStatus
from peaceful.items import FileDownload, FileDownloadState
from peaceful.items._download import _transfer
from peaceful.items._download._errors import DownloadFailed, SourceUnavailable
from peaceful.items._download._plan import PartRecord, boot_id
from peaceful.testing import ItemHarness

CONTENT = random.Random(5).randbytes(20_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
KEPT = 6_000

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def long_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every file for a long one, of which parts are written."""
    monkeypatch.setattr(_transfer, "SHORT", 0)


def download(server: FileServer, folder: Path, **more: object) -> ItemHarness[FileDownloadState]:
    """A harness around the download of `/f`."""
    fields: dict[str, object] = {"src": server.url("/f"), "dest": folder / "f.bin", **more}
    return ItemHarness(FileDownload.model_validate(fields), folder)


# ---- HEAD


def whole(writer: asyncio.StreamWriter, asked: Asked, **headers: str) -> None:
    """Answer a GET with all of the file, or with the one byte that is asked for."""
    told = {"ETag": '"1"', **headers}
    if asked.headers.get("range") == "bytes=0-0":
        head(writer, 206, {**told, "Content-Length": "1", "Content-Range": "bytes 0-0/20000"})
        writer.write(CONTENT[:1])
    else:
        head(writer, 200, {**told, "Content-Length": str(len(CONTENT))})
        writer.write(CONTENT)


def unless_head(answer: Answer) -> Handler:
    """A server that answers HEAD in its own way, and gives the file."""

    async def handler(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            await answer(writer)
        else:
            whole(writer, asked)

    return handler


async def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection."""
    raise ConnectionError


async def silence(writer: asyncio.StreamWriter) -> None:
    """Say nothing."""
    await asyncio.get_running_loop().create_future()


def saying(text: bytes) -> Answer:
    """An answer that is no HTTP, or half of it."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()
        raise ConnectionError

    return answer


def with_head(status: int, headers: Mapping[str, str]) -> Answer:
    """An answer of its own."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        head(writer, status, {"Content-Length": "0", **headers})

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        *(pytest.param(with_head(status, {}), id=str(status)) for status in range(400, 406)),
        *(pytest.param(with_head(status, {}), id=str(status)) for status in (410, 429, 500, 501)),
        *(pytest.param(with_head(status, {}), id=str(status)) for status in (502, 503, 504, 204)),
        pytest.param(with_head(302, {"Location": "/login"}), id="to what is not there"),
        pytest.param(with_head(302, {"Location": "/f"}), id="in a circle"),
        pytest.param(with_head(302, {"Location": "ftp://example.com/"}), id="to nowhere"),
        pytest.param(with_head(503, {"Retry-After": "3600"}), id="later"),
        pytest.param(with_head(200, {}), id="nothing"),
        pytest.param(with_head(200, {"Content-Length": "20000"}), id="no version"),
        pytest.param(with_head(200, {"ETag": '"other"', "Content-Length": "3"}), id="another"),
        pytest.param(with_head(200, {"Last-Modified": "Sun, 31 Dec 2023 12:00:00 GMT"}), id="time"),
        pytest.param(reset, id="reset"),
        pytest.param(silence, id="silence"),
        pytest.param(saying(b"220 ready\r\n\r\n"), id="no HTTP"),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\nETag: "), id="half an answer"),
    ],
)
async def test_whatever_head_says_get_decides(
    answer: Answer, server: FileServer, tmp_path: Path
) -> None:
    """By any status, another answer, or none: the file comes at the first attempt, and stays."""
    server.handlers["/f"] = unless_head(answer)
    patience = {"timeout": 0.5} if answer is silence else {"attempts": 1}
    harness = download(server, tmp_path, **patience)

    first, second = await harness.result_of("ensure"), await harness.result_of("ensure")

    assert (first.status, second.status) == (ItemStatus.DONE, ItemStatus.UNCHANGED)
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert await harness.difference() is None


async def test_a_server_whose_head_is_wrong_is_still_seen_to_change(
    server: FileServer, tmp_path: Path
) -> None:
    """Once its HEAD was found to say something else, the file itself is asked for."""
    version = "1"

    async def cached(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            head(writer, 200, {"Content-Length": "20000", "ETag": '"0"'})
        else:
            whole(writer, asked, ETag=f'"{version}"')

    server.handlers["/f"] = cached
    harness = download(server, tmp_path)
    await harness.result_of("ensure")
    version = "2"

    assert str(await harness.difference()) == 'etag: "1" → "2"'
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED


async def test_an_older_version_that_comes_back_is_seen(server: FileServer, tmp_path: Path) -> None:
    """A version that was there for one download only is one like any other."""
    server.files["/f"] = Served(CONTENT)
    answers = iter(['"2"'])

    async def changing(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            head(writer, 200, {"Content-Length": "20000", "ETag": '"1"'})
        else:
            whole(writer, asked, ETag=next(answers, '"1"'))

    server.handlers["/f"] = changing
    harness = download(server, tmp_path)
    await harness.result_of("ensure")

    assert str(await harness.difference()) == 'etag: "2" → "1"'


async def test_where_nobody_is_reached_nobody_is_asked_twice(
    server: FileServer, tmp_path: Path
) -> None:
    """Without a connection, GET would not be heard either."""
    await server.stop()
    harness = download(server, tmp_path, attempts=1)

    with pytest.raises(DownloadFailed, match="refuses connections"):
        await harness.result_of("ensure")


# ---- resuming


def rest(asked: Asked) -> int | None:
    """Where the part begins that is asked for; none for the whole."""
    text = asked.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
    return int(text) if text.isdigit() else None


def unless_rest(
    answer: Callable[[asyncio.StreamWriter], Awaitable[None]], etag: str = '"1"'
) -> Handler:
    """A server that answers in its own way where the rest is asked for."""

    async def handler(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            head(writer, 200, {"Content-Length": "20000", "ETag": etag})
        elif rest(asked) is not None:
            await answer(writer)
        else:
            whole(writer, asked, ETag=etag)

    return handler


def part(body: bytes, told: str | None, etag: str = '"1"', status: int = 206) -> Answer:
    """An answer with a part of a file."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        headers = {"Content-Length": str(len(body)), "ETag": etag}
        head(writer, status, headers if told is None else {**headers, "Content-Range": told})
        writer.write(body)

    return answer


def begun(folder: Path, server: FileServer, kept: bytes = CONTENT[:KEPT]) -> None:
    """Leave what an attempt before has brought."""
    record = PartRecord(
        source=server.url("/f"),
        etag='"1"',
        last_modified=None,
        length=len(CONTENT),
        if_range='"1"',
        synced=len(kept),
        boot=boot_id(),
    )
    (folder / "f.bin.part").write_bytes(kept)
    (folder / "f.bin.part.json").write_text(record.model_dump_json())


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(part(CONTENT[5_000:], "bytes 5000-19999/20000"), id="too early"),
        pytest.param(part(CONTENT[7_000:], "bytes 7000-19999/20000"), id="too late"),
        pytest.param(part(CONTENT[KEPT:], None), id="without its place"),
        pytest.param(part(CONTENT[KEPT:], "bytes=6000-19999/20000"), id="place in another form"),
        pytest.param(part(CONTENT[KEPT:], "bytes 6000-19998/19999"), id="of another length"),
        pytest.param(part(b"x" * 14_000, "bytes 6000-19999/20000", '"2"'), id="another ETag"),
        pytest.param(part(CONTENT, "bytes 6000-19999/20000"), id="the whole, called the rest"),
        pytest.param(part(b"--x\r\n", None), id="many parts"),
        *(
            pytest.param(part(b"", told, status=416), id=f"416 {told}")
            for told in (None, "bytes */20000", "bytes */5000", "nonsense")
        ),
        *(
            pytest.param(part(b"", None, status=status), id=str(status))
            for status in (400, 405, 406, 412, 417, 501)
        ),
    ],
)
async def test_where_the_rest_cannot_be_had_the_whole_is_fetched(
    answer: Answer, server: FileServer, tmp_path: Path
) -> None:
    """In the same attempt: what is there of an earlier one is only a help."""
    server.handlers["/f"] = unless_rest(answer)
    begun(tmp_path, server)

    await download(server, tmp_path, attempts=1).result_of("ensure")

    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert [rest(asked) for asked in server.gets()] == [KEPT, None]


async def test_a_server_that_fails_at_each_part_is_asked_for_the_whole(
    server: FileServer, tmp_path: Path
) -> None:
    """Not at once: most servers that fail will resume later, and nothing is fetched twice."""
    server.handlers["/f"] = unless_rest(part(b"", None, status=500))
    begun(tmp_path, server)

    await download(server, tmp_path).result_of("ensure")

    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert [rest(asked) for asked in server.gets()] == [KEPT, KEPT, None]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
async def test_what_is_there_is_kept_where_the_whole_would_not_come_either(
    status: int, server: FileServer, tmp_path: Path
) -> None:
    """A login that has expired or a busy server costs no byte."""
    server.handlers["/f"] = unless_rest(part(b"", None, status=status))
    begun(tmp_path, server)

    with pytest.raises(DownloadFailed):
        await download(server, tmp_path).result_of("ensure")

    assert (tmp_path / "f.bin.part").read_bytes() == CONTENT[:KEPT]
    assert None not in [rest(asked) for asked in server.gets()]


async def test_bytes_are_kept_until_the_whole_comes(server: FileServer, tmp_path: Path) -> None:
    """Where neither the rest nor the whole can be had, what is there stays for another day."""

    async def refusing(asked: Asked, writer: asyncio.StreamWriter) -> None:
        status = 200 if asked.method == "HEAD" else 503 if rest(asked) is None else 416
        head(writer, status, {"Content-Length": "0", "ETag": '"1"'})

    server.handlers["/f"] = refusing
    begun(tmp_path, server)

    with pytest.raises(SourceUnavailable):
        await download(server, tmp_path, attempts=1).result_of("ensure")

    assert (tmp_path / "f.bin.part").read_bytes() == CONTENT[:KEPT]


@pytest.mark.parametrize(
    ("kept", "body"),
    [(b"x" * KEPT, CONTENT[KEPT:]), (CONTENT[:KEPT], b"x" * 14_000), (b"x" * 20_000, b"")],
    ids=["what was there", "what came", "all of it"],
)
async def test_a_checksum_finds_wrong_bytes_and_the_whole_is_fetched(
    kept: bytes, body: bytes, server: FileServer, tmp_path: Path
) -> None:
    """Also where the server gave its word that they belong together."""
    server.handlers["/f"] = unless_rest(part(body, "bytes 6000-19999/20000"))
    begun(tmp_path, server, kept)

    await download(server, tmp_path, attempts=1, sha256=DIGEST).result_of("ensure")

    assert (tmp_path / "f.bin").read_bytes() == CONTENT
