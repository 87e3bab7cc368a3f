"""Uploads to S3, part by part, and digests of what was uploaded."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from peaceful._aio import run_in_thread
from peaceful._item.ctx import ItemCtx
from peaceful.items._disk import disk_errors
from peaceful.items.aws._errors import AwsMissing, UploadSourceChanged, UploadSourceMissing
from peaceful.items.aws._service import Answer, Service

_MEBIBYTE: Final = 1024 * 1024
_PART: Final = 8 * _MEBIBYTE
_MOST_PARTS: Final = 10_000
_READ: Final = _MEBIBYTE


def part_size(size: int) -> int:
    """How large the parts are in which a file of that many bytes is uploaded.

    It follows from the size alone, because the checksum of the object depends on it.
    """
    least = -(-size // _MOST_PARTS)
    return max(_PART, -(-least // _MEBIBYTE) * _MEBIBYTE)


@dataclass(frozen=True, slots=True)
class PartDigest:
    """The checksums of one part of a file.

    Attributes:
        sha256: its SHA-256.
        md5: its MD5, which tells parts apart where a server keeps no other checksum.
    """

    sha256: bytes
    md5: bytes

    @classmethod
    def of(cls, data: bytes) -> PartDigest:
        """Those of some bytes."""
        md5 = hashlib.md5(data, usedforsecurity=False)
        return cls(hashlib.sha256(data).digest(), md5.digest())

    @property
    def checksum(self) -> str:
        """The SHA-256 as S3 writes it."""
        return base64.b64encode(self.sha256).decode()

    def is_of(self, part: dict[str, object]) -> bool:
        """Whether a part that S3 has is the same, by the best checksum that it tells."""
        told = part.get("ChecksumSHA256")
        if told is not None:
            return told == self.checksum
        return str(part.get("ETag", "")).strip('"') == self.md5.hex()


@dataclass(frozen=True, slots=True)
class ObjectDigest:
    """What S3 tells of an object.

    Attributes:
        size: in bytes.
        checksum: the SHA-256 in base64; of an object in parts, that of the parts' SHA-256, a
            hyphen, and how many they are.
        etag: the same of MD5, in hexadecimal digits.
    """

    size: int
    checksum: str
    etag: str

    @classmethod
    def of(cls, size: int, parts: list[PartDigest]) -> ObjectDigest:
        """Of an object that is uploaded in these parts."""
        if size <= part_size(size):
            [part] = parts
            return cls(size, part.checksum, part.md5.hex())
        sha256 = hashlib.sha256(b"".join(part.sha256 for part in parts)).digest()
        md5 = hashlib.md5(b"".join(part.md5 for part in parts), usedforsecurity=False)
        count = f"-{len(parts)}"
        return cls(size, base64.b64encode(sha256).decode() + count, md5.hexdigest() + count)


def digest_of(path: Path, between: Callable[[int, int], None]) -> ObjectDigest:
    """The checksums of a file.

    Args:
        path: the file.
        between: told after each read how many bytes came, and how many there are in all; what it
            raises ends the reading.

    Raises:
        UploadSourceMissing: there is no such file.
        DiskFailed: it cannot be read.
    """
    with disk_errors(path, "read"):
        try:
            size = path.stat().st_size
            parts = list(_parts(path, size, between))
        except FileNotFoundError:
            raise UploadSourceMissing(path) from None
    read = sum(length for length, _ in parts)
    return ObjectDigest.of(read, [digest for _, digest in parts])


def _parts(
    path: Path, size: int, between: Callable[[int, int], None]
) -> Iterator[tuple[int, PartDigest]]:
    with path.open("rb") as file:
        while True:
            sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
            left = length = part_size(size)
            while left and (data := file.read(min(_READ, left))):
                sha256.update(data)
                md5.update(data)
                left -= len(data)
                between(len(data), size)
            read = length - left
            if read or size == 0:
                yield read, PartDigest(sha256.digest(), md5.digest())
            if left or size == 0:
                return


_AT_A_TIME: Final = 4
"""How many parts are on their way at a time; each is held in memory."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the file that S3 has.

    Attributes:
        number: from 1 on.
        digest: its checksums.
        etag: what S3 calls it.
    """

    number: int
    digest: PartDigest
    etag: str


class Upload:
    """One upload of a file.

    Args:
        ctx: of the item.
        s3: the service.
        bucket: where it goes.
        key: what it is called there.
        file: what is uploaded.
        content_type: what S3 tells those who download it.
    """

    def __init__(
        self, ctx: ItemCtx, s3: Service, bucket: str, key: str, file: Path, content_type: str
    ) -> None:
        self._ctx = ctx
        self._s3 = s3
        self._place = {"Bucket": bucket, "Key": key}
        self._file = file
        self._content_type = content_type

    async def run(self, size: int, checksum: str | None) -> None:
        """Uploads the file, or carries on with what an earlier run has uploaded.

        Args:
            size: how many bytes it has.
            checksum: that of the object; see `ObjectDigest`.

        Raises:
            AwsFailed: it could not be uploaded.
            UploadSourceChanged: the file is not as it was when its checksum was made.
            StoppedAtSafePoint: the item is to end here.
        """
        self._ctx.progress.message("")
        self._ctx.progress.bytes(size, done=0)
        if size <= part_size(size):
            await self._at_once(size, checksum)
        else:
            await self._in_parts(size, checksum)
        # Such as one that was begun by an earlier run for another version of the file.
        await abort_uploads(self._s3, self._place["Bucket"], self._place["Key"])

    async def _at_once(self, size: int, checksum: str | None) -> None:
        data = await run_in_thread(self._read, 0, size + 1)
        digest = PartDigest.of(data)
        if ObjectDigest.of(len(data), [digest]).checksum != checksum:
            raise UploadSourceChanged(self._file)
        await self._s3.call(
            "put_object",
            **self._place,
            Body=data,
            ContentType=self._content_type,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=digest.checksum,
        )
        self._ctx.progress.advance(size)

    async def _in_parts(self, size: int, checksum: str | None) -> None:
        upload_id, there = await self._begun()
        self._ctx.progress.message("")
        length = part_size(size)
        numbers = iter(range(1, -(-size // length) + 1))
        parts: list[_Part] = []

        async def take_parts() -> None:
            for number in numbers:
                await self._ctx.safe_point(where=f"after {len(parts)} parts")
                parts.append(await self._part(upload_id, number, length, there.get(number)))

        await _together(take_parts, _AT_A_TIME)
        parts.sort(key=lambda part: part.number)
        if ObjectDigest.of(size, [part.digest for part in parts]).checksum != checksum:
            raise UploadSourceChanged(self._file)
        await self._complete(upload_id, parts)

    async def _begun(self) -> tuple[str, dict[int, Answer]]:
        """The newest upload that was begun, and its parts; or a new one."""
        uploads = await uploads_of(self._s3, self._place["Bucket"], self._place["Key"])
        for upload_id in uploads:
            with contextlib.suppress(AwsMissing):
                return upload_id, await self._parts_there(upload_id)
        answer = await self._s3.call(
            "create_multipart_upload",
            **self._place,
            ContentType=self._content_type,
            ChecksumAlgorithm="SHA256",
        )
        return str(answer["UploadId"]), {}

    async def _parts_there(self, upload_id: str) -> dict[int, Answer]:
        there: dict[int, Answer] = {}
        marker = 0
        while True:
            answer = await self._s3.call(
                "list_parts", **self._place, UploadId=upload_id, PartNumberMarker=marker
            )
            there |= {part["PartNumber"]: part for part in answer.get("Parts", ())}
            if not answer.get("IsTruncated"):
                return there
            marker = answer["NextPartNumberMarker"]

    async def _part(self, upload_id: str, number: int, length: int, there: Answer | None) -> _Part:
        data = await run_in_thread(self._read, (number - 1) * length, length)
        digest = await run_in_thread(PartDigest.of, data)
        if there is not None and digest.is_of(there):
            etag = str(there["ETag"])
        else:
            asking = self._s3.call(
                "upload_part",
                **self._place,
                UploadId=upload_id,
                PartNumber=number,
                Body=data,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=digest.checksum,
            )
            # Given up at an interrupt: the next run sends this part again, and no other.
            answer = await self._ctx.wait_for(asking, where=f"while uploading part {number}")
            etag = str(answer["ETag"])
        self._ctx.progress.advance(len(data))
        return _Part(number, digest, etag)

    async def _complete(self, upload_id: str, parts: list[_Part]) -> None:
        with contextlib.suppress(AwsMissing):  # An attempt whose answer was lost has completed it.
            await self._s3.call(
                "complete_multipart_upload",
                **self._place,
                UploadId=upload_id,
                MultipartUpload={
                    "Parts": [
                        {
                            "PartNumber": part.number,
                            "ETag": part.etag,
                            "ChecksumSHA256": part.digest.checksum,
                        }
                        for part in parts
                    ]
                },
            )

    def _read(self, offset: int, length: int) -> bytes:
        with disk_errors(self._file, "read"):
            try:
                with self._file.open("rb") as file:
                    file.seek(offset)
                    return file.read(length)
            except FileNotFoundError:
                raise UploadSourceMissing(self._file) from None


async def uploads_of(s3: Service, bucket: str, key: str) -> list[str]:
    """The uploads of an object that were begun and not ended, the newest first.

    Raises:
        AwsMissing: there is no such bucket.
        AwsFailed: S3 does not tell.
    """
    found: list[Answer] = []
    markers: dict[str, object] = {}
    while True:
        answer = await s3.call("list_multipart_uploads", Bucket=bucket, Prefix=key, **markers)
        found += [one for one in answer.get("Uploads", ()) if one["Key"] == key]
        if not answer.get("IsTruncated"):
            break
        markers = {
            "KeyMarker": answer["NextKeyMarker"],
            "UploadIdMarker": answer["NextUploadIdMarker"],
        }
    found.sort(key=lambda one: one["Initiated"], reverse=True)
    return [str(one["UploadId"]) for one in found]


async def abort_uploads(s3: Service, bucket: str, key: str) -> None:
    """Removes what was uploaded by uploads of an object that were begun and not ended.

    Raises:
        AwsFailed: S3 does not.
    """
    for upload_id in await uploads_of(s3, bucket, key):
        with contextlib.suppress(AwsMissing):
            await s3.call("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload_id)


async def _together(work: Callable[[], Coroutine[object, object, None]], times: int) -> None:
    """Runs something several times at once; the first failure ends the others, and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(times):
                group.create_task(work())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
