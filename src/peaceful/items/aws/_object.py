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
from peaceful.items.aws._upload import Upload, abort_uploads, digest_of, uploads_of

_VERSION_TAG: Final = "version"
"""The name of the tag that holds an object's version."""


class S3ObjectState(State):
    """The state of an object in a bucket, which may be absent.

    Attributes:
        bucket: the name of the bucket.
        key: its key.
        present: whether it exists.
        size: its size in bytes, or None if it is absent.
        checksum: its SHA-256 in base64, as S3 computes it: for a multipart object, the SHA-256 of
            the parts' SHA-256, a hyphen, and the number of parts. None if S3 does not tell.
        etag: its entity tag, or None if that does not depend on the content only.
        uploads: the number of its unfinished multipart uploads.
        version: the version that it is tagged with, if the item gives one.
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
        version = "" if self.version is None else f"version {self.version}, "
        what = f"{version}{size(self.size or 0)}" if self.present else "absent"
        return f"{what}, partly uploaded" if self.uploads else what


class S3Object(Item[S3ObjectState]):
    """An S3 object with the content of a local file. Needs the extra `aws`.

    ```python
    bucket = flow.add("bucket", S3Bucket(name="app-releases"))
    upload = flow.add(
        "upload", S3Object(bucket=bucket.state.name, key="app.tar", file=archive.state.path)
    )
    flow.contains(bucket, upload)
    ```

    A large file is uploaded in parts, several at a time. An interrupt ends that at once; the next
    run compares the uploaded parts by checksum, and resumes with the missing ones. Object and file
    are compared by SHA-256, or by `ETag` with servers that keep no other checksum.

    As long as an earlier item has not produced the file, the goal is unknown. To see even then that
    a new version is due, give `version`: the object is tagged with it.

    Cleaning removes the object and all of its unfinished multipart uploads.

    Attributes:
        bucket: the name of the bucket.
        key: its key in the bucket.
        file: the file.
        content_type: the content type that S3 sends with it, such as `application/gzip`.
        version: the release that the file belongs to, such as `1.2`.
        aws: access to AWS.
    """

    bucket: BucketName
    key: ObjectKey
    file: Path
    content_type: str = "application/octet-stream"
    version: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    aws: AwsAccess = AwsAccess()

    async def state_current(self, ctx: ItemCtx) -> S3ObjectState:
        """Look up the object and its unfinished uploads in S3."""
        async with service("s3", self.aws, ctx) as s3:
            return await self._found(s3)

    async def state_goal(self, ctx: ItemCtx) -> S3ObjectState:
        """Compute the checksums of the file; raise `UploadSourceMissing` if there is none."""
        digest = await run_in_thread(digest_of, self.file, ctx)
        return S3ObjectState(
            bucket=self.bucket,
            key=self.key,
            present=True,
            size=digest.size,
            checksum=digest.checksum,
            etag=digest.etag,
            version=self.version,
        )

    async def try_state_goal(self, ctx: ItemCtx) -> S3ObjectState | None:
        """Return the goal, or None if an earlier item may still produce the file."""
        try:
            return await self.state_goal(ctx)
        except UploadSourceMissing:
            return None

    def state_clean(self, ctx: ItemCtx) -> S3ObjectState:
        """Return that there is no object, nor any part of one."""
        return S3ObjectState(bucket=self.bucket, key=self.key, present=False)

    def diff(self, current: S3ObjectState, goal: S3ObjectState) -> StateDiff | None:
        """Compare existence, or version and content as far as both states know them."""
        changes: list[Change] = []
        if current.present != goal.present:
            shown = (str(current) if current.present else "", str(goal) if goal.present else "")
            before = current.model_dump(mode="json") if current.present else None
            after = goal.model_dump(mode="json") if goal.present else None
            changes.append(Change("object", before, after, *shown))
        elif goal.present:
            if goal.version not in {None, current.version}:
                changes.append(_from_unknown("version", current.version, goal.version))
            changes.extend(_content_changes(current, goal))
        # An unfinished upload will be resumed, so it is no difference of its own.
        if current.uploads and not goal.present:
            changes.append(Change("uploads", current.uploads, 0))
        return StateDiff(tuple(changes)) if changes else None

    async def apply(
        self, ctx: ItemCtx, current: S3ObjectState, goal: S3ObjectState
    ) -> S3ObjectState:
        """Upload the file, resuming an unfinished upload; or remove the object."""
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
        """Return that the item pushes from the file to the bucket."""
        source = Location.path(str(self.file), Location.host("localhost"))
        return (Push(source, Location.path(self.key, bucket_location(self.bucket))),)

    def state_example(self) -> S3ObjectState:
        """Return an object of five megabytes."""
        return S3ObjectState(bucket=self.bucket, key=self.key, present=True, size=5_000_000)

    async def _found(self, s3: Service) -> S3ObjectState:
        absent = S3ObjectState(bucket=self.bucket, key=self.key, present=False)
        try:
            uploads = await uploads_of(s3, self.bucket, self.key)
        except AwsMissing:
            return absent  # There is not even a bucket.
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
        return {tag["Key"]: str(tag["Value"]) for tag in answer["TagSet"]}.get(_VERSION_TAG)

    async def _delete(self, s3: Service) -> None:
        try:
            await abort_uploads(s3, self.bucket, self.key)
            await s3.call("delete_object", Bucket=self.bucket, Key=self.key)
        except AwsMissing:
            return  # There is not even a bucket.


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
        changes.append(_from_unknown("etag", current.etag, goal.etag))
    return changes


def _from_unknown(name: str, before: str | None, after: str | None) -> Change:
    """Return a change of a fact for which None means unknown, not absent."""
    return Change(name, before, after, before or "unknown", after or "unknown")
