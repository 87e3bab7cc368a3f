"""The item for an object in a bucket, uploaded from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from peaceful._aio import run_in_thread
from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import Change, StateDiff
from peaceful._item.item import Item
from peaceful._model.location import Interaction, Location, Push
from peaceful._model.state import State
from peaceful._present.numbers import size
from peaceful.items.aws._errors import AwsMissing, UploadSourceMissing
from peaceful.items.aws._s3 import BucketName, ObjectKey, bucket_location
from peaceful.items.aws._service import AwsAccess, Service, service
from peaceful.items.aws._upload import ObjectDigest, Upload, abort_uploads, digest_of, uploads_of

_VERSION_TAG: Final = "version"
"""The tag of an object that holds its version."""


class S3ObjectState(State):
    """An object in a bucket, or that there is none.

    Attributes:
        bucket: the bucket.
        key: its key.
        present: whether it is there.
        size: in bytes, or none where it is not there.
        checksum: its SHA-256 in base64, as S3 has made it; of an object in parts, that of the
            parts' SHA-256, a hyphen, and how many they are. None where S3 does not tell.
        etag: what S3 tells its versions apart by; none where that says nothing of the content.
        uploads: how many uploads of it were begun and not ended.
        version: the version that it is tagged with, where one is asked for.
    """

    bucket: str
    key: str
    present: bool
    size: int | None = None
    checksum: str | None = None
    etag: str | None = None
    uploads: int = 0
    version: str | None = None

    def __str__(self) -> str:
        """Its version and size: `version 1.2, 5.0 MB`; or `absent`; and what was begun of it."""
        version = "" if self.version is None else f"version {self.version}, "
        what = f"{version}{size(self.size or 0)}" if self.present else "absent"
        return f"{what}, partly uploaded" if self.uploads else what


class S3Object(Item[S3ObjectState]):
    """An object of S3 whose content is that of a file. Needs the extra `aws`.

    ```python
    bucket = flow.add("bucket", S3Bucket(name="app-releases"))
    upload = flow.add(
        "upload", S3Object(bucket=bucket.state.name, key="app.tar", file=archive.state.path)
    )
    flow.contains(bucket, upload)
    ```

    A large file is uploaded in parts, several at a time. An interrupt ends that at once; the next
    run compares the parts that are there by their checksums, and carries on with the others. Object
    and file are compared by SHA-256, or by `ETag` with servers that keep no other checksum.

    While the file is still to be made by an item before, what it will be is not known. To see even
    then that another version is due, give `version`: the object is tagged with it.

    Cleaning removes the object and every upload of it that was begun and not ended.

    Attributes:
        bucket: the name of the bucket.
        key: its key in the bucket.
        file: the file.
        content_type: what S3 tells those who download it, such as `application/gzip`.
        version: what the file is the release of, such as `1.2`.
        aws: how AWS is reached.
    """

    bucket: BucketName
    key: ObjectKey
    file: Path
    content_type: str = "application/octet-stream"
    version: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    aws: AwsAccess = AwsAccess()

    async def state_current(self, ctx: ItemCtx) -> S3ObjectState:
        """What S3 has."""
        async with service("s3", self.aws, ctx) as s3:
            return await self._found(s3)

    async def state_goal(self, ctx: ItemCtx) -> S3ObjectState:
        """The content of the file."""
        return self._state(await run_in_thread(self._digest, ctx))

    async def try_state_goal(self, ctx: ItemCtx) -> S3ObjectState | None:
        """As `state_goal`; not known where the file may only come to be."""
        try:
            return await self.state_goal(ctx)
        except UploadSourceMissing:
            return None

    def state_clean(self, ctx: ItemCtx) -> S3ObjectState:
        """No object, and no part of one."""
        return S3ObjectState(bucket=self.bucket, key=self.key, present=False)

    def diff(self, current: S3ObjectState, goal: S3ObjectState) -> StateDiff | None:
        """What differs, as far as both sides know it: see `S3Object`."""
        changes: list[Change] = []
        if current.present != goal.present:
            shown = (str(current) if current.present else "", str(goal) if goal.present else "")
            before = current.model_dump(mode="json") if current.present else None
            after = goal.model_dump(mode="json") if goal.present else None
            changes.append(Change("object", before, after, *shown))
        elif goal.present:
            changes.extend(_version_changes(current, goal))
            changes.extend(_content_changes(current, goal))
        # What is uploaded is carried on with: it is no difference of its own.
        if current.uploads and not goal.present:
            changes.append(Change("uploads", current.uploads, 0))
        return StateDiff(tuple(changes)) if changes else None

    async def apply(
        self, ctx: ItemCtx, current: S3ObjectState, goal: S3ObjectState
    ) -> S3ObjectState:
        """Uploads the file, or carries on with it; or removes what should not be there."""
        await ctx.safe_point(where="before the upload")
        async with service("s3", self.aws, ctx) as s3:
            if goal.present:
                await self._ensure(ctx, s3, current, goal)
            else:
                await self._delete(s3)
            return await s3.settled(
                lambda: self._found(s3),
                lambda state: self.diff(state, goal) is None,
                f"the object {self.key}",
            )

    def interactions(self) -> Sequence[Interaction]:
        """From the file to the bucket."""
        source = Location.path(str(self.file), Location.host("localhost"))
        return (Push(source, Location.path(self.key, bucket_location(self.bucket))),)

    def state_example(self) -> S3ObjectState:
        """An object of five megabytes."""
        return S3ObjectState(bucket=self.bucket, key=self.key, present=True, size=5_000_000)

    def _digest(self, ctx: ItemCtx) -> ObjectDigest:
        ctx.progress.message("computing the checksum of the file")
        begun = False

        def between(count: int, total: int) -> None:
            nonlocal begun
            if not begun:
                begun = True
                ctx.progress.bytes(total, done=0)
            ctx.progress.advance(count)
            _ = ctx.safe_point(where="while computing the checksum of the file")

        return digest_of(self.file, between)

    def _state(self, digest: ObjectDigest) -> S3ObjectState:
        return S3ObjectState(
            bucket=self.bucket,
            key=self.key,
            present=True,
            size=digest.size,
            checksum=digest.checksum,
            etag=digest.etag,
            version=self.version,
        )

    async def _found(self, s3: Service) -> S3ObjectState:
        absent = S3ObjectState(bucket=self.bucket, key=self.key, present=False)
        try:
            uploads = await uploads_of(s3, self.bucket, self.key)
        except AwsMissing:
            return absent  # Not even the bucket is there.
        try:
            head = await s3.call(
                "head_object", Bucket=self.bucket, Key=self.key, ChecksumMode="ENABLED"
            )
            version = await self._version(s3)
        except AwsMissing:
            return absent.model_copy(update={"uploads": len(uploads)})
        encrypted = str(head.get("ServerSideEncryption", "")).startswith("aws:kms")
        return S3ObjectState(
            bucket=self.bucket,
            key=self.key,
            present=True,
            size=head["ContentLength"],
            checksum=head.get("ChecksumSHA256"),
            etag=None if encrypted else str(head["ETag"]).strip('"'),
            uploads=len(uploads),
            version=version,
        )

    async def _ensure(
        self, ctx: ItemCtx, s3: Service, current: S3ObjectState, goal: S3ObjectState
    ) -> None:
        if not current.present or _content_changes(current, goal):
            assert goal.size is not None
            upload = Upload(ctx, s3, self.bucket, self.key, self.file, self.content_type)
            await upload.run(goal.size, goal.checksum)
        if goal.version is not None:
            tags = {"TagSet": [{"Key": _VERSION_TAG, "Value": goal.version}]}
            await s3.call("put_object_tagging", Bucket=self.bucket, Key=self.key, Tagging=tags)

    async def _version(self, s3: Service) -> str | None:
        if self.version is None:
            return None
        answer = await s3.call("get_object_tagging", Bucket=self.bucket, Key=self.key)
        tags = {tag["Key"]: str(tag["Value"]) for tag in answer["TagSet"]}
        return tags.get(_VERSION_TAG)

    async def _delete(self, s3: Service) -> None:
        try:
            await abort_uploads(s3, self.bucket, self.key)
            await s3.call("delete_object", Bucket=self.bucket, Key=self.key)
        except AwsMissing:
            return  # Not even the bucket is there.


def _version_changes(current: S3ObjectState, goal: S3ObjectState) -> list[Change]:
    if goal.version is None or current.version == goal.version:
        return []
    before = current.version or "unknown"
    return [Change("version", current.version, goal.version, before, goal.version)]


def _content_changes(current: S3ObjectState, goal: S3ObjectState) -> list[Change]:
    changes: list[Change] = []
    if current.size != goal.size:
        shown = (size(current.size or 0), size(goal.size or 0))
        changes.append(Change("size", current.size, goal.size, *shown))
    if current.checksum is not None and goal.checksum is not None:
        # Some servers leave out how many parts there were.
        if current.checksum not in {goal.checksum, goal.checksum.partition("-")[0]}:
            changes.append(Change("checksum", current.checksum, goal.checksum))
    elif current.etag != goal.etag:
        changes.append(
            Change(
                "etag",
                current.etag,
                goal.etag,
                before_shown=current.etag or "unknown",
                after_shown=goal.etag or "unknown",
            )
        )
    return changes
