"""Uploads to S3, part by part, and the checksums of what was uploaded."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import Iterator, Mapping
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
_AT_A_TIME: Final = 4
"""Parts that are uploaded at a time; each is held in memory."""

_PART_MARKERS: Final = {"PartNumberMarker": "NextPartNumberMarker"}
_UPLOAD_MARKERS: Final = {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"}


def part_size(size: int) -> int:
    """Return the size in bytes of the parts in which a file of this size is uploaded.

    It depends on nothing but the file's size, because the object's checksum depends on it.
    """
    least = -(-size // _MOST_PARTS)
    return max(_PART, -(-least // _MEBIBYTE) * _MEBIBYTE)


@dataclass(frozen=True, slots=True)
class PartDigest:
    """The checksums of one part; the MD5 is for servers that keep no SHA-256."""

    sha256: bytes
    md5: bytes

    @classmethod
    def of(cls, data: bytes) -> PartDigest:
        """Compute the checksums of a part's content."""
        md5 = hashlib.md5(data, usedforsecurity=False)
        return cls(hashlib.sha256(data).digest(), md5.digest())

    @property
    def checksum(self) -> str:
        """The SHA-256 as S3 writes it."""
        return base64.b64encode(self.sha256).decode()

    def is_of(self, part: Answer) -> bool:
        """Return whether an uploaded part has this content, by the best checksum there is."""
        checksum = part.get("ChecksumSHA256")
        if checksum is not None:
            return bool(checksum == self.checksum)
        return str(part.get("ETag", "")).strip('"') == self.md5.hex()


@dataclass(frozen=True, slots=True)
class ObjectDigest:
    """The size and checksums of an object, as S3 reports them; see `S3ObjectState`."""

    size: int
    checksum: str
    etag: str

    @classmethod
    def of(cls, size: int, parts: list[PartDigest]) -> ObjectDigest:
        """Combine the checksums of the parts in which an object is uploaded."""
        if size <= part_size(size):
            [part] = parts
            return cls(size, part.checksum, part.md5.hex())
        combined = PartDigest(
            hashlib.sha256(b"".join(part.sha256 for part in parts)).digest(),
            hashlib.md5(b"".join(part.md5 for part in parts), usedforsecurity=False).digest(),
        )
        count = f"-{len(parts)}"
        return cls(size, combined.checksum + count, combined.md5.hex() + count)


def digest_of(path: Path, ctx: ItemCtx) -> ObjectDigest:
    """Compute the checksums of a file, or raise `UploadSourceMissing`."""
    ctx.progress.message("computing the checksum of the file")
    with disk_errors(path, "read"):
        try:
            size = path.stat().st_size
            ctx.progress.bytes(size, done=0)
            parts = list(_part_digests(path, size, ctx))
        except FileNotFoundError:
            raise UploadSourceMissing(path) from None
    read = sum(length for length, _ in parts)
    return ObjectDigest.of(read, [digest for _, digest in parts])


def _part_digests(path: Path, size: int, ctx: ItemCtx) -> Iterator[tuple[int, PartDigest]]:
    with path.open("rb") as file:
        while True:
            sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
            left = length = part_size(size)
            while left and (data := file.read(min(_MEBIBYTE, left))):
                sha256.update(data)
                md5.update(data)
                left -= len(data)
                ctx.progress.advance(len(data))
                _ = ctx.safe_point(where="while computing the checksum of the file")
            read = length - left
            if read or size == 0:
                yield read, PartDigest(sha256.digest(), md5.digest())
            if left or size == 0:
                return


@dataclass(frozen=True, slots=True)
class Upload:
    """The upload of a file to an object.

    Attributes:
        properties: what the object gets besides its content, as parameters of the requests.
    """

    s3: Service
    bucket: str
    key: str
    file: Path
    properties: Mapping[str, object]

    @property
    def _target(self) -> dict[str, object]:
        return {"Bucket": self.bucket, "Key": self.key}

    async def run(self, size: int, checksum: str | None, *, there: bool = False) -> None:
        """Upload the file, or resume the upload of an earlier run.

        If the object is `there` with this content, and lacks only the properties, the parts of a
        large one are copied within S3.

        Raises `UploadSourceChanged` if the file no longer has the given checksum.
        """
        self.s3.ctx.progress.message("")
        self.s3.ctx.progress.bytes(size, done=0)
        if size <= part_size(size):
            await self._at_once(size, checksum)
        else:
            await self._in_parts(size, checksum, there)
        # An earlier run may have left one of another version of the file.
        await abort_uploads(self.s3, self.bucket, self.key)

    async def _at_once(self, size: int, checksum: str | None) -> None:
        data = await run_in_thread(self._read, 0, size + 1)
        digest = PartDigest.of(data)
        if ObjectDigest.of(len(data), [digest]).checksum != checksum:
            raise UploadSourceChanged(self.file)
        await self.s3.call(
            "put_object",
            **self._target,
            Body=data,
            **self.properties,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=digest.checksum,
        )
        self.s3.ctx.progress.advance(size)

    async def _in_parts(self, size: int, checksum: str | None, there: bool) -> None:
        upload_id, uploaded = await (self._copy(size) if there else self._resume_or_begin())
        self.s3.ctx.progress.message("")
        length = part_size(size)
        numbers = iter(range(1, -(-size // length) + 1))
        parts: dict[int, tuple[PartDigest, str]] = {}

        async def take_parts() -> None:
            for number in numbers:
                await self.s3.ctx.safe_point(where=f"after {len(parts)} parts")
                part = self._upload_part(upload_id, number, length, uploaded.get(number))
                parts[number] = await part

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_A_TIME):
                    group.create_task(take_parts())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        in_order = sorted(parts.items())
        digests = [digest for _, (digest, _) in in_order]
        if ObjectDigest.of(size, digests).checksum != checksum:
            raise UploadSourceChanged(self.file)
        listed = [
            {"PartNumber": number, "ETag": etag, "ChecksumSHA256": digest.checksum}
            for number, (digest, etag) in in_order
        ]
        # Unless an attempt whose answer was lost has completed it.
        await self.s3.call_if_there(
            "complete_multipart_upload",
            **self._target,
            UploadId=upload_id,
            MultipartUpload={"Parts": listed},
        )

    async def _resume_or_begin(self) -> tuple[str, dict[int, Answer]]:
        """Return the newest unfinished upload, and its parts by number; or begin a new one."""
        for upload_id in await uploads_of(self.s3, self.bucket, self.key):
            with contextlib.suppress(AwsMissing):
                parts = self.s3.pages(
                    "list_parts", "Parts", markers=_PART_MARKERS, **self._target, UploadId=upload_id
                )
                return upload_id, {part["PartNumber"]: part async for part in parts}
        return await self._begin(), {}

    async def _begin(self) -> str:
        answer = await self.s3.call(
            "create_multipart_upload", **self._target, **self.properties, ChecksumAlgorithm="SHA256"
        )
        return str(answer["UploadId"])

    async def _copy(self, size: int) -> tuple[str, dict[int, Answer]]:
        """Begin an upload with the parts of the object that is there, and return it likewise.

        None is resumed: it would give the object the properties with which it was begun.
        """
        upload_id, length = await self._begin(), part_size(size)
        copied: dict[int, Answer] = {}
        for number, first in enumerate(range(0, size, length), start=1):
            await self.s3.ctx.safe_point(where=f"after {len(copied)} parts were copied")
            answer = await self.s3.call(
                "upload_part_copy",
                **self._target,
                UploadId=upload_id,
                PartNumber=number,
                CopySource=self._target,
                CopySourceRange=f"bytes={first}-{min(first + length, size) - 1}",
            )
            copied[number] = answer["CopyPartResult"]
        return upload_id, copied

    async def _upload_part(
        self, upload_id: str, number: int, length: int, uploaded: Answer | None
    ) -> tuple[PartDigest, str]:
        data = await run_in_thread(self._read, (number - 1) * length, length)
        digest = await run_in_thread(PartDigest.of, data)
        if uploaded is None or not digest.is_of(uploaded):
            asking = self.s3.call(
                "upload_part",
                **self._target,
                UploadId=upload_id,
                PartNumber=number,
                Body=data,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=digest.checksum,
            )
            # An interrupt abandons the part, and the next run sends it again.
            uploaded = await self.s3.ctx.wait_for(asking, where=f"while uploading part {number}")
        self.s3.ctx.progress.advance(len(data))
        return digest, str(uploaded["ETag"])

    def _read(self, offset: int, length: int) -> bytes:
        with disk_errors(self.file, "read"):
            try:
                with self.file.open("rb") as file:
                    file.seek(offset)
                    return file.read(length)
            except FileNotFoundError:
                raise UploadSourceMissing(self.file) from None


async def uploads_of(s3: Service, bucket: str, key: str) -> list[str]:
    """Return the IDs of an object's unfinished uploads, newest first; `AwsMissing`: no bucket."""
    pages = s3.pages(
        "list_multipart_uploads", "Uploads", markers=_UPLOAD_MARKERS, Bucket=bucket, Prefix=key
    )
    found = [one async for one in pages if one["Key"] == key]
    found.sort(key=lambda one: one["Initiated"], reverse=True)
    return [str(one["UploadId"]) for one in found]


async def abort_uploads(s3: Service, bucket: str, key: str) -> None:
    """Abort an object's unfinished multipart uploads."""
    for upload_id in await uploads_of(s3, bucket, key):
        await s3.call_if_there("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload_id)
