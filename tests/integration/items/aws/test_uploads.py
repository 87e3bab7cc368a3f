"""Uploads in parts: carried on with, compared part by part, and nothing of them left behind."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from aiohttp import web
from aws_server import Asked, Way, never
from aws_stack import MEBIBYTE, client

from peaceful import ItemStatus, ProgressUnit
from peaceful.commands import ItemProgressed
from peaceful.items.aws import AwsAccess, S3Bucket, S3Object, S3ObjectState
from peaceful.items.aws import _upload as _digest
from peaceful.items.aws._errors import UploadSourceChanged, UploadSourceMissing
from peaceful.items.aws._upload import ObjectDigest, PartDigest, part_size
from peaceful.testing import ItemHarness

PART = 5 * MEBIBYTE
"""What S3 takes at least for a part that is not the last one."""

SIZE = 5 * PART + MEBIBYTE
PARTS = 6


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts are as small as they can be, so that a file of many parts is soon there."""
    monkeypatch.setattr(_digest, "_PART", PART)


@pytest.fixture
async def harness(access: AwsAccess, tmp_path: Path) -> ItemHarness[S3ObjectState]:
    """A large file, and a bucket for it."""
    bucket = S3Bucket(name="app-releases", aws=access)
    await ItemHarness(bucket, tmp_path / "bucket").result_of("ensure")
    file = tmp_path / "app.tar"
    file.write_bytes(os.urandom(1024) * (SIZE // 1024))
    return ItemHarness(S3Object(bucket=bucket.name, key="app", file=file, aws=access), tmp_path)


async def interrupted(harness: ItemHarness[S3ObjectState], way: Way, part: int) -> None:
    """An upload that is interrupted when one part is missing, which never gets there."""
    arrived: list[Asked] = []
    rest = asyncio.Event()

    async def stick(asked: Asked) -> web.StreamResponse | None:
        return await never(asked) if is_part(asked, part) else None

    async def arrive(asked: Asked) -> None:
        arrived.append(asked)
        if len([one for one in arrived if one.operation == "UploadPart"]) == PARTS - 1:
            rest.set()

    way.before, way.after = stick, arrive
    running = asyncio.ensure_future(harness.ensure())
    await rest.wait()
    # The other parts are there, as soon as their answers are too.
    progress = harness.sink.of(ItemProgressed)
    while not progress or progress[-1].progress.done < SIZE - PART:
        await asyncio.sleep(0.01)
        progress = harness.sink.of(ItemProgressed)
    harness.sender.request()
    outcome = await running
    way.before = way.after = None
    way.asked.clear()
    assert outcome.items["item"].status is ItemStatus.STOPPED


def is_part(asked: Asked, number: int) -> bool:
    """Whether the part of that number is uploaded."""
    return asked.operation == "UploadPart" and f"&partNumber={number}&" in f"{asked.path}&"


def sent(way: Way) -> set[int]:
    """The numbers of the parts that were uploaded."""
    return {number for number in range(1, 10) for one in way.asked if is_part(one, number)}


async def test_carries_on(harness: ItemHarness[S3ObjectState], way: Way) -> None:
    """An interrupted upload is carried on with: parts that are there are not sent again."""
    await interrupted(harness, way, part=4)
    current, _ = await harness.states()
    assert str(current) == "absent, partly uploaded"
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert "CreateMultipartUpload" not in way.operations()
    assert sent(way) == {4}
    assert await harness.difference() is None


async def test_another_version_of_the_file(harness: ItemHarness[S3ObjectState], way: Way) -> None:
    """If the file is another by then, only the parts that are the same are kept."""
    await interrupted(harness, way, part=4)
    assert isinstance(harness.item, S3Object)
    with harness.item.file.open("r+b") as file:
        file.write(b"another beginning")
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert sent(way) == {1, 4}
    assert await harness.difference() is None


async def test_versions(harness: ItemHarness[S3ObjectState], way: Way) -> None:
    """A version that is due is seen before the file is there; the same content is only tagged."""
    assert isinstance(harness.item, S3Object)
    harness.item = harness.item.model_copy(update={"version": "1.0"})
    assert (await harness.result_of("ensure")).shown == "version 1.0, 27.3 MB"
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    harness.item = harness.item.model_copy(update={"version": "1.1"})
    assert str(await harness.difference()) == "version: 1.0 → 1.1"
    way.asked.clear()
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert sent(way) == set()
    assert await harness.difference() is None


async def test_nothing_is_left(
    harness: ItemHarness[S3ObjectState], way: Way, access: AwsAccess
) -> None:
    """Cleaning removes what an interrupted upload has left."""
    await interrupted(harness, way, part=2)
    assert (await harness.result_of("clean")).status is ItemStatus.DONE
    async with client("s3", access) as s3:
        assert "Uploads" not in await s3.list_multipart_uploads(Bucket="app-releases")
    assert (await harness.result_of("clean")).status is ItemStatus.UNCHANGED


async def test_uploads_of_others_stay(
    harness: ItemHarness[S3ObjectState], access: AwsAccess
) -> None:
    """Uploads of other objects, whose keys begin alike, are left alone."""
    async with client("s3", access) as s3:
        await s3.create_multipart_upload(Bucket="app-releases", Key="apple")
        assert (await harness.result_of("ensure")).status is ItemStatus.DONE
        assert (await harness.result_of("clean")).status is ItemStatus.DONE
        [left] = (await s3.list_multipart_uploads(Bucket="app-releases"))["Uploads"]
        assert left["Key"] == "apple"


async def test_progress(harness: ItemHarness[S3ObjectState]) -> None:
    """The bytes that are there are told."""
    await harness.ensure()
    last = harness.sink.of(ItemProgressed)[-1].progress
    assert (last.unit, last.done, last.total) == (ProgressUnit.BYTES, SIZE, SIZE)


async def test_a_file_that_changes(harness: ItemHarness[S3ObjectState], way: Way) -> None:
    """A file that is written to while it is uploaded is noticed, and nothing is replaced."""
    assert isinstance(harness.item, S3Object)
    file = harness.item.file

    async def change(asked: Asked) -> web.StreamResponse | None:
        if asked.operation == "UploadPart":
            with file.open("r+b") as opened:
                opened.seek(SIZE - 5)
                opened.write(b"other")
        return None

    way.before = change
    with pytest.raises(UploadSourceChanged):
        await harness.result_of("ensure")
    current, _ = await harness.states()
    assert current is not None
    assert not current.present


async def test_a_file_that_is_not_there(harness: ItemHarness[S3ObjectState]) -> None:
    """A file that is missing is named; what it should be is not known until something makes it."""
    assert isinstance(harness.item, S3Object)
    harness.item.file.unlink()
    _, goal = await harness.states()
    assert goal is None
    with pytest.raises(UploadSourceMissing, match=str(harness.item.file)):
        await harness.result_of("ensure")


@pytest.mark.parametrize("size", [0, 1, 8 * MEBIBYTE, 8 * MEBIBYTE + 1, 5 * 1024**4])
def test_part_sizes(size: int) -> None:
    """No file has more parts than S3 takes, and parts are whole mebibytes."""
    length = part_size(size)
    assert length % MEBIBYTE == 0
    assert -(-size // length) <= 10_000


def test_parts_are_compared_by_what_is_told() -> None:
    """By SHA-256 where the server keeps it, else by ETag."""
    part = PartDigest.of(b"x")
    assert part.is_of({"ChecksumSHA256": part.checksum, "ETag": '"other"'})
    assert not part.is_of({"ChecksumSHA256": "other", "ETag": f'"{part.md5.hex()}"'})
    assert part.is_of({"ETag": f'"{part.md5.hex()}"'})
    assert ObjectDigest.of(1, [part]).etag == part.md5.hex()
